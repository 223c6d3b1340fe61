"""Checks what Pulse's SDKs send, and splits it: one JSON array of traces or spans to items.

The rules are those of docs/wire-formats.md, "Sending". Types and bounds are in `schemas.llm.wire`;
what no type can say is here. The items stay the bytes that came. One bad item rejects the array.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec
from msgspec import Raw, Struct

from ingest.json_texts import check_utf8, repaired_json
from ingest.rejections import BadItems, BadJson, ItemTooLarge, Rejected
from schemas.encodings import wrong_encoding
from schemas.issues import Issue, RuleBroken, issue_of
from schemas.llm.wire import (
    ABSENT,
    MAX_COST_CENTS,
    MAX_ITEMS,
    METADATA_CHARS,
    SentSpan,
    SentTrace,
    amount_of,
    long_metadata,
)
from schemas.times import parse_timestamp_us

# One field more than there may be items: the decoder steps over the surplus without allocating it,
# where a list would hold an object for each of 30 million items before they could be counted.
_ITEMS = msgspec.json.Decoder(
    msgspec.defstruct(
        "Items", [(f"i{n}", Raw, ABSENT) for n in range(MAX_ITEMS + 1)], array_like=True
    )
)
DEFAULT_MAX_ITEM_BYTES = 16 << 20
OBJECT = "Expected `object`"
OPENS_OBJECT = ord("{")


class Framed(NamedTuple):
    """The items of one request: their bytes and their ids."""

    items: list[bytes]
    ids: list[str]


class Frame(Struct, frozen=True):
    """How one kind of item is checked."""

    kind: str
    wire: str
    shape: type[Struct]
    decode: Callable[[Raw], Any]
    check: Callable[[Any], None]
    """Raises `RuleBroken` for an item that breaks a rule which its shape does not state."""
    id_of: Callable[[Any], str]


def frame_array(
    body: bytes, frame: Frame, *, max_item_bytes: int = DEFAULT_MAX_ITEM_BYTES
) -> Framed:
    """Splits and checks an array.

    Raises `BadJson`, `ItemTooLarge`, or `BadItems`, whose details say of each bad item the first
    rule that it breaks. Of an array with too many items no more than one beyond the bound are
    counted.
    """
    raws = _split(body)
    if len(raws) > MAX_ITEMS:
        raise _bad_items(len(raws), [Issue([], f"Expected `array` of at most {MAX_ITEMS} items")])
    _check_sizes(raws, max_item_bytes)
    ids, issues = [], []
    for index, raw in enumerate(raws):
        try:
            item = frame.decode(raw)
            frame.check(item)
            ids.append(frame.id_of(item))
        except (msgspec.ValidationError, RuleBroken, RecursionError) as error:
            issues.append(issue_of(error, frame.shape, index))
    if issues:
        raise _bad_items(len(raws), issues)
    return Framed([bytes(raw) for raw in raws], ids)


def trace_frame() -> Frame:
    """Returns how traces are checked."""

    def check(item: SentTrace) -> None:
        _check_name(item.provider, "provider")
        _check_timestamp(item.timestamp)
        _check_cost(item.cost_cents)
        # The decoder sees to it that it is there.
        if memoryview(item.request_body)[0] != OPENS_OBJECT:
            raise RuleBroken(OBJECT, "request_body")
        _check_object(item.response_body, "response_body")
        _check_object(item.error, "error")
        _check_metadata(item.metadata)

    return Frame(
        kind="trace",
        wire="pulse.trace",
        shape=SentTrace,
        decode=msgspec.json.Decoder(SentTrace).decode,
        check=check,
        id_of=lambda item: str(item.trace_id).lower(),
    )


def span_frame() -> Frame:
    """Returns how spans are checked."""

    def check(item: SentSpan) -> None:
        _check_name(item.source, "source")
        _check_timestamp(item.timestamp)
        _check_metadata(item.metadata)

    return Frame(
        kind="span",
        wire="pulse.span",
        shape=SentSpan,
        decode=msgspec.json.Decoder(SentSpan).decode,
        check=check,
        id_of=lambda item: str(item.span_id).lower(),
    )


def _split(body: bytes) -> list[Raw]:
    try:
        check_utf8(body)
        items = msgspec.structs.astuple(_ITEMS.decode(body))
        return [raw for raw in items if raw is not ABSENT]
    except msgspec.ValidationError as error:
        raise _not_an_array(body, error) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        repaired = repaired_json(body, error)
        if repaired is not None:
            return _split(repaired)
        rule = wrong_encoding(body)
        details = None if rule is None else [Issue([], rule)]
        raise BadJson("Invalid JSON body", details=details) from error


def _not_an_array(body: bytes, error: msgspec.ValidationError) -> Rejected:
    # The decoder of arrays looks no further than the first byte of what is none.
    try:
        msgspec.json.decode(body, type=Raw)
    except (msgspec.DecodeError, RecursionError):
        return BadJson("Invalid JSON body")
    return _bad_items(1, [Issue([], str(error))])


def _check_sizes(raws: Sequence[Raw], max_bytes: int) -> None:
    for index, raw in enumerate(raws):
        size = memoryview(raw).nbytes
        if size > max_bytes:
            raise ItemTooLarge(
                f"Request body too large: item {index} has {size} bytes, at most {max_bytes} each",
                items=len(raws),
            )


def _bad_items(count: int, details: list[Issue]) -> BadItems:
    return BadItems("Validation failed", items=max(count, 1), details=details)


def _check_name(text: str, field: str) -> None:
    """Any name will do that people can read and type in a filter."""
    if not text.isprintable() or text.strip() != text:
        raise RuleBroken("Expected printable characters, without blanks around them", field)


def _check_timestamp(text: str) -> None:
    try:
        parse_timestamp_us(text)
    except ValueError as error:
        raise RuleBroken(str(error), "timestamp") from error


def _check_cost(value: Raw) -> None:
    if value is ABSENT:
        return
    try:
        cents = amount_of(value)
        fits = cents is None or 0 <= cents <= MAX_COST_CENTS
    except ValueError:
        fits = False
    if not fits:
        raise RuleBroken(f"Expected a number from 0 to {MAX_COST_CENTS:.0f}", "cost_cents")


def _check_object(value: Raw, name: str) -> None:
    # Within valid JSON only `null` begins with n.
    if value is not ABSENT and memoryview(value)[0] not in b"{n":
        raise RuleBroken(OBJECT, name)


def _check_metadata(value: Raw) -> None:
    _check_object(value, "metadata")
    for key in long_metadata(value):
        most = METADATA_CHARS[key]
        raise RuleBroken(f"Expected at most {most} characters", "metadata", key)
