"""What the read side answers of OpenTelemetry: camelCase outside, every key always there.

Costs are US cents; times of one answer are text, lengths milliseconds.
"""

from typing import Any

from msgspec import Raw, Struct

from schemas.answers import Number


class Said(Struct, rename="camel"):
    """The beginning of a message."""

    role: str
    text: str


class TreeCall(Struct, rename="camel", kw_only=True):
    """A call of a model."""

    id: str
    """As `/v1/traces/:id` takes it."""
    provider: str
    model: str
    status: str
    input_tokens: int | None
    output_tokens: int | None
    cost_cents: Number | None
    billing: str
    """Why it is not billed; empty where it is."""
    asked: Said | None
    """The last message to the model."""
    answered: Said | None


class TreeTool(Struct, rename="camel"):
    """A call of a tool. Texts are beginnings of JSON."""

    name: str | None
    input: str
    output: str


class TreeError(Struct, rename="camel"):
    """An error that was sent with the id of the trace."""

    event_id: str
    timestamp: str
    level: str
    type: str
    title: str
    fingerprint: str
    span_id: str


class LogStart(Struct, rename="camel"):
    """The beginning of a log record."""

    record_id: str
    timestamp: str
    severity: int
    body: str


class TreeLogs(Struct, rename="camel"):
    """The log records of a span: how many, how many of them of errors, and the first ones."""

    count: int
    errors: int
    first: list[LogStart]


class TreeSpan(Struct, rename="camel", kw_only=True):
    """One span in its place: its children follow it, one deeper."""

    id: str
    """Of the row in the table of its source."""
    source: str
    trace_id: str
    span_id: str
    parent_span_id: str | None
    depth: int
    children: int
    descendants: int
    is_orphan: bool
    """Whether it names a parent that does not stand above it."""
    is_skewed: bool
    """Whether it began before its parent did, by their clocks."""
    name: str
    label: str
    """Its tool, or its model, or its name."""
    service: str
    kind: str
    span_kind: str
    convention: str
    status: str
    status_message: str
    session_id: str
    timestamp: str
    offset_ms: Number
    """After the first span of the trace."""
    duration_ms: Number
    call: TreeCall | None = None
    tool: TreeTool | None = None
    errors: list[TreeError] = []
    logs: TreeLogs | None = None


class TreeDeployment(Struct, rename="camel"):
    """A deployment that ran while the trace did."""

    deployment_id: str
    environment: str
    commit_sha: str
    switched_at: str
    ended_at: str | None


class TraceTree(Struct, rename="camel", kw_only=True):
    """One page of the tree of a trace. What is of the whole trace is in every page."""

    trace_id: str
    timestamp: str
    duration_ms: Number
    """From the begin of the first span to the last end."""
    services: list[str]
    releases: list[str]
    span_count: int
    is_cut: bool
    """Whether the trace has more spans than a tree."""
    error_count: int
    """Spans that failed."""
    log_count: int
    deployments: list[TreeDeployment]
    errors: list[TreeError]
    """Those that belong to no span of the tree."""
    spans: list[TreeSpan]
    cursor: str | None
    """What the next page is asked with; `None` at the end."""


class StoredSpan(Struct, rename="camel", kw_only=True):
    """One span of OpenTelemetry, with all that came with it."""

    id: str
    trace_id: str
    span_id: str
    parent_span_id: str | None
    name: str
    service: str
    kind: str
    span_kind: str
    convention: str
    library: str
    environment: str
    release: str
    host: str
    status: str
    status_message: str
    session_id: str
    user_id: str
    timestamp: str
    duration_ms: Number
    attributes: dict[str, Any]
    resource: dict[str, Any]
    events: list[Any]
    links: list[Any]
    trace_state: str
    problems: list[str]
    input_messages: list[Any]
    output_messages: list[Any]
    received_at: str


class TraceSummary(Struct, rename="camel", kw_only=True):
    """One distributed trace. What is of calls is of those that are billed; `None` without any."""

    trace_id: str
    name: str
    """Of its root, or else of its first span."""
    root_service: str
    session_id: str | None
    timestamp: str
    latency_ms: Number
    """From the begin of the first span to the last end, by the clock on the wall."""
    source: str | None
    """The agent that sent it, or whose conventions it follows."""
    services: list[str]
    span_count: int
    error_count: int
    summary: str
    call_count: int
    tool_call_count: int
    files_edited: int
    provider: str | None
    """As the next two: where all calls have the same."""
    model_requested: str | None
    model_used: str | None
    provider_request_id: str | None
    finish_reason: str | None
    input_tokens: int | None
    output_tokens: int | None
    cost_cents: Number | None
    unpriced_calls: int
    status: str
    error: str | None
    error_service: str | None


class TraceWithSpans(TraceSummary, rename="camel", kw_only=True):
    """One distributed trace with the first spans of its tree; bodies are those of an only call."""

    request_body: Raw | None
    response_body: Raw | None
    output_text: str | None
    metadata: Raw | None
    spans: list[TreeSpan]
    cursor: str | None
    """Of the tree: where its next page begins."""


class OtelTraceList(Struct, rename="camel"):
    """One page of traces, newest first."""

    traces: list[TraceSummary]
    cursor: str | None


class Figures(Struct, rename="camel", kw_only=True):
    """Rate, errors and durations; percentiles within 1 %."""

    count: int
    per_second: Number
    errors: int
    error_rate: Number
    """In percent."""
    avg_ms: Number
    p50_ms: Number
    p95_ms: Number
    p99_ms: Number


class Service(Struct, rename="camel", kw_only=True):
    """A service: figures of the requests that it was asked."""

    service: str
    requests: Figures
    spans: int
    """Of all sorts."""
    failed_spans: int


class ServiceList(Struct, rename="camel"):
    """The services of a range, which is of whole hours."""

    services: list[Service]
    date_from: str
    date_to: str


class ServiceOperation(Struct, rename="camel", kw_only=True):
    """The spans of one name and kind."""

    name: str
    span_kind: str
    is_entry: bool
    spans: Figures


class OperationList(Struct, rename="camel"):
    """The operations of a service in a range of whole hours."""

    service: str
    operations: list[ServiceOperation]
    date_from: str
    date_to: str


class MapEdge(Struct, rename="camel", kw_only=True):
    """Who calls whom, how often, and how long that takes."""

    caller: str
    callee: str
    callee_kind: str
    """`service`, or what sends no spans itself: `database`, `queue`, `model`, `host`."""
    count: int
    errors: int
    p50_ms: Number
    p95_ms: Number
    p99_ms: Number


class ServiceMap(Struct, rename="camel", kw_only=True):
    """The calls between services, and to what is none."""

    services: list[Service]
    edges: list[MapEdge]
    looked_at: int
    """Spans among which calls from service to service were looked for: the newest of the range."""
    looked_since: str | None
    """When the first of them began, where the range has more; `None` where all were looked at."""
    date_from: str
    date_to: str
