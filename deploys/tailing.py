"""Reads what an app prints, from the files of its supervisor, into the log of its deployment."""

import asyncio
import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from deploys.lines.writing import LineWriter
from deploys.supervision.spools import Chunk, Cursor, Stream, erase, last_lines, read

LOOK_EVERY_S = 0.1
CURSOR = "read.json"
MOST_PART_BYTES = 1 << 20
"""Of a line that does not end: then it ends here."""
LAST_CHUNKS = 50
LOST = "Some of what the app printed was lost: it printed more than was read in time."


class _Kept(Struct):
    number: int
    offset: int
    parts: Mapping[Stream, bytes] = {}
    """Of lines that had not ended there."""


class Tail:
    """One instance's output. The place up to which it was read outlives the deployer.

    That place is noted when the log has the lines before it. So a deployer that is killed loses
    none; the last ones may come twice. What stands before it is erased.
    """

    def __init__(self, folder: Path, spool: Path, out: LineWriter) -> None:
        self._file = folder / CURSOR
        self._spool = str(spool)
        self._out = out
        kept = _read(self._file)
        self._cursor = Cursor(kept.number, kept.offset)
        self._parts = dict(kept.parts)
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
                await self._out.say("warn", LOST)
        has_some = bool(self._chunks)
        while self._chunks:
            # Where this is cancelled, the next call goes on with the same one.
            await self._take(self._chunks[0])
            self._chunks.popleft()
        return has_some

    async def finish(self) -> None:
        """Takes lines as ended that have not: nothing more comes."""
        at_us = time.time_ns() // 1000
        for stream in list(self._parts):
            await self._out.add(stream, self._parts.pop(stream), at_us)

    async def keep(self) -> None:
        """Notes the place up to which all was read. The log must have what was read."""
        kept = _Kept(self._cursor.number, self._cursor.offset, self._parts)
        read_to = self._cursor
        await asyncio.to_thread(_write, self._file, kept)
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

    async def _take(self, chunk: Chunk) -> None:
        whole = self._parts.get(chunk.stream, b"") + chunk.content
        if whole.endswith(b"\n") or len(whole) > MOST_PART_BYTES:
            line = whole.removesuffix(b"\n").removesuffix(b"\r")
            await self._out.add(chunk.stream, line, chunk.at_us)
            self._parts.pop(chunk.stream, None)
        else:
            self._parts[chunk.stream] = whole


def _read(file: Path) -> _Kept:
    try:
        return msgspec.json.decode(file.read_bytes(), type=_Kept)
    except (OSError, msgspec.DecodeError):
        return _Kept(*Cursor())


def _write(file: Path, kept: _Kept) -> None:
    new = file.with_suffix(".new")
    new.write_bytes(msgspec.json.encode(kept))
    new.replace(file)
