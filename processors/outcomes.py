"""From what became of each item to the rows of the ledger: what users see at `/v1/outcomes`.

`received` is counted separately from the outcomes, so there is a check: received = accepted +
duplicates + every kind of rejection. A dead letter that is sent again was received once: its `dead`
is taken back when it meets its new outcome.
"""

from collections import Counter
from collections.abc import Iterable, Mapping

from eventlog.records import Refusal
from processors.blocks import ItemOutcome
from schemas.projects import ProjectId
from schemas.rows import OutcomeRow

MINUTE_NS = 60_000_000_000
MINUTE_US = 60_000_000

Key = tuple[str, str, str, str, int]


def outcomes_of(outcomes: Mapping[ItemOutcome, int]) -> list[OutcomeRow]:
    """Counts what became of items by project, kind, outcome, reason and minute of arrival."""
    counts: Counter[Key] = Counter()
    for one, items in outcomes.items():
        kind, project_id, minute = one.kind, one.project_id, one.received_at_ns // MINUTE_NS
        if one.dead_ref:
            counts[project_id, kind, "dead", "unfit", minute] -= items
        else:
            counts[project_id, kind, "received", "", minute] += items
        counts[project_id, kind, one.outcome, one.reason, minute] += items
    return _rows(counts)


def outcomes_of_refusals(refusals: Iterable[Refusal]) -> list[OutcomeRow]:
    """Counts what the edge rejected: as received, and under its outcome with the reason."""
    counts: Counter[Key] = Counter()
    for one in refusals:
        minute = one.received_at_ns // MINUTE_NS
        counts[one.project_id, one.kind, "received", "", minute] += one.count
        counts[one.project_id, one.kind, one.outcome, one.reason, minute] += one.count
    return _rows(counts)


def _rows(counts: "Counter[Key]") -> list[OutcomeRow]:
    return [
        OutcomeRow(
            project_id=ProjectId(project_id),
            kind=kind,
            outcome=outcome,
            reason=reason,
            minute_us=minute * MINUTE_US,
            count=count,
        )
        for (project_id, kind, outcome, reason, minute), count in sorted(counts.items())
        if count
    ]
