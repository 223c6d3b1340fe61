"""Reads what an app prints, from the files of its supervisor, into the log of its deployment."""

import asyncio
import time
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock

import msgspec
import structlog
from msgspec import Struct, structs

from deploys.lines.writing import LineWriter, Printed
from deploys.supervision.spools import Chunk, Cursor, Stream, erase, last_lines, read

LOOK_EVERY_S = 0.1
CURSOR = "read.json"
MOST_PART_BYTES = 1 << 20
"""Of a line that does not end: then it ends here."""
LAST_CHUNKS = 50
MOST_AT_ONCE = 500
"""Lines that are given to the log at once."""
LOST = "Some of what the app printed was lost: it printed more than was read in time."

log = structlog.get_logger(__name__)


class _Kept(Struct):
    number: int
    offset: int
    parts: Mapping[Stream, bytes] = {}
    """Of lines that had not ended there."""
    runs: Sequence[tuple[int, int]] = ()
    """Which numbers the lines behind that place were given: the first, and how many follow it."""


class Tail:
    """One instance's output. The place up to which it was read outlives the deployer.

    That place is noted when the log has the lines before it, and the numbers of lines behind it
    before the log has any of them. So a deployer that is killed loses none, and whoever goes on
    gives them the same numbers, by which the log knows them. What stands before it is erased.
    """

    def __init__(self, folder: Path, spool: Path, out: LineWriter) -> None:
        self._file = folder / CURSOR
        self._writing = Lock()
        self._spool = str(spool)
        self._out = out
        self._kept = _read(self._file)
        self._cursor = Cursor(self._kept.number, self._kept.offset)
        self._parts = dict(self._kept.parts)
        self._again = deque(self._kept.runs)
        """Numbers of the next lines: they were given before."""
        self._chunks: deque[Chunk] = deque()
        """Were read and are not taken yet: they stand before the cursor."""
        self._last: deque[Chunk] = deque(maxlen=LAST_CHUNKS)
        self._erased = Cursor()

    async def follow(self) -> None:
        """Reads on until cancelled."""
        while True:
            if await self.catch_up():
                await self._out.written()
                await self.keep()
            else:
                await asyncio.sleep(LOOK_EVERY_S)

    async def catch_up(self) -> bool:
        """Reads what there is now; tells whether there was anything."""
        if not self._chunks:
            found = await asyncio.to_thread(read, self._spool, self._cursor)
            self._chunks += found.chunks
            self._last += found.chunks
            self._cursor = found.cursor
            if found.has_lost:
                self._again.clear()  # They were those of lines that are gone.
                await self._out.say("warn", LOST)
        has_some = bool(self._chunks)
        while self._chunks:
            await self._take_some()
        return has_some

    async def finish(self) -> None:
        """Takes lines as ended that have not: nothing more comes."""
        at_us = time.time_ns() // 1000
        for stream in list(self._parts):
            await self._give([Printed(stream, self._parts[stream], at_us)])
            del self._parts[stream]

    async def keep(self) -> None:
        """Notes the place up to which all was read. The log must have what was read."""
        read_to = self._cursor
        self._kept = _Kept(*read_to, dict(self._parts))
        self._again.clear()
        await asyncio.to_thread(self._write, self._kept)
        await asyncio.to_thread(erase, self._spool, self._erased, read_to)
        self._erased = read_to

    def last_lines(self, count: int) -> list[str]:
        """Returns what was printed last, as it was printed, as far as this deployer knows it."""
        found = read(self._spool, self._cursor)
        chunks = [*self._last]
        while found.chunks:
            chunks += found.chunks
            found = read(self._spool, found.cursor)
        return last_lines(chunks, count)

    async def _take_some(self) -> None:
        """Gives the next lines to the log. Where this is cancelled, all is as it was before."""
        limit = self._again[0][1] if self._again else MOST_AT_ONCE
        lines: list[Printed] = []
        parts, taken = dict(self._parts), 0
        for chunk in self._chunks:
            if len(lines) == min(limit, MOST_AT_ONCE):
                break
            taken += 1
            whole = parts.pop(chunk.stream, b"") + chunk.content
            if whole.endswith(b"\n") or len(whole) > MOST_PART_BYTES:
                body = whole.removesuffix(b"\n").removesuffix(b"\r")
                lines.append(Printed(chunk.stream, body, chunk.at_us))
            else:
                parts[chunk.stream] = whole
        await self._give(lines)
        self._parts = parts
        for _ in range(taken):
            self._chunks.popleft()

    async def _give(self, lines: Sequence[Printed]) -> None:
        """Gives lines to the log, with the numbers that they have: as many as the first run has."""
        if not self._again:
            await self._out.add(lines, self._note)
            return
        first, count = self._again[0]
        await self._out.add_again(lines, first)
        self._again.popleft()
        if count > len(lines):
            self._again.appendleft((first + len(lines), count - len(lines)))

    async def _note(self, first: int, count: int) -> None:
        runs = list(self._kept.runs)
        if runs and sum(runs[-1]) == first:
            first, count = runs[-1][0], runs[-1][1] + count
            runs.pop()
        self._kept = structs.replace(self._kept, runs=[*runs, (first, count)])
        try:
            await asyncio.to_thread(self._write, self._kept)
        except OSError as error:
            # A full disk: after a kill the last lines would come twice.
            log.warning("numbers of lines are not noted", reason=str(error))

    def _write(self, kept: _Kept) -> None:
        with self._writing:  # One that was cancelled may still be at it.
            new = self._file.with_suffix(".new")
            new.write_bytes(msgspec.json.encode(kept))
            new.replace(self._file)


def _read(file: Path) -> _Kept:
    try:
        return msgspec.json.decode(file.read_bytes(), type=_Kept)
    except (OSError, msgspec.DecodeError):
        return _Kept(*Cursor())
