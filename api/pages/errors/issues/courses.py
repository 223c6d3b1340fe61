"""The course of an issue: its events in the buckets of a page's range."""

from bisect import bisect_right
from collections.abc import Iterable

from api.pages.parts.charts import Chart, Series, chart_of, moments_of
from api.pages.parts.ranges import TimeRange
from clickhouse.errors.issue_details import Hour

COLOUR = 6


def course_of(shown: TimeRange, hours: Iterable[Hour]) -> Chart:
    """Draws the events of an issue; `hours` are of any length, and count where they begin."""
    moments = moments_of(shown)
    values: dict[int, float | None] = {}
    for hour in hours:
        # The first bucket is cut by the range, and its hour may begin before it.
        at = moments[max(0, bisect_right(moments, hour.at_us) - 1)]
        values[at] = (values.get(at) or 0) + hour.events
    total = sum(one or 0 for one in values.values())
    return chart_of("Events", "count", shown, [Series("events", values, COLOUR, total)])
