"""The rows of spans of OpenTelemetry, as their pure step makes them: one Struct a table.

Without what every table has: project, time of arrival, place in the log. JSON is kept as bytes;
none means that there was nothing. Times are microseconds since 1970 UTC.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from msgspec import Struct

from schemas.llm.rows import SpanRow, TraceRow
from schemas.llm.score_rows import ScoreRow


class OtelSpanRow(Struct, gc=False, kw_only=True):
    """One span of table `otel_spans`, whatever it is of."""

    trace_id: str
    span_id: str
    parent_span_id: str
    timestamp_us: int
    duration_ns: int
    name: str
    span_kind: str
    kind: str
    """What sort of work it is, as `schemas.otel.meanings.Kind` has it."""
    convention: str
    service: str
    library: str
    environment: str
    release: str
    host: str
    status: str
    status_message: str
    session_id: str
    user_id: str
    attributes: bytes
    """As `clickhouse.log_attributes` spells them."""
    resource: dict[str, Any]
    """One object for all spans of one sender, and spelt once for them."""
    events: bytes
    links: bytes
    trace_state: str
    problems: Sequence[str]
    input_messages: Sequence[bytes]
    output_messages: Sequence[bytes]


class CallRow(Struct, gc=False, kw_only=True):
    """What table `traces` has of a call that OpenTelemetry told, beside what `TraceRow` has."""

    scope: str
    """Within what it is billed: `processors.otel.billing.scope_of`."""
    role: str
    billing: str
    """Why it is not billed; empty where it is."""
    span_id: str
    """Empty of a call that a log record told."""
    parent_span_id: str
    convention: str
    service: str
    first_token_ms: float | None
    usage_extras: bytes
    """What prices need beside the counts of `TraceRow`, as JSON: `processors.llm.cost.told`."""
    input_messages: Sequence[bytes]
    output_messages: Sequence[bytes]


class MessageRow(NamedTuple):
    """One message of table `messages`: the hash names its body."""

    hash: bytes
    role: str
    timestamp_us: int
    body: bytes


class ToldCall(NamedTuple):
    """A row of table `traces`."""

    trace: TraceRow
    call: CallRow


class ToldSpan(NamedTuple):
    """A row of table `spans`, with the trace it belongs to."""

    span: SpanRow
    trace_id: str
    convention: str
    service: str


class SpanRows(NamedTuple):
    """All rows of one span."""

    item_id: str
    span: OtelSpanRow
    call: ToldCall | None
    agent: ToldSpan | None
    messages: Sequence[MessageRow]
    scores: Sequence[ScoreRow] = ()
