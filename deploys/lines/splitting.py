"""Bytes of a stream become lines, wherever they are cut on their way. Pure.

1. A line ends with LF, or CR LF. It is never cut in two, however it comes.
2. A CR within a line goes back to its beginning, as on a terminal: of a progress bar, what it
   showed last is left.
3. Of a long line the beginning is kept, and its size.
4. What does not end with LF is a line too once the stream ends, or somebody does not wait for more.
"""

from collections.abc import Callable
from typing import NamedTuple

NEXT_OF_CHARACTER = range(0x80, 0xC0)
FIRST_OF_CHARACTER = 0xC0
LONGEST_CHARACTER = 4


class RawLine(NamedTuple):
    """One line without its end."""

    body: bytes
    size: int
    """Of the whole line in bytes; `body` is its beginning where this is more."""

    @property
    def is_cut(self) -> bool:
        """Whether some of it is missing."""
        return self.size > len(self.body)


class LineSplitter:
    """One stream of one process."""

    def __init__(self, keep_bytes: int) -> None:
        """`keep_bytes` are kept of a line."""
        self._keep_bytes = keep_bytes
        self._body = bytearray()
        self._size = 0
        self._is_returned = False
        """Whether a CR came last: what follows decides what it means."""

    @property
    def has_part(self) -> bool:
        """Whether a line has begun and not ended."""
        return self._size > 0

    def feed(self, chunk: bytes) -> list[RawLine]:
        """Returns the lines that end in a chunk."""
        *ended, rest = chunk.split(b"\n")
        lines = []
        for part in ended:
            self._add(part)
            lines.append(self._take())
        self._add(rest)
        return lines

    def flush(self, held: Callable[[bytes], int] = lambda _: 0) -> list[RawLine]:
        """Returns the line that has begun as one that has ended, or nothing.

        `held` says how many bytes at its end are kept back, as the beginning of what follows.
        """
        if not self.has_part:
            return []
        if self._size > len(self._body):
            return [self._take()]
        kept = max(held(bytes(self._body)), _unfinished(self._body))
        rest = bytes(self._body[len(self._body) - kept :])
        del self._body[len(self._body) - kept :]
        self._size -= kept
        lines = [self._take()] if self._size else []
        self._add(rest)
        return lines

    def _add(self, part: bytes) -> None:
        text = part.rstrip(b"\r")
        if text:
            if self._is_returned or b"\r" in text:
                self._body.clear()
                self._size = 0
            shown = text.rpartition(b"\r")[2]
            self._body += shown[: max(0, self._keep_bytes - len(self._body))]
            self._size += len(shown)
            self._is_returned = False
        self._is_returned = self._is_returned or len(text) < len(part)

    def _take(self) -> RawLine:
        line = RawLine(bytes(self._body), self._size)
        self._body.clear()
        self._size, self._is_returned = 0, False
        return line


def _unfinished(body: bytearray) -> int:
    """Returns how many bytes at the end are a character of UTF-8 of which more is to come."""
    for back, byte in enumerate(reversed(body[-LONGEST_CHARACTER + 1 :]), 1):
        if byte in NEXT_OF_CHARACTER:
            continue
        wanted = 2 + (byte >= 0xE0) + (byte >= 0xF0)
        return back if byte >= FIRST_OF_CHARACTER and back < wanted else 0
    return 0
