"""What is answered of spans of OpenTelemetry: camelCase outside, every key there.

Times are ISO in UTC. What is unknown is `null`.
"""

from typing import Any

from msgspec import Struct


class SpanFound(Struct, rename="camel", kw_only=True):
    """One span of OpenTelemetry, without its events and messages."""

    id: str
    """Also that of its row among traces or agent spans, where it has one."""
    trace_id: str
    span_id: str
    parent_span_id: str | None
    timestamp: str
    """To the microsecond."""
    duration_ms: float
    name: str
    span_kind: str | None
    kind: str
    """What sort of work it is: `llm`, `tool`, `agent`, …, `span` for any other."""
    convention: str | None
    service: str | None
    library: str | None
    environment: str | None
    release: str | None
    host: str | None
    status: str
    status_message: str | None
    session_id: str | None
    user: str | None
    received_at: str
    problems: list[str]
    """What was moved or left out."""
    attributes: dict[str, Any]
    resource: dict[str, Any]


class SpansFound(Struct, rename="camel"):
    """One page of spans; `nextCursor` is where the next one begins, `null` at the end."""

    spans: list[SpanFound]
    date_from: str
    date_to: str
    next_cursor: str | None
