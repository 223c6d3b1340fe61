"""How the two encodings differ: where a value stands, and how ids, numbers and choices are written.

Objects of protobuf's classes and of `json_wire` have the same names, so what walks through them is
written once, over `Any`: a `Reader` is what it asks where they differ.
"""

import base64
import binascii
import math
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import msgspec
from google.protobuf.message import DecodeError
from msgspec import Raw

from schemas.otel.bounds import LAST_NS, Bounds, Rejected
from schemas.otel.values import Attributes, Value

_LEAST, _END = -(1 << 63), 1 << 64
_MAX_DIGITS = 40
TOO_DEEP = "(left out: nested too deeply)"
"""Stands for a list or an object that is deeper than `Bounds.depth`."""


class Reader(NamedTuple):
    """One encoding."""

    item: Callable[[Any, Any], Any]
    """The object of an item, given its class or type. May raise `Rejected`."""
    value: Callable[[Any, int], Value]
    """What an AnyValue holds; the number is how many levels there may still be."""
    id_of: Callable[[Any, int], str | None]
    """An id of so many bytes as hex; `None` when absent or zero. May raise `ValueError`."""
    given: Callable[[Any, str], Any]
    """A field that may be absent, else `None`."""


def attributes_of(pairs: Any, reader: Reader, bounds: Bounds) -> Attributes:
    """Reads attributes. Raises `Rejected` when they are too many.

    Of values within values what is too deep is `TOO_DEEP`.
    """
    if not pairs:
        return {}
    if len(pairs) > bounds.attributes:
        raise Rejected("too_many_attributes")
    value, depth = reader.value, bounds.depth
    return {one.key or "": value(one.value, depth) for one in pairs}


def whole(sent: int | float | str | None) -> int:
    """Reads an integer of at most 64 bits; absent is 0. Raises `Rejected` for anything else."""
    if type(sent) is int:
        found = sent
    elif sent is None:
        return 0
    else:
        found = _parsed(sent)
    if not _LEAST <= found < _END:
        raise Rejected("bad_form")
    return found


def _parsed(sent: float | str) -> int:
    try:
        if isinstance(sent, str) and len(sent) <= _MAX_DIGITS and sent.isascii():
            return int(sent)
        if isinstance(sent, float) and sent.is_integer():
            return int(sent)
    except ValueError:
        pass
    raise Rejected("bad_form")


def number(sent: int | float | str | None) -> float:
    """Reads a number with a fraction; absent is 0. Raises `Rejected` for anything else."""
    try:
        if not isinstance(sent, str):
            return float(sent or 0)
        if len(sent) <= _MAX_DIGITS:
            return float(sent)
    except (ValueError, OverflowError):
        pass
    raise Rejected("bad_form")


def moment(sent: int | float | str | None) -> int | None:
    """Reads a time; 0 and absent are `None`. Raises `Rejected` for one that no store can hold."""
    found = sent if type(sent) is int else whole(sent)
    if not 0 <= found < LAST_NS:
        raise Rejected("bad_time")
    return found or None


def choice(sent: int | str | None, names: tuple[Any, ...], prefix: str) -> Any:
    """Reads an enum by its number or its name; the first name stands for what is not known."""
    if isinstance(sent, str):
        name = sent.removeprefix(prefix).lower()
        if name in names:
            return name
        sent = int(sent) if sent.isdecimal() and len(sent) < _MAX_DIGITS else None
    return names[sent] if type(sent) is int and 0 <= sent < len(names) else names[0]


def finite(sent: float) -> float | None:
    """The number, or `None` for what no column can add up."""
    return sent if math.isfinite(sent) else None


def _protobuf_value(sent: Any, depth: int) -> Value:
    # Most values are texts, and to ask first which sort one is takes twice as long.
    if text := sent.string_value:
        return text  # type: ignore[no-any-return]
    which = sent.WhichOneof("value")
    if which == "array_value":
        return _many(sent.array_value.values, depth, _protobuf_value)
    if which == "kvlist_value":
        return _named(sent.kvlist_value.values, depth, _protobuf_value)
    # Of profiles alone is the index of a text; a span has no table for it.
    if which is None or which == "string_value_strindex":
        return None
    found: Value = getattr(sent, which)
    return found


def _many(sent: Iterable[Any], depth: int, value: Callable[[Any, int], Value]) -> Value:
    if depth <= 0:
        return TOO_DEEP
    return [value(one, depth - 1) for one in sent]


def _named(sent: Iterable[Any], depth: int, value: Callable[[Any, int], Value]) -> Value:
    if depth <= 0:
        return TOO_DEEP
    return {one.key or "": value(one.value, depth - 1) for one in sent}


def _json_value(sent: Any, depth: int) -> Value:
    if sent is None:
        return None
    if sent.string_value is not None:
        text: str = sent.string_value
        return text
    if sent.int_value is not None:
        return whole(sent.int_value)
    if sent.bool_value is not None:
        return bool(sent.bool_value)
    return _rarer(sent, depth)


def _rarer(sent: Any, depth: int) -> Value:
    if sent.double_value is not None:
        return number(sent.double_value)
    if sent.array_value is not None:
        return _many(sent.array_value.values or (), depth, _json_value)
    if sent.kvlist_value is not None:
        return _named(sent.kvlist_value.values or (), depth, _json_value)
    if sent.bytes_value is not None:
        try:
            return base64.b64decode(sent.bytes_value, validate=True)
        except (binascii.Error, ValueError) as error:
            raise Rejected("bad_form") from error
    return None


def _protobuf_id(sent: bytes, size: int) -> str | None:
    if not sent:
        return None
    if len(sent) != size:
        raise ValueError("an id of another length")
    return sent.hex() if any(sent) else None


def _json_id(sent: str | None, size: int) -> str | None:
    if not sent:
        return None
    if len(sent) != 2 * size:
        raise ValueError("an id of another length")
    return _protobuf_id(bytes.fromhex(sent), size)


def _protobuf_item(sent: memoryview, kind: Any) -> Any:
    try:
        return kind.FromString(sent)
    except DecodeError as error:
        raise Rejected("bad_form") from error


def _protobuf_given(sent: Any, name: str) -> Any:
    return getattr(sent, name) if sent.HasField(name) else None


def _json_item(sent: Raw, kind: Any) -> Any:
    try:
        return msgspec.json.decode(sent, type=kind)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Rejected("bad_form") from error


PROTOBUF = Reader(_protobuf_item, _protobuf_value, _protobuf_id, _protobuf_given)
JSON = Reader(_json_item, _json_value, _json_id, getattr)
