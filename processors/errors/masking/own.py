"""Whether anything of an event is found by a project's own patterns: one search over its texts.

The patterns are made for texts, and JSON writes texts otherwise: quotes, line ends. So what is
searched are the texts, decoded, a line each.
"""

import re

import msgspec

from processors.errors.masking.forms import compiled_own
from schemas.errors.masking import OwnPattern

VALUE = re.compile(rb'"(?:[^"\\]++|\\.)*+"|-?[0-9][0-9.eE+-]*+', re.DOTALL)
WHOLE = re.compile(r"[\^$]|\\[AzZB]")
"""Patterns with these see where a text begins and ends, which a line among lines does not show."""
NESTED = re.compile(rb'"[ \t\r\n]*[{\[](?:[^"\\]|\\.)*\\', re.DOTALL)
"""A text that may be JSON itself, with escapes of its own."""
strings = msgspec.json.Decoder(list[str])


class OwnSearch:
    """The patterns of a project."""

    def __init__(self, patterns: tuple[OwnPattern, ...]) -> None:
        self._everywhere = any(WHOLE.search(one.pattern) for one in patterns)
        self._patterns = tuple(compiled_own(one.pattern) for one in patterns)

    def may_find(self, part: bytes) -> bool:
        """Whether a part of an event may hold what a pattern finds."""
        if self._everywhere:
            return True
        if b"\\" in part:
            if NESTED.search(part):
                return True
            try:
                lines = "\n".join(strings.decode(_as_texts(part))).encode()
            except msgspec.DecodeError:
                return True
        else:
            lines = b"\n".join(VALUE.findall(part))
        return self.matches(lines)

    def matches(self, text: bytes) -> bool:
        """Whether a pattern finds something in a text."""
        return self._everywhere or any(one.search(text) is not None for one in self._patterns)


def _as_texts(part: bytes) -> bytes:
    found = VALUE.findall(part)
    return b"[" + b",".join(one if one[:1] == b'"' else b'"%s"' % one for one in found) + b"]"
