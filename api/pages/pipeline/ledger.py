"""What became of everything that a range received: totals, charts, and a table of reasons."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from api.outcomes import LATEST_S
from api.pages.parts.charts import COLOURS, Chart, Series, chart_of, moments_of, spark
from api.pages.parts.ranges import TimeRange
from api.pages.parts.texts import change, us_of
from api.pages.pipeline.words import NOT_KEPT, ORDER, OUTCOMES, REASONS, Word
from clickhouse.client import Warehouse
from clickhouse.queries.outcomes import AT_ONCE, After, Wanted, read_outcomes
from clickhouse.queries.periods import Period
from schemas.projects import ProjectContext

MOST_PAGES = 20
LOSSES = tuple(name for name in ORDER if OUTCOMES[name].is_loss and name != "dead")
"""What the edge rejected."""


class Count(NamedTuple):
    """How many items of a kind had one outcome, for one reason, in a period."""

    at_us: int
    """When the period begins."""
    kind: str
    outcome: str
    reason: str
    items: int


class Row(NamedTuple):
    """What became of items of one kind, for one reason."""

    kind: str
    outcome: str
    word: Word
    title: str
    """The reason, else the outcome."""
    advice: str
    items: int
    share: float | None
    """Of what was received."""
    change: str
    spark: str


class Ledger(NamedTuple):
    """All of it."""

    totals: Mapping[str, int]
    rows: list[Row]
    kept: Chart
    lost: Chart | None

    @property
    def rejected(self) -> int:
        """How many items the edge did not take."""
        return sum(self.totals[name] for name in LOSSES)

    @property
    def is_balanced(self) -> bool:
        """Whether what was received is the sum of what became of it."""
        return self.totals["received"] == sum(self.totals[name] for name in ORDER)


async def counts_of(
    store: Warehouse, project: ProjectContext, kind: str, shown: TimeRange, interval: Period
) -> list[Count]:
    """Returns the counts of a range, by period; a minute counts where the range touches it."""
    first_s, last_s = (min(max(us // 10**6, 0), LATEST_S) for us in (shown.first_us, shown.last_us))
    wanted = Wanted((first_s - first_s % 60, last_s), kind or None, None, interval)
    counts: list[Count] = []
    begins: dict[str, int] = {}
    after = After()
    for _ in range(MOST_PAGES):
        page, after = await read_outcomes(store, project, wanted, after)
        for one in page:
            if one.minute not in begins:
                begins[one.minute] = us_of(one.minute)
            at_us = begins[one.minute]
            counts.append(Count(at_us, one.kind, one.outcome, one.reason, one.count))
        if len(page) < AT_ONCE:
            break
    return counts


def ledger_of(shown: TimeRange, counts: Sequence[Count], before: Sequence[Count]) -> Ledger:
    """Adds counts up; `before` are those of the time before, in any periods."""
    totals = dict.fromkeys(("received", *ORDER), 0)
    for one in counts:
        totals[one.outcome] = totals.get(one.outcome, 0) + one.items
    return Ledger(totals, _rows(shown, counts, before), _kept(shown, counts), _lost(shown, counts))


def _rows(shown: TimeRange, counts: Sequence[Count], before: Sequence[Count]) -> list[Row]:
    received = sum(one.items for one in counts if one.outcome == "received")
    were: Counter[tuple[str, str, str]] = Counter()
    for one in before:
        were[one.outcome, one.reason, one.kind] += one.items
    now: dict[tuple[str, str, str], Counter[int]] = {}
    for one in counts:
        if one.outcome in OUTCOMES:
            key = (one.outcome, one.reason, one.kind)
            now.setdefault(key, Counter())[one.at_us] += one.items
    moments, places = moments_of(shown), list(OUTCOMES)
    rows = []
    for key in sorted(now, key=lambda key: (places.index(key[0]), -now[key].total(), key)):
        outcome, reason, kind = key
        word, items = OUTCOMES[outcome], now[key].total()
        if items:
            title, advice = _told(outcome, reason)
            share = items / received * 100 if received else None
            line = spark([float(now[key].get(at, 0)) for at in moments])
            grown = change(items, were[key])
            rows.append(Row(kind, outcome, word, title, advice, items, share, grown, line))
    return rows


def _told(outcome: str, reason: str) -> tuple[str, str]:
    title, advice = REASONS.get(reason, (reason or "None", ""))
    return title, f"{advice} {NOT_KEPT}".strip() if outcome in LOSSES else advice


def _kept(shown: TimeRange, counts: Sequence[Count]) -> Chart:
    names = ("accepted", "duplicate")
    series = [_series(OUTCOMES[name].title, OUTCOMES[name].colour, counts, name) for name in names]
    return chart_of("Stored and duplicate", "count", shown, series)


def _lost(shown: TimeRange, counts: Sequence[Count]) -> Chart | None:
    found: Counter[tuple[str, str]] = Counter()
    for one in counts:
        if one.outcome in OUTCOMES and OUTCOMES[one.outcome].is_loss:
            found[one.outcome, one.reason] += one.items
    keys = [key for key, items in found.most_common(COLOURS) if items]
    series, taken = [], set()
    for outcome, reason in keys:
        colour = OUTCOMES[outcome].colour
        while colour in taken:
            colour = (colour + 1) % COLOURS
        taken.add(colour)
        series.append(_series(_told(outcome, reason)[0], colour, counts, outcome, reason))
    return chart_of("Not stored, by reason", "count", shown, series) if series else None


def _series(
    title: str, colour: int, counts: Sequence[Count], outcome: str, reason: str | None = None
) -> Series:
    values: Counter[int] = Counter()
    for one in counts:
        if one.outcome == outcome and reason in (None, one.reason):
            values[one.at_us] += one.items
    return Series(title, dict(values), colour, values.total())
