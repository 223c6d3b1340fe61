"""Response time by phase over a time: a chart of what checks took on average. Pure."""

from collections.abc import Sequence

from api.pages.parts.charts import Chart, Series, chart_of
from api.pages.parts.ranges import TimeRange
from api.pages.uptime.phases import PHASES
from clickhouse.uptime.glances import Spent
from schemas.zones import DAY_US, HOUR_US

TITLE = "Response time by phase, on average"
OTHER = "Other"
ROUNDED_MS = 0.01
"""What is left below is the rounding of stored times."""
WIDTHS = (
    (7 * HOUR_US, 60_000_000),
    (2 * DAY_US, 600_000_000),
    (8 * DAY_US, HOUR_US),
    (40 * DAY_US, 6 * HOUR_US),
)
"""Ranges up to the first have buckets of the second."""


def width_of(shown: TimeRange) -> int:
    """Returns how wide the buckets of a range are: narrower than elsewhere, for checks are many."""
    return next((width for longest, width in WIDTHS if shown.length_us <= longest), DAY_US)


def responses_of(shown: TimeRange, spent: Sequence[Spent]) -> Chart:
    """Returns the chart of what was added up by `width_of`, a line for each phase there was."""
    width_us = width_of(shown)
    first_us = shown.first_us - shown.first_us % width_us
    known = {one.at_us: one for one in spent if one.passed}
    series = [
        _series(title, {at: one.phases_ms[place] for at, one in known.items()}, place, known)
        for place, title in enumerate(PHASES.values())
    ]
    rest = {at: _rest(one) for at, one in known.items()}
    series.append(_series(OTHER, rest, len(PHASES), known))
    return chart_of(
        TITLE,
        "ms",
        shown,
        [one for one in series if max(map(_known, one.values.values()), default=0) > ROUNDED_MS],
        is_stacked=True,
        moments=range(first_us, shown.last_us + 1, width_us),
    )


def _series(title: str, sums_ms: dict[int, float], place: int, known: dict[int, Spent]) -> Series:
    values = {at: ms / known[at].passed for at, ms in sums_ms.items()}
    passed = sum(one.passed for one in known.values())
    whole = sum(sums_ms.values())
    return Series(title, values, place, whole / passed if passed else None)


def _known(value: float | None) -> float:
    return value or 0.0


def _rest(spent: Spent) -> float:
    """Returns what no phase has: all of it, for types that have none, such as a ping."""
    return max(0.0, spent.phases_ms[-1] - sum(spent.phases_ms[:-1]))
