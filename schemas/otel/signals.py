"""Spans, log records and metrics in the form that all code reads, whichever encoding they came in.

Ids are lower-case hex. Times are nanoseconds since 1970 UTC. `None` is what was not sent.
"""

from typing import Literal

from msgspec import Struct

from schemas.otel.values import Attributes, Value

Status = Literal["unset", "ok", "error"]
SpanKind = Literal["unspecified", "internal", "server", "client", "producer", "consumer"]
MetricKind = Literal["gauge", "sum", "histogram", "exponential_histogram", "summary"]
Temporality = Literal["unspecified", "delta", "cumulative"]


class Resource(Struct, frozen=True):
    """What sends: one object for all items that share it."""

    attributes: Attributes = {}
    schema_url: str = ""
    default_environment: str = ""
    """That of the DSN key: of what says none."""


class Scope(Struct, frozen=True):
    """The library that made the items."""

    name: str = ""
    version: str = ""
    attributes: Attributes = {}
    schema_url: str = ""


class Event(Struct, frozen=True):
    """What happened during a span."""

    name: str
    time_ns: int
    attributes: Attributes = {}


class Link(Struct, frozen=True):
    """Another span that caused this one."""

    trace_id: str
    span_id: str
    trace_state: str = ""
    attributes: Attributes = {}


class Span(Struct, frozen=True, kw_only=True):
    """One operation of a trace."""

    trace_id: str
    span_id: str
    parent_span_id: str | None = None
    name: str = ""
    kind: SpanKind = "unspecified"
    start_ns: int
    end_ns: int
    """Never before the start: such an end was moved there, and `end_moved` says so."""
    end_moved: bool = False
    status: Status = "unset"
    status_message: str = ""
    trace_state: str = ""
    flags: int = 0
    attributes: Attributes = {}
    events: list[Event] = []
    links: list[Link] = []
    resource: Resource
    scope: Scope
    dropped: int = 0
    """Attributes, events and links that the sender left out for its own limits."""


class LogRecord(Struct, frozen=True, kw_only=True):
    """One record of a log, or one event. Most of Claude Code's belong to no trace."""

    time_ns: int | None
    """When it happened, else when it was observed; `None` where the sender says neither."""
    observed_ns: int | None = None
    severity: int = 0
    """1 to 24 by OTLP's scale, 0 where it is not said."""
    severity_text: str = ""
    body: Value = None
    event_name: str = ""
    attributes: Attributes = {}
    trace_id: str | None = None
    span_id: str | None = None
    flags: int = 0
    resource: Resource
    scope: Scope
    dropped: int = 0


class Exemplar(Struct, frozen=True):
    """One measurement behind a point, with the span in which it was made."""

    time_ns: int
    value: float | int
    trace_id: str | None = None
    span_id: str | None = None
    attributes: Attributes = {}


class Buckets(Struct, frozen=True):
    """One half of an exponential histogram: counts from the bucket `offset` on."""

    offset: int
    counts: list[int]


class Point(Struct, frozen=True, kw_only=True):
    """One data point. What its metric's kind does not have is `None` or empty."""

    attributes: Attributes = {}
    start_ns: int | None = None
    time_ns: int
    flags: int = 0
    value: float | int | None = None
    count: int | None = None
    sum: float | None = None
    min: float | None = None
    max: float | None = None
    bounds: list[float] = []
    counts: list[int] = []
    """One more than `bounds`: of the values up to each, and of those beyond the last."""
    scale: int | None = None
    zero_count: int | None = None
    zero_threshold: float | None = None
    positive: Buckets | None = None
    negative: Buckets | None = None
    quantiles: list[tuple[float, float]] = []
    exemplars: list[Exemplar] = []


class Metric(Struct, frozen=True, kw_only=True):
    """One metric of one export, with those of its points that were taken."""

    name: str
    description: str = ""
    unit: str = ""
    kind: MetricKind
    temporality: Temporality = "unspecified"
    is_monotonic: bool = False
    points: list[Point]
    resource: Resource
    scope: Scope
