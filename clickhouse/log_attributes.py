"""Attributes in the JSON column `attributes`: one spelling for who writes and who reads.

Keys become paths as those of tags do (`clickhouse.tags`). Values are texts that begin with what
they are: `=` a text, `#` a number, `?` true or false, `:` any other JSON.
"""

from collections.abc import Mapping
from typing import Any

from msgspec import DecodeError, json

from clickhouse.tags import key_of, path_of

_encode = json.Encoder().encode
_decode = json.Decoder().decode


def encode_attributes(attributes: Mapping[str, Any]) -> bytes:
    """Returns the text of the JSON object that stands for `attributes`."""
    return _encode(
        {
            path_of(key): f"={value}" if type(value) is str else stored(value)
            for key, value in attributes.items()
        }
    )


def stored(value: object) -> str:
    """Spells a value that JSON can hold."""
    if isinstance(value, str):
        return f"={value}"
    if isinstance(value, bool):
        return "?true" if value else "?false"
    if isinstance(value, int | float):
        return f"#{value!r}"
    return f":{_encode(value).decode()}"


def spellings(asked: str) -> list[str]:
    """Returns what may be stored where somebody asks for a value by its text."""
    found = [f"={asked}", f"?{asked.lower()}", f":{asked}"]
    try:
        number = float(asked)
    except ValueError:
        return found
    # 500 and 500.0 are one number, and each may have been sent.
    whole = [f"#{int(number)}"] if number.is_integer() and abs(number) < 1e16 else []
    return [*found, f"#{number!r}", *whole]


def read_attributes(text: bytes) -> dict[str, Any]:
    """Returns attributes by key, from the column as JSON."""
    return {key_of(path): read_value(value) for path, value in _decode(text).items()}


def read_value(stored_value: str) -> Any:
    """Returns the value behind a spelling."""
    sort, text = stored_value[:1], stored_value[1:]
    if sort == "=":
        return text
    try:
        return _decode(text)
    except DecodeError:
        return text
