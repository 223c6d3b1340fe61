"""The rows that the stream writes, one Struct per base table, in the column order of the table.

Optional JSON objects are kept as their text; the empty string means that the field was absent.
"""

from msgspec import Struct

from schemas.projects import ProjectId


class Source(Struct, frozen=True):
    """One partition of one log."""

    log_id: str
    partition: int


class Position(Struct, frozen=True):
    """Where in the log a row came from: what makes a replay recognisable."""

    log_id: str
    partition: int
    offset: int


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


class OutcomeRow(Struct, kw_only=True, frozen=True):
    """How many items of one kind met one fate in one minute. A replayed dead letter counts back."""

    project_id: ProjectId
    kind: str
    outcome: str
    reason: str
    minute_us: int
    count: int
