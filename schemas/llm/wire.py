"""What Pulse's SDKs and CLI send: traces (one LLM call each) and spans (one agent event each).

Source: docs/wire-formats.md, "Sending". Deliberately wider than the original: `null` is accepted
for every optional field, `session_id` of a trace is any non-empty string, `provider` and `source`
are any name, and usage may be given by kind of token. Unknown keys are dropped.
"""

from decimal import Decimal, InvalidOperation
from operator import attrgetter
from typing import Annotated, Literal, TypeVar

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
METADATA_CHARS = {"environment": 256, "userId": 512, "user_id": 512, "agent_id": 512}
"""Characters of what metadata names for grouping and pairing; of its JSON, where it is no text."""

Uuid = Annotated[
    str,
    Meta(
        pattern=UUID_PATTERN,
        description="a UUID such as 304b96da-3805-4420-89d7-5c3b81221f36, of version 1 to 8",
    ),
]
Text = Annotated[str, Meta(min_length=1)]
# A whole number may come as 50.0: JavaScript, and so the original, knows no difference.
Count = (
    Annotated[int, Meta(ge=0, le=SAFE_INTEGER)]
    | Annotated[float, Meta(ge=0, le=SAFE_INTEGER, multiple_of=1)]
)
Milliseconds = Annotated[float, Meta(ge=0, le=MAX_DURATION_MS)]
Status = Literal["success", "error"]
Kind = Literal["tool_use", "agent_run", "session", "user_prompt", "llm_response", "notification"]


class TraceItem(Struct, frozen=True, gc=False):
    """One LLM call as the log holds it. Objects stay JSON text: nobody looks inside them here."""

    trace_id: str
    timestamp: str
    provider: Text
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
    """One agent event as the log holds it."""

    span_id: str
    session_id: Text
    timestamp: str
    source: Text
    kind: Kind
    event_type: Text
    status: Status
    parent_span_id: str | None = None
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
# Characters of texts that are keys of sums, or shown in lists.
Moment = Annotated[str, Meta(max_length=64)]
Name = Annotated[str, Meta(max_length=256)]
GivenName = Annotated[str, Meta(min_length=1, max_length=256)]
Id = Annotated[str, Meta(max_length=512)]
GivenId = Annotated[str, Meta(min_length=1, max_length=512)]
Sender = Annotated[str, Meta(min_length=1, max_length=128)]
"""Of a provider or a source: a key of every sum, of which a project has few."""
Directory = Annotated[str, Meta(max_length=4096)]


class SentTrace(TraceItem, frozen=True):
    """A trace as the edge takes it: with bounds that what an older version took may be beyond."""

    trace_id: Uuid
    timestamp: Moment
    provider: Sender
    model_requested: GivenName
    model_used: Name | None = None
    provider_request_id: Id | None = None
    finish_reason: Name | None = None
    session_id: GivenId | None = None


class SentSpan(SpanItem, frozen=True):
    """A span as the edge takes it."""

    span_id: Uuid
    session_id: GivenId
    timestamp: Moment
    source: Sender
    event_type: GivenName
    parent_span_id: Uuid | None = None
    tool_use_id: Id | None = None
    tool_name: Name | None = None
    cwd: Directory | None = None
    model: Name | None = None
    agent_name: Name | None = None


_metadata_decoder = msgspec.json.Decoder(
    msgspec.defstruct("Named", [(name, Raw, ABSENT) for name in METADATA_CHARS])
)
trace_decoder = msgspec.json.Decoder(TraceItem)
span_decoder = msgspec.json.Decoder(SpanItem)


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


_counts_in = attrgetter(*Counts.__struct_fields__)


def counts_of(item: TraceItem) -> Counts:
    """Returns the counts as integers."""
    sent = into, out, read, written, reasoned = _counts_in(item)
    # Unrolled: this runs for every trace, and a loop takes twice as long.
    if (
        type(into) is float
        or type(out) is float
        or type(read) is float
        or type(written) is float
        or type(reasoned) is float
    ):
        return Counts(*(None if count is None else int(count) for count in sent))
    return Counts(*sent)


def json_of(value: Raw) -> bytes:
    """Returns the JSON of an optional field, nothing when absent or null."""
    if value is ABSENT:
        return b""
    data = bytes(value)
    return b"" if data == b"null" else data
