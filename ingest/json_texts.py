"""JSON as it comes: whether it is UTF-8, and the repair of what JavaScript writes that is none.

The decoder steps over most of a body. It checks the syntax of what it steps over, not the UTF-8.
"""

import codecs
import re
from collections.abc import Callable
from typing import TypeVar

import msgspec

from schemas.encodings import without_mark

T = TypeVar("T")
_UTF8_STEP = 1 << 20
# JavaScript writes half of a cut emoji as a lone surrogate escape, which no UTF-8 text can hold.
_HIGH, _LOW = r"[dD][89abAB][0-9a-fA-F]{2}", r"[dD][c-fC-F][0-9a-fA-F]{2}"
_LONE_SURROGATE = re.compile(rf"\\u(?:{_HIGH}(?!\\u{_LOW})|(?<!\\u{_HIGH}\\u){_LOW})")
_HIDDEN = b"\0\0"
"""Stands for an escaped backslash while others are looked at: no JSON text holds a NUL."""
MAX_SURROGATES = 1_000_000
"""In a body that has to be repaired: 0.2 s of work. Half a million emoji are no cut text."""


def check_utf8(body: bytes) -> None:
    """Raises `UnicodeDecodeError` for a text that is not UTF-8."""
    if len(body) <= _UTF8_STEP:
        str(body, "utf-8")
        return
    # By pieces, because one emoji makes a text take four bytes for each of its characters.
    decoder = codecs.getincrementaldecoder("utf-8")()
    view = memoryview(body)
    for start in range(0, len(view), _UTF8_STEP):
        decoder.decode(view[start : start + _UTF8_STEP])
    decoder.decode(b"", final=True)


def repaired_json(body: bytes, error: Exception) -> bytes | None:
    """Returns a text that could not be decoded as it was meant, `None` where that is not known.

    Without its byte order mark, or with U+FFFD in place of each lone surrogate escape.
    """
    repaired = without_mark(body)
    if repaired is None and not isinstance(error, UnicodeDecodeError):
        repaired = _replace_surrogates(body)
    return repaired


def decode_repaired(decode: Callable[[bytes], T], body: bytes) -> T:
    """Returns what a text decodes to, as it is or else repaired. Raises what `decode` does."""
    try:
        return decode(body)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError as error:
        repaired = repaired_json(body, error)
        if repaired is None:
            raise
        return decode(repaired)


def _replace_surrogates(body: bytes) -> bytes | None:
    """Replaces lone surrogate escapes by U+FFFD; `None` where there is none, or too many."""
    if b"\0" in body or not 0 < body.count(rb"\ud") + body.count(rb"\uD") <= MAX_SURROGATES:
        return None
    # With escaped backslashes out of sight, every backslash left begins an escape. As text, because
    # joining bytes takes 80 bytes for each piece.
    shown = body.replace(rb"\\", _HIDDEN).decode("latin-1")
    repaired, count = _LONE_SURROGATE.subn(r"\\ufffd", shown)
    return repaired.encode("latin-1").replace(_HIDDEN, rb"\\") if count else None
