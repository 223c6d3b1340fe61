"""From what became of each item to the rows of the ledger: what users see at `/v1/outcomes`.

`received` is counted apart from the fates, so that received = accepted + duplicates + every kind of
refusal is a check. A dead letter that is sent again was received once: its `dead` is taken back
when it meets its new fate.
"""

from collections import Counter
from collections.abc import Iterable

from eventlog.records import Refusal
from processors.blocks import Fate
from schemas.projects import ProjectId
from schemas.rows import OutcomeRow

MINUTE_NS = 60_000_000_000
MINUTE_US = 60_000_000

Key = tuple[str, str, str, int]


def outcomes_of(kind: str, fates: Iterable[Fate]) -> list[OutcomeRow]:
    """Counts fates by project, outcome, reason and minute of arrival."""
    counts: Counter[Key] = Counter()
    # All items of a request share one fate as a rule: few are left to look at one by one.
    for fate, items in Counter(fates).items():
        minute = fate.received_at_ns // MINUTE_NS
        if fate.dead_ref:
            counts[fate.project_id, "dead", "unfit", minute] -= items
        else:
            counts[fate.project_id, "received", "", minute] += items
        counts[fate.project_id, fate.outcome, fate.reason, minute] += items
    return _rows(kind, counts)


def outcomes_of_refusals(refusals: Iterable[Refusal]) -> list[OutcomeRow]:
    """Counts what the edge refused: received, and refused with its reason."""
    by_kind: dict[str, Counter[Key]] = {}
    for refusal in refusals:
        counts = by_kind.setdefault(refusal.kind, Counter())
        minute = refusal.received_at_ns // MINUTE_NS
        counts[refusal.project_id, "received", "", minute] += refusal.count
        counts[refusal.project_id, refusal.outcome, refusal.reason, minute] += refusal.count
    return [row for kind, counts in by_kind.items() for row in _rows(kind, counts)]


def _rows(kind: str, counts: "Counter[Key]") -> list[OutcomeRow]:
    return [
        OutcomeRow(
            project_id=ProjectId(project_id),
            kind=kind,
            outcome=outcome,
            reason=reason,
            minute_us=minute * MINUTE_US,
            count=count,
        )
        for (project_id, outcome, reason, minute), count in sorted(counts.items())
        if count
    ]
