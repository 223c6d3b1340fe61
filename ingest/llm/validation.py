"""Says all that is wrong with a refused array, the way the original does (zod 4 issue lists).

Only refused requests come here: whether an item is right is decided by its msgspec Struct and
`ingest.llm.pulse`; this explains the verdict, field by field. Nothing parses these details;
people do.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
from msgspec import Raw

from schemas.issues import (
    Issue,
    invalid_format,
    invalid_option,
    invalid_type,
    too_big,
    too_small,
)
from schemas.llm.wire import (
    ABSENT,
    MAX_CHARS,
    MAX_DURATION_MS,
    METADATA_CHARS,
    UUID_PATTERN,
    long_metadata,
)
from schemas.numbers import SAFE_INTEGER
from schemas.times import parse_timestamp_us

MAX_ISSUES = 100
Check = Callable[[Any], Issue | None]


class Field(NamedTuple):
    """One rule of contracts.md 1.a.2."""

    name: str
    required: bool
    check: Check
    inner: Callable[[Raw], Sequence[tuple[str, Issue]]] | None = None
    """Finds what is wrong within an object, by the keys of it."""


def explain(items: Sequence[Raw], fields: Sequence[Field]) -> list[Issue]:
    """Returns the issues of an array, at most `MAX_ISSUES`, in the order of its items.

    Raises `msgspec.DecodeError` for a number that Python cannot hold.
    """
    issues = []
    for issue in _issues(items, fields):
        issues.append(issue)
        if len(issues) == MAX_ISSUES:
            break
    return issues


def wrong_type(expected: str, value: object, path: Sequence[str | int] = ()) -> Issue:
    """Returns the issue of a value of another type."""
    return invalid_type(expected, received=type_name(value), path=path)


def outline(raw: Raw) -> Any:
    """Returns a JSON value, an array or object as an empty one: whatever it holds is not decoded.

    The rules ask no more of them than their type, and what they hold may be 16 MiB of `{}`.
    """
    first = bytes(memoryview(raw)[:1])
    if first == b"{":
        return {}
    return [] if first == b"[" else msgspec.json.decode(raw)


def type_name(value: object) -> str:
    """Returns JavaScript's word for the type of a decoded JSON value."""
    if value is None:
        return "null"
    names = {bool: "boolean", int: "number", float: "number", str: "string", list: "array"}
    return names.get(type(value), "object")


def _issues(items: Sequence[Raw], fields: Sequence[Field]) -> Iterator[Issue]:
    decoder = msgspec.json.Decoder(
        msgspec.defstruct("Fields", [(field.name, Raw, ABSENT) for field in fields])
    )
    for index, raw in enumerate(items):
        value = outline(raw)
        if not isinstance(value, dict):
            yield wrong_type("object", value, [index])
            continue
        yield from _item_issues(msgspec.structs.astuple(decoder.decode(raw)), index, fields)


def _item_issues(values: Sequence[Raw], index: int, fields: Sequence[Field]) -> Iterator[Issue]:
    for field, raw in zip(fields, values, strict=True):
        given = None if raw is ABSENT else outline(raw)
        if given is None and not field.required:
            continue
        issue = field.check(given)
        if issue is None:
            for key, found in field.inner(raw) if field.inner else ():
                yield found | {"path": [index, field.name, key]}
            continue
        if raw is ABSENT:
            issue["message"] = issue["message"].replace("received null", "received undefined")
        yield issue | {"path": [index, field.name]}


def text(min_length: int = 0, *, max_length: int | None = None) -> Check:
    """Checks a string."""

    def check(value: Any) -> Issue | None:
        if not isinstance(value, str):
            return wrong_type("string", value)
        if max_length is not None and len(value) > max_length:
            return too_big("string", max_length)
        return None if len(value) >= min_length else too_small("string", min_length)

    return check


def metadata(raw: Raw) -> Sequence[tuple[str, Issue]]:
    """Finds what is too long among the keys of metadata that are grouped by."""
    if raw is ABSENT:
        return ()
    return [(key, too_big("string", METADATA_CHARS[key])) for key in long_metadata(raw)]


def uuid(value: Any) -> Issue | None:
    """Checks a UUID (RFC 9562 shape, versions 1 to 8, or nil or max)."""
    if not isinstance(value, str):
        return wrong_type("string", value)
    return None if re.match(UUID_PATTERN, value) else invalid_format("uuid", "Invalid UUID")


def timestamp(value: Any) -> Issue | None:
    """Checks a datetime with its zone."""
    if not isinstance(value, str):
        return wrong_type("string", value)
    if len(value) > MAX_CHARS["timestamp"]:
        return too_big("string", MAX_CHARS["timestamp"])
    try:
        parse_timestamp_us(value)
    except ValueError as error:
        return invalid_format("datetime", str(error))
    return None


def one_of(*values: str) -> Check:
    """Checks an enumeration."""

    def check(value: Any) -> Issue | None:
        return None if value in values else invalid_option(values)

    return check


def number(maximum: float) -> Check:
    """Checks a number from 0 to `maximum`."""

    def check(value: Any) -> Issue | None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return wrong_type("number", value)
        return _out_of_range(value, maximum)

    return check


def count(value: Any) -> Issue | None:
    """Checks an integer from 0 to 2^53 - 1."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return wrong_type("number", value)
    if isinstance(value, float) and not value.is_integer():
        return {**wrong_type("int", value), "format": "safeint"}
    return _out_of_range(value, SAFE_INTEGER)


def boolean(value: Any) -> Issue | None:
    """Checks a boolean."""
    return None if isinstance(value, bool) else wrong_type("boolean", value)


def an_object(value: Any) -> Issue | None:
    """Checks a JSON object."""
    return None if isinstance(value, dict) else wrong_type("record", value)


def duration(value: Any) -> Issue | None:
    """Checks milliseconds."""
    return number(MAX_DURATION_MS)(value)


def _out_of_range(value: float, maximum: float) -> Issue | None:
    if value < 0:
        return too_small("number", 0)
    return too_big("number", int(maximum)) if value > maximum else None
