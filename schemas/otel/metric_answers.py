"""What is answered of metrics: one Struct per JSON shape, camelCase outside, every key there.

Times are ISO in UTC. What is unknown, and what a metric of this kind does not have, is `null`.
"""

from typing import Literal

from msgspec import Struct

Shape = Literal["sum", "gauge", "histogram"]


class MetricListed(Struct, rename="camel", kw_only=True):
    """One metric of a range, as its newest export tells it."""

    name: str
    kind: str
    unit: str
    description: str
    temporality: str
    is_monotonic: bool
    services: list[str]
    """At most ten."""
    points: int
    last_seen: str


class MetricList(Struct, rename="camel"):
    """Metrics by name; `nextCursor` is where the next page begins, `null` at the end."""

    metrics: list[MetricListed]
    date_from: str
    date_to: str
    next_cursor: str | None


class MetricMoment(Struct, rename="camel", kw_only=True):
    """One bucket of a series."""

    start: str
    points: int
    """Data points that came in it."""
    value: float | None = None
    """Of a sum: by how much it grew. Of a gauge: the average."""
    rate: float | None = None
    """The growth a second; of a histogram, values a second."""
    last: float | None = None
    """Of a gauge: the newest value."""
    total: float | None = None
    """Of a gauge: the newest values of all that report it, added up."""
    count: float | None = None
    """Of a histogram: how many values."""
    sum: float | None = None
    avg: float | None = None
    min: float | None = None
    max: float | None = None
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None


class MetricSeries(Struct, rename="camel"):
    """The buckets of one group that have any point, oldest first."""

    group: str | None
    points: list[MetricMoment]


class MetricExemplar(Struct, rename="camel", kw_only=True):
    """One measurement behind the points, with the span in which it was made."""

    timestamp: str
    value: float
    trace_id: str | None
    span_id: str | None


class MetricChart(Struct, rename="camel", kw_only=True):
    """A metric over time."""

    name: str
    kind: str | None
    """`null` where the range has no point of that name."""
    shape: Shape | None
    """What the fields of its moments mean."""
    unit: str | None
    step: int
    """Seconds."""
    date_from: str
    date_to: str
    series: list[MetricSeries]
    left_out: bool
    """Whether there are more groups than are answered."""
    exemplars: list[MetricExemplar]
