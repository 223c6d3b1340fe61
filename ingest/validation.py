"""Says all that is wrong with a refused array, the way the original does (zod 4 issue lists).

Only refused requests come here: whether an item is right is decided by its msgspec Struct and
`ingest.pulse`; this explains the verdict, field by field. Nothing parses these details; people do.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from schemas.times import parse_timestamp_us
from schemas.wire.pulse import MAX_DURATION_MS, SAFE_INTEGER, UUID_PATTERN

MAX_ISSUES = 100
Issue = dict[str, Any]
Check = Callable[[Any], Issue | None]


class Field(NamedTuple):
    """One rule of contracts.md 1.a.2."""

    name: str
    required: bool
    check: Check


def explain(items: Sequence[msgspec.Raw], fields: Sequence[Field]) -> list[Issue]:
    """Returns the issues of an array, at most `MAX_ISSUES`, in the order of its items."""
    issues = []
    for issue in _issues(items, fields):
        issues.append(issue)
        if len(issues) == MAX_ISSUES:
            break
    return issues


def wrong_type(expected: str, value: object, path: Sequence[str | int] = ()) -> Issue:
    """Returns the issue of a value of another type."""
    message = f"Invalid input: expected {expected}, received {type_name(value)}"
    return {"expected": expected, "code": "invalid_type", "path": list(path), "message": message}


def too_many(maximum: int) -> Issue:
    """Returns the issue of an array with too many items."""
    return {
        "origin": "array",
        "code": "too_big",
        "maximum": maximum,
        "inclusive": True,
        "path": [],
        "message": f"Too big: expected array to have <={maximum} items",
    }


def type_name(value: object) -> str:
    """Returns JavaScript's word for the type of a decoded JSON value."""
    if value is None:
        return "null"
    names = {bool: "boolean", int: "number", float: "number", str: "string", list: "array"}
    return names.get(type(value), "object")


def _issues(items: Sequence[msgspec.Raw], fields: Sequence[Field]) -> Iterator[Issue]:
    for index, raw in enumerate(items):
        value = msgspec.json.decode(raw)
        if not isinstance(value, dict):
            yield wrong_type("object", value, [index])
            continue
        yield from _item_issues(value, index, fields)


def _item_issues(value: Mapping[str, Any], index: int, fields: Sequence[Field]) -> Iterator[Issue]:
    for field in fields:
        given = value.get(field.name)
        if given is None and not field.required:
            continue
        issue = field.check(given)
        if issue is None:
            continue
        if field.name not in value:
            issue["message"] = issue["message"].replace("received null", "received undefined")
        yield issue | {"path": [index, field.name]}


def text(min_length: int = 0) -> Check:
    """Checks a string."""

    def check(value: Any) -> Issue | None:
        if not isinstance(value, str):
            return wrong_type("string", value)
        if len(value) >= min_length:
            return None
        return {
            "origin": "string",
            "code": "too_small",
            "minimum": min_length,
            "inclusive": True,
            "message": f"Too small: expected string to have >={min_length} characters",
        }

    return check


def uuid(value: Any) -> Issue | None:
    """Checks a UUID (RFC 9562 shape, versions 1 to 8, or nil or max)."""
    if not isinstance(value, str):
        return wrong_type("string", value)
    return None if re.match(UUID_PATTERN, value) else _bad_format("uuid", "Invalid UUID")


def timestamp(value: Any) -> Issue | None:
    """Checks a datetime with its zone."""
    if not isinstance(value, str):
        return wrong_type("string", value)
    try:
        parse_timestamp_us(value)
    except ValueError as error:
        return _bad_format("datetime", str(error))
    return None


def one_of(*values: str) -> Check:
    """Checks an enumeration."""

    def check(value: Any) -> Issue | None:
        if value in values:
            return None
        options = "|".join(f'"{option}"' for option in values)
        message = f"Invalid option: expected one of {options}"
        return {"code": "invalid_value", "values": list(values), "message": message}

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


def _bad_format(name: str, message: str) -> Issue:
    return {"origin": "string", "code": "invalid_format", "format": name, "message": message}


def _out_of_range(value: float, maximum: float) -> Issue | None:
    if value < 0:
        code, bound, message = "too_small", {"minimum": 0}, "Too small: expected number to be >=0"
    elif value > maximum:
        code, bound = "too_big", {"maximum": int(maximum)}
        message = f"Too big: expected number to be <={maximum:.0f}"
    else:
        return None
    return {"origin": "number", "code": code, **bound, "inclusive": True, "message": message}
