"""What Pulse's SDKs and CLI send: traces (one LLM call each) and spans (one agent event each).

Source: contracts.md 1.a.2. Deliberately wider than the original: `null` is accepted for every
optional field, `session_id` of a trace is any non-empty string, `provider` is any provider whose
prices are known, and usage may be given by kind of token. Unknown keys are dropped.
"""

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Annotated, Literal, TypeVar, cast

import msgspec
from msgspec import Meta, Raw, Struct

from schemas.numbers import SAFE_INTEGER

T = TypeVar("T", bound=Struct)
UUID_PATTERN = (
    r"^(?:[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[1-8][0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}"
    r"|00000000-0000-0000-0000-000000000000|[fF]{8}-[fF]{4}-[fF]{4}-[fF]{4}-[fF]{12})\Z"
)
MAX_ITEMS = 100
MAX_DURATION_MS = 1e10
"""115 days: longer is a sender's mistake, and sums of nanoseconds must stay within 64 bits."""
MAX_COST_CENTS = 1e12
ABSENT = Raw(b"")
MAX_CHARS = {
    "timestamp": 64,
    "model_requested": 256,
    "model_used": 256,
    "provider_request_id": 512,
    "finish_reason": 256,
    "session_id": 512,
    "event_type": 256,
    "tool_use_id": 512,
    "tool_name": 256,
    "cwd": 4096,
    "model": 256,
    "agent_name": 256,
}
"""Characters of texts that are keys of sums, or shown in lists. The edge holds senders to them; the
stream does not, for what an older version took is in the log."""
METADATA_CHARS = {"environment": 256, "userId": 512, "user_id": 512, "agent_id": 512}
"""The same of what metadata names for grouping and pairing; of its JSON, where it is no text."""

Uuid = Annotated[str, Meta(pattern=UUID_PATTERN)]
Text = Annotated[str, Meta(min_length=1)]
# A whole number may come as 50.0: JavaScript, and so the original, knows no difference.
Count = Annotated[int, Meta(ge=0, le=SAFE_INTEGER)] | Annotated[float, Meta(ge=0, le=SAFE_INTEGER)]
Milliseconds = Annotated[float, Meta(ge=0, le=MAX_DURATION_MS)]
Status = Literal["success", "error"]
Source = Literal["claude_code", "codex", "opencode", "openclaw"]
Kind = Literal["tool_use", "agent_run", "session", "user_prompt", "llm_response", "notification"]

CONTRACT_PROVIDERS = ("openai", "anthropic", "openrouter")


class TraceItem(Struct, frozen=True, gc=False):
    """One LLM call as it was sent. Objects stay JSON text: nobody looks inside them here."""

    trace_id: Uuid
    timestamp: str
    provider: str
    model_requested: Text
    request_body: Raw
    status: Status
    latency_ms: Milliseconds
    model_used: str | None = None
    provider_request_id: str | None = None
    response_body: Raw = ABSENT
    input_tokens: Count | None = None
    output_tokens: Count | None = None
    output_text: str | None = None
    finish_reason: str | None = None
    error: Raw = ABSENT
    cost_cents: Raw = ABSENT
    """A number, to be read by `amount_of`: a decoder of decimals would take a string as well."""
    session_id: Text | None = None
    metadata: Raw = ABSENT
    cache_read_tokens: Count | None = None
    cache_write_tokens: Count | None = None
    reasoning_tokens: Count | None = None


class SpanItem(Struct, frozen=True, gc=False):
    """One agent event as it was sent."""

    span_id: Uuid
    session_id: Text
    timestamp: str
    source: Source
    kind: Kind
    event_type: Text
    status: Status
    parent_span_id: Uuid | None = None
    duration_ms: Milliseconds | None = None
    tool_use_id: str | None = None
    tool_name: str | None = None
    tool_input: Raw = ABSENT
    tool_response: Raw = ABSENT
    error: Raw = ABSENT
    is_interrupt: bool | None = None
    cwd: str | None = None
    model: str | None = None
    agent_name: str | None = None
    metadata: Raw = ABSENT


