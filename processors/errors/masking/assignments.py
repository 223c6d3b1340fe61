"""Sensitive names within texts: `password=x`, `"token": "x"`, `--secret x`, `Cookie: x`.

Query strings, form bodies, headers, connection strings, literals of Python and JSON that was cut.
"""

import re
from typing import Any

from processors.errors.masking.forms import compiled
from processors.errors.masking.names import Names, Verdict

MARK = b"[Filtered]"
MOST_NAME = 64
NAME_CHARS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.$-"
BETWEEN = rb"((?:%5D|\]|\\*[\"'`])?(?: |\t|\\t)*(?:=>|%3D|[=:])[ \t]*)"
"""From the name to the value; the name may be closed by a quote or a bracket."""
FLAG = rb"([ \t]+)"
VALUE = re.compile(
    rb"\[Filtered\]"
    rb"|[bBuUrR]?(?P<plain>[\"'`])(?:(?!(?P=plain))[^\\]|\\.)*+(?P=plain)?"
    rb"|(?P<escaped>\\+[\"'])(?:(?!(?P=escaped)).)*+(?:(?P=escaped))?"
    rb"|(?i:bearer|basic|digest|token)[ \t]+[^\s&;,\"'<>(){}\[\]\\]++"
    rb"|[^\s&;,\"'<>(){}\[\]\\]++",
    re.DOTALL,
)
LINE = re.compile(rb"[^\r\n\"']++")
WHOLE_LINE = re.compile(r"(?i)(?:^|[^a-z])(?:(?:proxy-)?authorization|(?:set-)?cookie)$")
"""Headers, whose value is the rest of the line."""
PLACEHOLDER = re.compile(
    rb"%s|%\(\w+\)s|\?|\$\d+|:\w+|@\w+|#?\{[\w.]*\}?|\*+|\[\w[\w ]*\]"
    rb"|(?i:none|null|nil|undefined|true|false|nan)|"
)
"""Values that say nothing: those of statements, and what was masked before."""
NUMBER = re.compile(rb"[-+]?[0-9][0-9.,eE_+-]*")
LONG_ENOUGH = 20
"""A word of prose behind `token: ` has no digits and is shorter."""


class Assignments:
    """Finds the values of sensitive names in texts."""

    def __init__(self, names: Names, pattern: bytes) -> None:
        self._names = names
        self._pattern: Any = compiled(
            rb"(?i)(?:" + pattern + rb")[0-9A-Za-z_.$-]{0,64}(?:" + BETWEEN + rb")"
        )
        self._flag: Any = compiled(
            rb"(?i)(?:^|\s)--[0-9a-z-]{0,64}(?:" + pattern + rb")[0-9a-z_-]{0,64}" + FLAG
        )

    def mask(self, text: bytes) -> bytes:
        """Returns a text with the values masked; the same object where nothing was found."""
        return self._mask(self._pattern, self._mask(self._flag, text))

    def _mask(self, pattern: Any, text: bytes) -> bytes:
        pieces: list[bytes] = []
        done = at = 0
        while (found := pattern.search(text, at)) is not None:
            between, at = found.span(1)
            name = _name_around(text, max(done, found.start() - MOST_NAME), found.start(), between)
            span = self._value(text, name, between, at)
            if span is None:
                continue
            pieces += (text[done : span[0]], MARK)
            done = at = span[1]
        return b"".join((*pieces, text[done:])) if pieces else text

    def _value(self, text: bytes, name: str, between: int, at: int) -> tuple[int, int] | None:
        verdict = self._names.verdict(name)
        if verdict not in (Verdict.SENSITIVE, Verdict.LIKELY, Verdict.UNLESS_NUMBER):
            return None
        if WHOLE_LINE.search(name) and b":" in text[between:at]:
            found = LINE.match(text, at)
            if found is not None:
                return found.span()
        found = VALUE.match(text, at)
        if found is None:
            return None
        first, last = _unquoted(text, *found.span())
        value = text[first:last]
        is_next_flag = text[between:at].isspace() and value.startswith(b"-")
        if PLACEHOLDER.fullmatch(value) or is_next_flag:
            return None
        if verdict is Verdict.UNLESS_NUMBER and NUMBER.fullmatch(value):
            return None
        is_prose = text[between:at].lstrip() in (b": ", b":") and first == found.start()
        if verdict is not Verdict.SENSITIVE and is_prose and not _says_much(value):
            return None
        return first, last


def _name_around(text: bytes, least: int, start: int, end: int) -> str:
    before = text[least:start]
    return text[least + len(before.rstrip(NAME_CHARS)) : end].decode("latin-1")


def _unquoted(text: bytes, start: int, end: int) -> tuple[int, int]:
    """Returns where the value within quotes is; the quotes stay."""
    opened = re.match(rb"[bBuUrR]?(\\*[\"'`])", text[start : start + 12])
    if opened is None:
        return start, end
    quote = opened[1]
    first = start + opened.end()
    return first, end - len(quote) if text.endswith(quote, first, end) else end


def _says_much(value: bytes) -> bool:
    return len(value) >= LONG_ENOUGH or any(48 <= char <= 57 for char in value)
