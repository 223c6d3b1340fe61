"""OTLP/JSON as it is on the wire, as msgspec decodes it.

Source: opentelemetry-proto 1.x, and "OTLP/JSON" of the OTLP specification. The rules:

1. Names are in lowerCamelCase alone; what is not known is left out.
2. Ids are hex, in any case. Bytes are base64.
3. Integers of 64 bits are texts or numbers. Enums are numbers; names are taken too, as the CLI of
   Pulse and protobuf's own JSON write them.
4. `null` is what is not there. Numbers with a fraction may be "NaN", "Infinity" and "-Infinity".

An item is decoded by itself (`Raw`), so that one that is wrong takes no other with it.
"""

from typing import TypeAlias

from msgspec import Raw, Struct

Whole: TypeAlias = int | float | str | None
Number: TypeAlias = int | float | str | None
Enum: TypeAlias = int | str | None
Text: TypeAlias = str | None


class ArrayValue(Struct, rename="camel", gc=False):
    """A list of values."""

    values: "list[AnyValue] | None" = None


class KeyValueList(Struct, rename="camel", gc=False):
    """An object of values."""

    values: "list[KeyValue] | None" = None


class AnyValue(Struct, rename="camel", gc=False):
    """One value; which of the fields is there says its type."""

    string_value: Text = None
    bool_value: bool | None = None
    int_value: Whole = None
    double_value: Number = None
    array_value: ArrayValue | None = None
    kvlist_value: KeyValueList | None = None
    bytes_value: Text = None


class KeyValue(Struct, rename="camel", gc=False):
    """One attribute."""

    key: Text = None
    value: AnyValue | None = None


KeyValues: TypeAlias = list[KeyValue] | None


class Resource(Struct, rename="camel"):
    """What sends."""

    attributes: KeyValues = None


class Scope(Struct, rename="camel"):
    """The library that made the items."""

    name: Text = None
    version: Text = None
    attributes: KeyValues = None


class Event(Struct, rename="camel"):
    """What happened during a span."""

    time_unix_nano: Whole = None
    name: Text = None
    attributes: KeyValues = None


class Link(Struct, rename="camel"):
    """Another span that caused this one."""

    trace_id: Text = None
    span_id: Text = None
    trace_state: Text = None
    attributes: KeyValues = None


class Status(Struct, rename="camel"):
    """How a span ended."""

    message: Text = None
    code: Enum = None


class Span(Struct, rename="camel"):
    """One span."""

    trace_id: Text = None
    span_id: Text = None
    parent_span_id: Text = None
    trace_state: Text = None
    flags: Whole = None
    name: Text = None
    kind: Enum = None
    start_time_unix_nano: Whole = None
    end_time_unix_nano: Whole = None
    attributes: KeyValues = None
    dropped_attributes_count: Whole = None
    events: list[Event] | None = None
    dropped_events_count: Whole = None
    links: list[Link] | None = None
    dropped_links_count: Whole = None
    status: Status | None = None


class ScopeSpans(Struct, rename="camel"):
    """The spans of one library."""

    scope: Scope | None = None
    spans: list[Raw] | None = None
    schema_url: Text = None


class ResourceSpans(Struct, rename="camel"):
    """The spans of one sender."""

    resource: Resource | None = None
    scope_spans: list[ScopeSpans] | None = None
    schema_url: Text = None


class Traces(Struct, rename="camel"):
    """A request with spans."""

    resource_spans: list[ResourceSpans] | None = None


class LogRecord(Struct, rename="camel"):
    """One record."""

    time_unix_nano: Whole = None
    observed_time_unix_nano: Whole = None
    severity_number: Enum = None
    severity_text: Text = None
    body: AnyValue | None = None
    attributes: KeyValues = None
    dropped_attributes_count: Whole = None
    flags: Whole = None
    trace_id: Text = None
    span_id: Text = None
    event_name: Text = None


class ScopeLogs(Struct, rename="camel"):
    """The records of one library."""

    scope: Scope | None = None
    log_records: list[Raw] | None = None
    schema_url: Text = None


class ResourceLogs(Struct, rename="camel"):
    """The records of one sender."""

    resource: Resource | None = None
    scope_logs: list[ScopeLogs] | None = None
    schema_url: Text = None


class Logs(Struct, rename="camel"):
    """A request with log records."""

    resource_logs: list[ResourceLogs] | None = None


class Exemplar(Struct, rename="camel"):
    """One measurement behind a point."""

    filtered_attributes: KeyValues = None
    time_unix_nano: Whole = None
    as_double: Number = None
    as_int: Whole = None
    span_id: Text = None
    trace_id: Text = None


class Buckets(Struct, rename="camel"):
    """One half of an exponential histogram."""

    offset: Whole = None
    bucket_counts: list[Whole] | None = None


class Quantile(Struct, rename="camel"):
    """One quantile of a summary."""

    quantile: Number = None
    value: Number = None


class Point(Struct, rename="camel"):
    """One data point, of any kind."""

    attributes: KeyValues = None
    start_time_unix_nano: Whole = None
    time_unix_nano: Whole = None
    flags: Whole = None
    as_double: Number = None
    as_int: Whole = None
    count: Whole = None
    sum: Number = None
    min: Number = None
    max: Number = None
    explicit_bounds: list[Number] | None = None
    bucket_counts: list[Whole] | None = None
    scale: Whole = None
    zero_count: Whole = None
    zero_threshold: Number = None
    positive: Buckets | None = None
    negative: Buckets | None = None
    quantile_values: list[Quantile] | None = None
    exemplars: list[Exemplar] | None = None


class Points(Struct, rename="camel"):
    """The data points of a metric, of any kind."""

    data_points: list[Point] | None = None
    aggregation_temporality: Enum = None
    is_monotonic: bool | None = None


class Metric(Struct, rename="camel"):
    """One metric; which of the last fields is there says its kind."""

    name: Text = None
    description: Text = None
    unit: Text = None
    gauge: Points | None = None
    sum: Points | None = None
    histogram: Points | None = None
    exponential_histogram: Points | None = None
    summary: Points | None = None


class ScopeMetrics(Struct, rename="camel"):
    """The metrics of one library."""

    scope: Scope | None = None
    metrics: list[Raw] | None = None
    schema_url: Text = None


class ResourceMetrics(Struct, rename="camel"):
    """The metrics of one sender."""

    resource: Resource | None = None
    scope_metrics: list[ScopeMetrics] | None = None
    schema_url: Text = None


class Metrics(Struct, rename="camel"):
    """A request with metrics."""

    resource_metrics: list[ResourceMetrics] | None = None
