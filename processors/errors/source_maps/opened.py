"""A source map that is read: from a position in a script to one in its source.

What reads it is Sentry's own library, `symbolic`. It is loaded when the first map is.
"""

from array import array
from collections.abc import Iterable
from typing import Any

from processors.errors.parts import MAX_NAME
from schemas.errors.source_maps import Position

CONTEXT_LINES = 5
MOST_KNOWN = 2_000
"""Positions of a map whose answer is kept: the same places fail again and again."""
MOST_NUMBER = (1 << 32) - 1
NAMELESS = ("<unknown>", "<anonymous>", "")


class BrokenMap(Exception):
    """Raised for a map that cannot be read; the message says why."""


class OpenedMap:
    """One map, ready to be asked. Calls block for microseconds; opening may take seconds."""

    def __init__(self, source_map: bytes, script: bytes = b"") -> None:
        """Reads a map. Raises `BrokenMap`. Without the script, functions have no names."""
        # 120 ms and 6 MB, for who has maps alone.
        from symbolic.exceptions import SymbolicError
        from symbolic.sourcemapcache import SourceMapCache

        try:
            self._cache: Any = SourceMapCache.from_bytes(script, source_map)
        except SymbolicError as error:
            raise BrokenMap(str(error)[:MAX_NAME] or type(error).__name__) from error
        self._failures = SymbolicError
        # In bytes: at least as many as the UTF-16 units that columns count.
        self._lengths = array("I", map(len, script.split(b"\n"))) if script else None
        self._known: dict[tuple[int, int], Position | None] = {}
        self.weight = 2 * (len(source_map) + len(script)) + 4096
        """Bytes of memory, about."""

    def positions(self, asked: Iterable[tuple[int, int]]) -> dict[tuple[int, int], Position | None]:
        """Returns where lines and columns of the script, both from 1 on, are in the source."""
        found = {}
        for place in asked:
            if place not in self._known:
                if len(self._known) >= MOST_KNOWN:
                    self._known.clear()
                self._known[place] = self._look_up(*place)
            found[place] = self._known[place]
        return found

    def _is_outside(self, line: int, column: int) -> bool:
        lengths = self._lengths
        return lengths is not None and (line > len(lengths) or column > lengths[line - 1] + 1)

    def _look_up(self, line: int, column: int) -> Position | None:
        if not (0 < line <= MOST_NUMBER and 0 < column <= MOST_NUMBER):
            return None
        if self._is_outside(line, column):
            return None  # What reads the map would answer with the nearest place before.
        try:
            token = self._cache.lookup(line, column, CONTEXT_LINES)
        except self._failures:
            return None
        if token is None or not token.src:
            return None
        function = token.function_name or ""
        return Position(
            path=token.src,
            line=token.line,
            column=token.col,
            function="" if function in NAMELESS else function,
            before=tuple([one.rstrip("\r\n") for one in token.pre_context]),
            text=(token.context_line or "").rstrip("\r\n"),
            after=tuple([one.rstrip("\r\n") for one in token.post_context]),
        )
