"""Values as numbers, texts and objects, however a sender wrote them. Never raises."""

import math
from typing import Any

import msgspec

from schemas.numbers import SAFE_INTEGER
from schemas.otel.values import Value

MAX_JSON_BYTES = 1 << 20
"""Longer JSON stays text: of `[{},{},` Python makes 25 times the memory."""
_MAX_DIGITS = 16
_PYTHON = (("'", '"'), ("None", "null"), ("True", "true"), ("False", "false"))
_decode = msgspec.json.Decoder().decode


def text_of(value: Value) -> str | None:
    """A text that is not empty, or a number as one."""
    if isinstance(value, str):
        return value or None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return repr(value)


def first_text_of(value: Value) -> str | None:
    """As `text_of`; of a list, or of the JSON of one, its first text."""
    if isinstance(value, str) and value.startswith("["):
        value = json_of(value)
    if isinstance(value, list):
        return next(filter(None, map(text_of, value)), None)
    return text_of(value)


def count_of(value: Value) -> int | None:
    """A whole number from 0 to 2^53 - 1, also as a text: Claude Code's logs have such."""
    if isinstance(value, str) and value.isdecimal() and len(value) <= _MAX_DIGITS:
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value <= SAFE_INTEGER else None


def number_of(value: Value) -> float | None:
    """A finite number from 0 on, also as a text."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and len(value) <= 2 * _MAX_DIGITS:
        try:
            value = float(value)
        except ValueError:
            return None
    if not isinstance(value, int | float):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) and found >= 0 else None


def flag_of(value: Value) -> bool | None:
    """A boolean, also as a text: LiteLLM writes "False"."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.lower())
    return None


def json_of(value: Value) -> Value:
    """What a text of JSON holds; anything else, and what is no JSON or too long, as it is."""
    if not isinstance(value, str) or not value or value[0] not in '[{"':
        return value
    if len(value) > MAX_JSON_BYTES:
        return value
    try:
        found: Value = _decode(value)
    except (ValueError, RecursionError):
        return value
    return found


def counts_object(value: Value) -> dict[str, Any]:
    """An object of counts, as JSON or as Python writes it: LiteLLM sends `{'prompt_tokens': 1}`."""
    if isinstance(value, str) and value.startswith("{'"):
        for written, meant in _PYTHON:
            value = value.replace(written, meant)
    return object_of(value)


def object_of(value: Value) -> dict[str, Any]:
    """An object, also as JSON; empty for anything else."""
    found = json_of(value)
    return found if isinstance(found, dict) else {}


def at(value: Value, path: str) -> Value:
    """What stands at a dotted path within an object, else `None`."""
    for name in path.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value
