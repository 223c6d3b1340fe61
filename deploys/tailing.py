"""Reads what an app prints, from the files of its supervisor, into the log of its deployment."""

import asyncio
from pathlib import Path

import msgspec
from msgspec import Struct

from deploys.lines.writing import LineWriter
from deploys.supervision.spools import Chunk, Cursor, Stream, read

LOOK_EVERY_S = 0.1
CURSOR = "read.json"
MOST_PART_BYTES = 1 << 20
"""Of a line that does not end: then it ends here."""
LOST = "Some of what the app printed was lost: it printed more than was read in time."


class _Kept(Struct):
    number: int
    offset: int


class Tail:
    """One instance's output. The place up to which it was read outlives the deployer."""

    def __init__(self, folder: Path, spool: Path, out: LineWriter) -> None:
        self._file = folder / CURSOR
        self._spool = str(spool)
        self._out = out
        self._cursor = _read(self._file)
        self._parts: dict[Stream, bytes] = {}

    async def follow(self) -> None:
        """Reads on until cancelled."""
        while True:
            if not await self.catch_up():
                await asyncio.sleep(LOOK_EVERY_S)

    async def catch_up(self) -> bool:
        """Reads what there is now; tells whether there was anything."""
        found = await asyncio.to_thread(read, self._spool, self._cursor)
        if found.has_lost:
            await self._out.say("warn", LOST)
        for chunk in found.chunks:
            await self._take(chunk)
        if found.cursor == self._cursor:
            return False
        self._cursor = found.cursor
        await asyncio.to_thread(_write, self._file, found.cursor)
        return bool(found.chunks)

    async def _take(self, chunk: Chunk) -> None:
        whole = self._parts.pop(chunk.stream, b"") + chunk.content
        if whole.endswith(b"\n") or len(whole) > MOST_PART_BYTES:
            line = whole.removesuffix(b"\n").removesuffix(b"\r")
            await self._out.add(chunk.stream, line, chunk.at_us)
        else:
            self._parts[chunk.stream] = whole


def _read(file: Path) -> Cursor:
    try:
        kept = msgspec.json.decode(file.read_bytes(), type=_Kept)
    except (OSError, msgspec.DecodeError):
        return Cursor()
    return Cursor(kept.number, kept.offset)


def _write(file: Path, cursor: Cursor) -> None:
    new = file.with_suffix(".new")
    new.write_bytes(msgspec.json.encode(_Kept(cursor.number, cursor.offset)))
    new.replace(file)