_LEAST_METADATA_CHARS = min(METADATA_CHARS.values())
_metadata_decoder = msgspec.json.Decoder(
    msgspec.defstruct("Named", [(name, Raw, ABSENT) for name in METADATA_CHARS])
)
trace_decoder = msgspec.json.Decoder(TraceItem)
span_decoder = msgspec.json.Decoder(SpanItem)


def _as_logged(item_type: type[T]) -> "msgspec.json.Decoder[T]":
    """Returns a decoder of what the edge has checked: the pattern of ids costs as much as the rest.

    It gives values of a type that has the same fields.
    """
    fields = [
        (field.name, str if field.type is Uuid else field.type, field.default)
        if field.default is not msgspec.NODEFAULT
        else (field.name, str if field.type is Uuid else field.type)
        for field in msgspec.structs.fields(item_type)
    ]
    plain = msgspec.defstruct(item_type.__name__, fields, frozen=True, gc=False)
    return cast("msgspec.json.Decoder[T]", msgspec.json.Decoder(plain))


logged_traces = _as_logged(TraceItem)
logged_spans = _as_logged(SpanItem)


def amount_of(value: Raw) -> Decimal | None:
    """Returns an optional number exactly as it was written, `None` when absent or null.

    Raises `ValueError` for any other JSON value and for a number that no decimal can hold.
    """
    if value is ABSENT:
        return None
    text = json_of(value).decode()
    if not text:
        return None
    if text[0] not in "-0123456789":
        raise ValueError("not a number")
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise ValueError("a number out of range") from error


def too_long(item: Struct, names: Sequence[str]) -> bool:
    """Tells whether one of these texts of an item is longer than `MAX_CHARS` has it."""
    for name in names:
        value = getattr(item, name)
        if value is not None and len(value) > MAX_CHARS[name]:
            return True
    return False


def long_metadata(metadata: Raw) -> list[str]:
    """Returns the keys of a metadata object whose values are longer than `METADATA_CHARS` has it.

    Raises `msgspec.DecodeError` where it cannot be read.
    """
    if memoryview(metadata).nbytes <= _LEAST_METADATA_CHARS:
        return []
    values = msgspec.structs.asdict(_metadata_decoder.decode(metadata))
    return [name for name, raw in values.items() if _is_long(raw, METADATA_CHARS[name])]


def _is_long(value: Raw, most: int) -> bool:
    view = memoryview(value)
    if view.nbytes <= most or bytes(view[:1]) != b'"':
        return view.nbytes > most
    return len(msgspec.json.decode(value, type=str)) > most


class Counts(Struct, frozen=True, gc=False):
    """The token counts of a trace, whole."""

    input_tokens: int | None
    output_tokens: int | None
    cache_read_tokens: int | None
    cache_write_tokens: int | None
    reasoning_tokens: int | None


def counts_of(item: TraceItem) -> Counts:
    """Returns the counts as integers. Raises `ValueError` for one with a fraction."""
    sent = (
        item.input_tokens,
        item.output_tokens,
        item.cache_read_tokens,
        item.cache_write_tokens,
        item.reasoning_tokens,
    )
    if float in map(type, sent):
        return Counts(*map(_whole, sent))
    return Counts(*sent)  # type: ignore[arg-type]  # ints, or none


def _whole(value: float | None) -> int | None:
    if type(value) is not float:
        return value  # type: ignore[return-value]  # an int, or none
    if not value.is_integer():
        raise ValueError(f"{value} is not a whole number")
    return int(value)


def json_of(value: Raw) -> bytes:
    """Returns the JSON of an optional field, nothing when absent or null."""
    if value is ABSENT:
        return b""
    data = bytes(value)
    return b"" if data == b"null" else data
