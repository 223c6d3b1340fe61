"""The rows of traces and spans, one Struct a table, in the column order of the table.

Optional JSON objects are kept as their text; the empty string means that the field was absent.
"""

from msgspec import Struct

from schemas.projects import ProjectId
from schemas.rows import Position


class TraceRow(Struct, kw_only=True):
    """One LLM call. Times are microseconds since 1970 UTC; costs are pico-dollars (10^-12 USD)."""

    project_id: ProjectId
    trace_id: str
    session_id: str
    timestamp_us: int
    received_at_us: int
    provider: str
    model_requested: str
    model_used: str | None
    provider_request_id: str | None
    status: str
    latency_ms: float
    input_tokens: int | None
    output_tokens: int | None
    cache_read_tokens: int | None
    cache_write_tokens: int | None
    reasoning_tokens: int | None
    computed_cost_pico: int | None
    reported_cost_pico: int | None
    price_id: str
    environment: str
    user_id: str
    tags: dict[str, str]
    finish_reason: str | None
    output_text: str | None
    request_body: str
    response_body: str
    error: str
    metadata: str
    position: Position


class SpanRow(Struct, kw_only=True):
    """One agent event. `pair_key` names what its duration is measured over, `pair_role` its end."""

    project_id: ProjectId
    span_id: str
    session_id: str
    parent_span_id: str | None
    timestamp_us: int
    received_at_us: int
    duration_ms: float | None
    source: str
    kind: str
    event_type: str
    status: str
    pair_key: str
    pair_role: str
    tool_use_id: str | None
    tool_name: str | None
    is_interrupt: bool | None
    cwd: str | None
    model: str | None
    agent_name: str | None
    provider: str | None
    input_tokens: int | None
    output_tokens: int | None
    cache_read_tokens: int | None
    cache_write_tokens: int | None
    reasoning_tokens: int | None
    computed_cost_pico: int | None
    reported_cost_pico: int | None
    price_id: str
    tags: dict[str, str]
    tool_input: str
    tool_response: str
    error: str
    metadata: str
    position: Position
