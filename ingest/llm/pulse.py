"""Frames what Pulse's SDKs send: one JSON array of traces or spans to the items of a chunk.

The rules are those of contracts.md 1.a.2 as `schemas.llm.wire` states them; the items go on as
the bytes that came. One bad item refuses the whole array.
"""

import codecs
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, get_args

import msgspec
from msgspec import Raw, Struct

from ingest.errors import BadItems, BadJson, ItemTooLarge, Refused
from ingest.llm import validation as v
from schemas.issues import too_big
from schemas.llm.wire import (
    ABSENT,
    CONTRACT_PROVIDERS,
    MAX_CHARS,
    MAX_COST_CENTS,
    MAX_ITEMS,
    Kind,
    Source,
    SpanItem,
    Status,
    TraceItem,
    amount_of,
    long_metadata,
    span_decoder,
    too_long,
    trace_decoder,
)
from schemas.times import parse_timestamp_us

# One field more than there may be items: the decoder steps over the surplus without allocating it,
# where a list would hold an object for each of 30 million items before they could be counted.
_ITEMS = msgspec.json.Decoder(
    msgspec.defstruct(
        "Items", [(f"i{n}", Raw, ABSENT) for n in range(MAX_ITEMS + 1)], array_like=True
    )
)
_UTF8_STEP = 1 << 20
# JavaScript writes half of a cut emoji as a lone surrogate escape, which no UTF-8 text can hold.
_HIGH, _LOW = r"[dD][89abAB][0-9a-fA-F]{2}", r"[dD][c-fC-F][0-9a-fA-F]{2}"
_LONE_SURROGATE = re.compile(rf"\\u(?:{_HIGH}(?!\\u{_LOW})|(?<!\\u{_HIGH}\\u){_LOW})")
_HIDDEN = b"\0\0"
"""Stands for an escaped backslash while others are looked at: no JSON text holds a NUL."""
MAX_SURROGATES = 1_000_000
"""In a body that has to be mended: 0.2 s of work. Half a million emoji are no cut text."""
DEFAULT_MAX_ITEM_BYTES = 16 << 20


class Framed(NamedTuple):
    """The items of one request: their bytes and their ids."""

    items: list[bytes]
    ids: list[str]


class Frame(Struct, frozen=True):
    """How one kind of item is checked."""

    kind: str
    wire: str
    decode: Callable[[Raw], Any]
    check: Callable[[Any], bool]
    """Tells whether an item that has the right types keeps the other rules too."""
    id_of: Callable[[Any], str]
    fields: Sequence[v.Field]


def frame_array(
    body: bytes, frame: Frame, *, max_item_bytes: int = DEFAULT_MAX_ITEM_BYTES
) -> Framed:
    """Splits and checks an array.

    Raises `BadJson`, `ItemTooLarge`, or `BadItems` with its details. Of an array with too many
    items no more than one beyond the bound are counted.
    """
    raws = _split(body)
    if len(raws) > MAX_ITEMS:
        raise _bad_items(len(raws), [too_big("array", MAX_ITEMS)])
    _check_sizes(raws, max_item_bytes)
    ids = []
    for index, raw in enumerate(raws):
        try:
            item = frame.decode(raw)
        except (msgspec.ValidationError, RecursionError) as error:
            raise _explained(raws, frame, index, str(error)) from error
        if not frame.check(item):
            raise _explained(raws, frame, index, "Invalid input")
        ids.append(frame.id_of(item))
    return Framed([bytes(raw) for raw in raws], ids)


def trace_frame(providers: frozenset[str]) -> Frame:
    """Returns how traces are checked, with the providers whose prices are known."""
    known = (*CONTRACT_PROVIDERS, *sorted(providers - set(CONTRACT_PROVIDERS)))
    allowed = frozenset(known)
    names = _bounded(TraceItem)

    def check(item: TraceItem) -> bool:
        return (
            item.provider in allowed
            and _is_timestamp(item.timestamp)
            and _has_whole_counts(item)
            and _is_cost(item.cost_cents)
            and _first_byte(item.request_body) == b"{"
            and _is_object_or_absent(item.response_body)
            and _is_object_or_absent(item.error)
            and _is_metadata(item.metadata)
            and not too_long(item, names)
        )

    return Frame(
        kind="trace",
        wire="pulse.trace",
        decode=trace_decoder.decode,
        check=check,
        id_of=lambda item: str(item.trace_id),
        fields=_trace_fields(known),
    )


def span_frame() -> Frame:
    """Returns how spans are checked."""
    names = _bounded(SpanItem)

    def check(item: SpanItem) -> bool:
        return (
            _is_timestamp(item.timestamp)
            and _is_metadata(item.metadata)
            and not too_long(item, names)
        )

    return Frame(
        kind="span",
        wire="pulse.span",
        decode=span_decoder.decode,
        check=check,
        id_of=lambda item: str(item.span_id),
        fields=_SPAN_FIELDS,
    )


def _split(body: bytes) -> list[Raw]:
    try:
        _check_utf8(body)
        items = msgspec.structs.astuple(_ITEMS.decode(body))
        return [raw for raw in items if raw is not ABSENT]
    except msgspec.ValidationError:
        raise _not_an_array(body) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        mended = None if isinstance(error, UnicodeDecodeError) else _mend_surrogates(body)
        if mended is not None:
            return _split(mended)
        raise BadJson("Invalid JSON body") from error


