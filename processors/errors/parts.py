"""Values of any type to the ones that an event holds. What is wrong is left out and named.

Each takes the list of problems that the event will show. Bounds count characters of Unicode.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Raw

from schemas.errors.event import EMPTY

MAX_NAME = 512
"""Of names: files, functions, modules, types, releases. As Sentry has it for most of them."""
MAX_TEXT = 8_192
"""Of messages and values of exceptions."""
MAX_LINE = 1_024
"""Of a line of source."""
MAX_PROBLEMS = 30
MAX_SMALL_JSON = 32 << 10
"""Bytes of the variables of a frame, of the data of a breadcrumb or span."""
MAX_JSON = 512 << 10
"""Bytes of contexts, extra, modules and what a request brought."""
NULL = Raw(b"null")
NOTHING = Raw(b"[]")
"""So PHP writes an empty object."""
OBJECT, ARRAY = ord("{"), ord("[")

decode_any = msgspec.json.Decoder().decode
encode_any = msgspec.json.Encoder().encode

Problems = list[str]


def note(problems: Problems, what: str) -> None:
    """Adds a problem, unless it is known or there are enough."""
    if what not in problems and len(problems) < MAX_PROBLEMS:
        problems.append(what)


def is_absent(raw: Raw) -> bool:
    """Tells whether a member is missing or `null`."""
    return raw is EMPTY or raw == NULL or not memoryview(raw).nbytes


def text_of(value: object, name: str, problems: Problems, most: int = MAX_NAME) -> str:
    """Returns a scalar as text; the empty text for `None`, and for anything else with a problem."""
    if value is None:
        return ""
    if not isinstance(value, str):
        scalar = scalar_text(value)
        if scalar is None:
            note(problems, f"{name}: not a text, left out")
            return ""
        value = scalar
    if len(value) > most:
        note(problems, f"{name}: cut at {most:,} characters")
        return value[:most]
    return value


def scalar_text(value: object) -> str | None:
    """Returns a scalar as its JSON says it; `None` for all else."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, int | float) else None


def lenient_text(value: object, name: str, problems: Problems, most: int = MAX_TEXT) -> str | None:
    """Returns any value as text, arrays and objects as JSON; `None` for `None`."""
    if value is None:
        return None
    if isinstance(value, dict | list):
        value = encode_any(value).decode()
    return text_of(value, name, problems, most)


def whole_of(value: object, name: str, problems: Problems) -> int | None:
    """Returns a line or column number; `None` for what is none."""
    if value is None:
        return None
    if isinstance(value, str):
        value = int(value) if value.isascii() and value.isdigit() and len(value) < 10 else value
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and value < 1 << 53:
        return value if value >= 0 else None  # Java's stacks have -2 for native code.
    note(problems, f"{name}: not a whole number, left out")
    return None


def flag_of(value: object, name: str, problems: Problems) -> bool | None:
    """Returns a flag; numbers and words are taken for what they say."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return bool(value)
    found = {"true": True, "false": False, "1": True, "0": False}.get(str(value).lower())
    if found is None:
        note(problems, f"{name}: neither true nor false, left out")
    return found


def object_of(raw: Raw, name: str, problems: Problems, most: int = MAX_JSON) -> Raw:
    """Returns a JSON object as it is; nothing where it is empty, something else, or too large."""
    return _json_of(raw, OBJECT, name, problems, most)


def array_of(raw: Raw, name: str, problems: Problems, most: int = MAX_JSON) -> Raw:
    """Returns a JSON array as `object_of` returns an object."""
    return _json_of(raw, ARRAY, name, problems, most)


def small_object_of(raw: Raw, name: str, problems: Problems) -> Raw:
    """As `object_of`, where there are many of them."""
    if raw is EMPTY:
        return EMPTY
    return _json_of(raw, OBJECT, name, problems, MAX_SMALL_JSON)


def any_of(raw: Raw, name: str, problems: Problems, most: int = MAX_JSON) -> Raw:
    """Returns any JSON but `null`; nothing where it is too large."""
    if is_absent(raw):
        return EMPTY
    if memoryview(raw).nbytes > most:
        note(problems, f"{name}: over {most:,} bytes, left out")
        return EMPTY
    return raw


def encoded(value: object, name: str, problems: Problems, most: int = MAX_JSON) -> Raw:
    """Returns a decoded object as JSON; nothing where it is empty, something else, or too large."""
    if value is None or value in ({}, []):
        return EMPTY
    return object_of(Raw(encode_any(value)), name, problems, most)


def mapping_of(value: object, name: str, problems: Problems) -> Mapping[str, Any]:
    """Returns a decoded object; an empty one for `None`, and for anything else with a problem."""
    if isinstance(value, dict):
        return value
    if value is not None and value != []:  # PHP writes an empty object as an empty list.
        note(problems, f"{name}: not an object, left out")
    return {}


def list_of(value: object, name: str, problems: Problems) -> list[Any]:
    """Returns what is a list, or is one under `values`; a single object is a list of one."""
    if isinstance(value, dict):
        values = value.get("values", value)
        if values is not value:
            return list_of(values, name, problems)
        return [value] if value else []
    if isinstance(value, list):
        return value
    if value is not None:
        note(problems, f"{name}: not a list, left out")
    return []


def _json_of(raw: Raw, opening: int, name: str, problems: Problems, most: int) -> Raw:
    if raw is EMPTY:
        return EMPTY
    view = memoryview(raw)
    if view[0] != opening:
        if raw in (NULL, NOTHING):
            return EMPTY
        kind = "an object" if opening == OBJECT else "a list"
        note(problems, f"{name}: not {kind}, left out")
        return EMPTY
    if view.nbytes > most:
        note(problems, f"{name}: over {most:,} bytes, left out")
        return EMPTY
    return EMPTY if view.nbytes == 2 else raw
