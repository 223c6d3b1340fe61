"""Metadata in the JSON column `tags`: one spelling of keys and values for who writes and who reads.

Keys come from senders and askers, and some would mean something else in a path (`a.b`, `^a`,
`a.:Int64`) or end its quoting. A path is therefore made of ASCII letters, digits, `_` and `-`; any
other byte of the key's UTF-8 is written `=XX`, and the empty key is `=`.

Values are texts and begin with `=`: the engine reads JSON texts that look like a date as dates, and
no setting reaches that in an Arrow insert. Empty values are left out: they count as absent.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from msgspec import json

_encode = json.Encoder().encode
ESCAPED = re.compile(rb"=([0-9A-F]{2})")
PATH = re.compile(r"[A-Za-z0-9_=-]+")
UNSAFE = re.compile(rb"[^A-Za-z0-9_-]")
MOST_KEPT_CHARS = 256
"""Of a key whose path is kept: senders choose them, and some thousand long ones fill the memory."""


def encode_tags(tags: Mapping[str, str]) -> bytes:
    """Returns the text of the JSON object that stands for `tags`."""
    return _encode({path_of(key): f"={value}" for key, value in tags.items() if value})


def tag_sql(key: str) -> str:
    """Returns the expression for what is stored under a key, the empty text where nothing is.

    It goes into a statement unbound, for paths cannot be bound: it holds nothing of the key but the
    characters of a path.
    """
    return path_sql(path_of(key))


def path_sql(path: str) -> str:
    """Returns what `tag_sql` does, for a path. Raises `ValueError` for what `path_of` never is."""
    if not PATH.fullmatch(path):
        raise ValueError(f"no path of a key: {path!r}")
    return f"ifNull(tags.`{path}`.:String, '')"


def stored_tag(value: str) -> str:
    """Returns what `tag_sql` yields where the value is this one."""
    return f"={value}" if value else ""


def having_tags(tags: Sequence[tuple[str, str]]) -> tuple[list[str], dict[str, list[str]]]:
    """Returns conditions for pairs of key and value, with the values that they bind.

    Each key must have its value; where one comes with several values, any of these.
    """
    wanted: dict[str, list[str]] = {}
    for key, value in tags:
        wanted.setdefault(key, []).append(stored_tag(value))
    conditions = [f"{tag_sql(key)} IN {{tag_{n}:Array(String)}}" for n, key in enumerate(wanted)]
    return conditions, {f"tag_{n}": values for n, values in enumerate(wanted.values())}


def read_tag(stored: str) -> str | None:
    """Returns the value behind what `tag_sql` yields."""
    return stored[1:] or None


def key_of(path: str) -> str:
    """Returns the key that a path stands for."""
    if path == "=":
        return ""
    text = ESCAPED.sub(lambda found: bytes([int(found[1], 16)]), path.encode())
    return text.decode(errors="surrogatepass")


def path_of(key: str) -> str:
    """Spells a key as a path; different keys have different paths."""
    return _kept_path(key) if len(key) <= MOST_KEPT_CHARS else _path(key)


@lru_cache(maxsize=4096)
def _kept_path(key: str) -> str:
    return _path(key)


def _path(key: str) -> str:
    escaped = UNSAFE.sub(lambda byte: b"=%02X" % byte[0][0], key.encode(errors="surrogatepass"))
    return escaped.decode() or "="