def _check_utf8(body: bytes) -> None:
    """Raises `UnicodeDecodeError`: the JSON decoder does not check strings that it steps over."""
    if len(body) <= _UTF8_STEP:
        str(body, "utf-8")
        return
    # By pieces, because one emoji makes a text take four bytes for each of its characters.
    decoder = codecs.getincrementaldecoder("utf-8")()
    view = memoryview(body)
    for start in range(0, len(view), _UTF8_STEP):
        decoder.decode(view[start : start + _UTF8_STEP])
    decoder.decode(b"", final=True)


def _not_an_array(body: bytes) -> Refused:
    # The decoder of arrays looks no further than the first byte of what is none.
    try:
        value = msgspec.json.decode(body, type=Raw)
    except (msgspec.DecodeError, RecursionError):
        return BadJson("Invalid JSON body")
    return _bad_items(1, [v.wrong_type("array", v.outline(value))])


def _check_sizes(raws: Sequence[Raw], max_bytes: int) -> None:
    for index, raw in enumerate(raws):
        size = memoryview(raw).nbytes
        if size > max_bytes:
            raise ItemTooLarge(
                f"Request body too large: item {index} has {size} bytes, at most {max_bytes} each",
                items=len(raws),
            )


def _mend_surrogates(body: bytes) -> bytes | None:
    """Replaces lone surrogate escapes by U+FFFD; `None` where there is none, or too many."""
    if b"\0" in body or not 0 < body.count(rb"\ud") + body.count(rb"\uD") <= MAX_SURROGATES:
        return None
    # With escaped backslashes out of sight, every backslash left begins an escape. As text, because
    # joining bytes takes 80 bytes for each piece.
    shown = body.replace(rb"\\", _HIDDEN).decode("latin-1")
    mended, count = _LONE_SURROGATE.subn(r"\\ufffd", shown)
    return mended.encode("latin-1").replace(_HIDDEN, rb"\\") if count else None


def _explained(raws: Sequence[Raw], frame: Frame, index: int, message: str) -> BadItems:
    try:
        issues = v.explain(raws, frame.fields)
    except (msgspec.DecodeError, RecursionError):
        issues = []
    # Whatever the decoder refuses must be refused, even where the explanation misses it.
    return _bad_items(
        len(raws), issues or [{"code": "custom", "path": [index], "message": message}]
    )


def _bad_items(count: int, details: list[dict[str, Any]]) -> BadItems:
    return BadItems("Validation failed", items=max(count, 1), details=details)


def _is_timestamp(text: str) -> bool:
    if len(text) > MAX_CHARS["timestamp"]:
        return False
    try:
        parse_timestamp_us(text)
    except ValueError:
        return False
    return True


def _has_whole_counts(item: TraceItem) -> bool:
    for count in (
        item.input_tokens,
        item.output_tokens,
        item.cache_read_tokens,
        item.cache_write_tokens,
        item.reasoning_tokens,
    ):
        if type(count) is float and not count.is_integer():
            return False
    return True


def _is_cost(value: Raw) -> bool:
    try:
        cents = amount_of(value)
    except ValueError:
        return False
    return cents is None or 0 <= cents <= MAX_COST_CENTS


def _first_byte(value: Raw) -> bytes:
    return bytes(value)[:1]


def _is_object_or_absent(value: Raw) -> bool:
    # Within valid JSON only `null` begins with n.
    return _first_byte(value) in (b"{", b"", b"n")


def _is_metadata(value: Raw) -> bool:
    return _is_object_or_absent(value) and not long_metadata(value)


def _bounded(item_type: type[Struct]) -> tuple[str, ...]:
    return tuple(name for name in item_type.__struct_fields__ if name in MAX_CHARS)


def _text(name: str, *, required: bool, min_length: int = 0) -> v.Field:
    return v.Field(name, required, v.text(min_length, max_length=MAX_CHARS[name]))


def _trace_fields(providers: Sequence[str]) -> tuple[v.Field, ...]:
    return (
        v.Field("trace_id", True, v.uuid),
        v.Field("timestamp", True, v.timestamp),
        v.Field("provider", True, v.one_of(*providers)),
        _text("model_requested", required=True, min_length=1),
        _text("model_used", required=False),
        _text("provider_request_id", required=False),
        v.Field("request_body", True, v.an_object),
        v.Field("response_body", False, v.an_object),
        v.Field("input_tokens", False, v.count),
        v.Field("output_tokens", False, v.count),
        v.Field("output_text", False, v.text()),
        _text("finish_reason", required=False),
        v.Field("status", True, v.one_of("success", "error")),
        v.Field("error", False, v.an_object),
        v.Field("latency_ms", True, v.duration),
        v.Field("cost_cents", False, v.number(MAX_COST_CENTS)),
        _text("session_id", required=False, min_length=1),
        v.Field("metadata", False, v.an_object, v.metadata),
        v.Field("cache_read_tokens", False, v.count),
        v.Field("cache_write_tokens", False, v.count),
        v.Field("reasoning_tokens", False, v.count),
    )


_SPAN_FIELDS = (
    v.Field("span_id", True, v.uuid),
    _text("session_id", required=True, min_length=1),
    v.Field("parent_span_id", False, v.uuid),
    v.Field("timestamp", True, v.timestamp),
    v.Field("duration_ms", False, v.duration),
    v.Field("source", True, v.one_of(*get_args(Source))),
    v.Field("kind", True, v.one_of(*get_args(Kind))),
    _text("event_type", required=True, min_length=1),
    v.Field("status", True, v.one_of(*get_args(Status))),
    _text("tool_use_id", required=False),
    _text("tool_name", required=False),
    v.Field("is_interrupt", False, v.boolean),
    _text("cwd", required=False),
    _text("model", required=False),
    _text("agent_name", required=False),
    v.Field("metadata", False, v.an_object, v.metadata),
)
