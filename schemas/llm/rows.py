"""The rows of traces and spans, as their pure steps make them: one Struct a table.

Without what every table has: project, time of arrival, place in the log. JSON objects are kept as
the bytes that came; none means that the field was absent.
"""

from msgspec import Struct


class TraceRow(Struct, gc=False):
    """One LLM call. Times are microseconds since 1970 UTC; costs are pico-dollars (10^-12 USD).

    `reported_digits` is what the sender wrote, in cents, where pico-dollars have not all of it.
    """

    trace_id: str
    session_id: str
    timestamp_us: int
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
    price_id: str
    reported_cost_pico: int | None
    reported_digits: str
    environment: str
    user_id: str
    tags: dict[str, str]
    finish_reason: str | None
    output_text: str | None
    request_body: bytes
    response_body: bytes
    error: bytes
    metadata: bytes
    prompt: str = ""
    prompt_version: str = ""
    prompt_text: str = ""
    """The template of its prompt, which has a table of its own."""


class SpanRow(Struct, gc=False):
    """One agent event. `pair_key` names what its duration is measured over, `pair_role` its end."""

    span_id: str
    session_id: str
    parent_span_id: str | None
    timestamp_us: int
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
    price_id: str
    reported_cost_pico: int | None
    reported_digits: str
    tags: dict[str, str]
    tool_input: bytes
    tool_response: bytes
    error: bytes
    metadata: bytes
