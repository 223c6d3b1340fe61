"""What pages show of transactions: tiles beside the time before, and charts over time."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from api.errors.performance import per_minute
from api.pages.errors.performance.wanted import Wanted
from api.pages.parts import charts
from api.pages.parts.charts import Chart, Mark, Series, Unit, chart_of, spark, with_marks
from api.pages.parts.texts import change
from clickhouse.errors.transaction_sums import Figures
from clickhouse.errors.transactions import Release

Course = Mapping[int, Figures]
"""Figures by the first moment of a bucket; one without transactions is not there."""
RATINGS = ((0.94, "excellent"), (0.85, "good"), (0.7, "fair"), (0.5, "poor"))
WORST = "unacceptable"
KNOWN_FROM = 50
"""A release that is there in the first fiftieth of a range was there before it."""


class Measure(NamedTuple):
    """One figure of transactions."""

    name: str
    title: str
    unit: Unit
    meaning: str
    of: Callable[[Figures], float | None]
    worse: int = 0
    """1 where more of it is worse, -1 where less of it is."""


MEASURES: Mapping[str, Measure] = {
    measure.name: measure
    for measure in (
        Measure(
            *("count", "Transactions", "count", "Requests, jobs and page loads that were measured"),
            of=lambda found: found.count,
        ),
        Measure(
            *("p50", "p50", "ms", "Half of them took no longer; within 1 %"),
            of=lambda found: found.spread[0] if found.count else None,
            worse=1,
        ),
        Measure(
            *("p95", "p95", "ms", "95 of 100 took no longer; within 1 %"),
            of=lambda found: found.spread[2] if found.count else None,
            worse=1,
        ),
        Measure(
            *("p99", "p99", "ms", "99 of 100 took no longer; within 1 %"),
            of=lambda found: found.spread[3] if found.count else None,
            worse=1,
        ),
        Measure(
            *("failure_rate", "Failure rate", "percent"),
            "Share whose status is none of ok, cancelled and unknown",
            of=lambda found: found.failure_rate,
            worse=1,
        ),
        Measure(
            *("apdex", "Apdex", "count"),
            "From 0 to 1: within 300 ms counts whole, within 1.2 s half, failed ones nothing",
            of=lambda found: found.apdex,
            worse=-1,
        ),
    )
}
TILES = tuple(MEASURES.values())
PERCENTILES = (("p50", 0), ("p95", 2), ("p99", 1))
"""With a colour each."""


class Tile(NamedTuple):
    """One figure beside what it was."""

    measure: Measure
    now: float | None
    before: float | None
    change: str
    is_worse: bool
    spark: str
    note: str
    """What the number means, in a word."""


def tiles_of(wanted: Wanted, now: Figures, before: Figures, over_time: Course) -> list[Tile]:
    """Returns all figures of a range beside the time before."""
    moments = charts.moments_of(wanted.range)
    return [_tile(one, wanted, now, before, [over_time.get(at) for at in moments]) for one in TILES]


def charts_of(
    wanted: Wanted,
    now: Figures,
    over_time: Course,
    releases: Sequence[Release],
    changes: Sequence[Mark],
) -> list[Chart]:
    """Returns how many there were, how many failed, and how long they took, over time."""
    counted = [
        Series("All", {at: one.count for at, one in over_time.items()}, 0, now.count),
        Series("Failed", {at: one.failed for at, one in over_time.items()}, 3, now.failed),
    ]
    lasted = [
        Series(
            name,
            {at: MEASURES[name].of(one) for at, one in over_time.items()},
            colour,
            MEASURES[name].of(now),
        )
        for name, colour in PERCENTILES
    ]
    marks = [*marks_of(wanted, releases), *changes]
    return [
        with_marks(chart_of("Transactions", "count", wanted.range, counted), marks),
        with_marks(chart_of("Duration", "ms", wanted.range, lasted), marks),
    ]


def marks_of(wanted: Wanted, releases: Sequence[Release]) -> list[Mark]:
    """Returns where a release came first, to the hour, unless it was there from the beginning."""
    known_us = wanted.range.first_us + wanted.range.length_us // KNOWN_FROM
    return [
        Mark(one.first_us, f"Release {one.release}")
        for one in releases
        if one.release and known_us < one.first_us <= wanted.range.last_us
    ]


def rating(apdex: float | None) -> str:
    """Returns what an apdex means."""
    if apdex is None:
        return ""
    return next((word for least, word in RATINGS if apdex >= least), WORST)


def _tile(
    measure: Measure, wanted: Wanted, now: Figures, before: Figures, cells: list[Figures | None]
) -> Tile:
    value, was = measure.of(now), measure.of(before) if before.count else None
    empty = 0.0 if measure.name == "count" else None
    note = ""
    if measure.name == "count":
        note = f"{per_minute(now.count, wanted.filter):,.3g} a minute"
    elif measure.name == "apdex":
        note = rating(value)
    return Tile(
        measure=measure,
        now=value,
        before=was,
        change=change(value, was),
        is_worse=measure.worse * ((value or 0) - (was or 0)) > 0 and was is not None,
        spark=spark([empty if one is None else measure.of(one) for one in cells]),
        note=note,
    )
