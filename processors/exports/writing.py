"""One run of an export: part after part, each noted when it is there, so that the next run goes on.

What is there of a stretch that is over is never read again. A stretch that still gets rows is
written anew by each run.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import NamedTuple, Protocol

from msgspec import Struct
from msgspec.structs import replace
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from clickhouse.exports.columns import Format
from processors.exports.manifests import Manifest, Part, begun, read_manifest, write_manifest
from processors.exports.slices import Slice
from processors.exports.targets import Target, TargetFailed

ATTEMPTS = 6
LONGEST_WAIT_S = 20.0


class SourceBusy(Exception):
    """Raised when rows cannot be read for now; to be tried again."""


class Answered(NamedTuple):
    """A file of rows on its way."""

    pieces: AsyncIterator[bytes]
    rows: int
    next: str
    """Where the next one begins; empty where none follows."""


class Source(Protocol):
    """Where rows come from."""

    def open(
        self, one: Slice, format: Format, cursor: str
    ) -> AbstractAsyncContextManager[Answered]:
        """Opens the next file of a stretch. Raises `SourceBusy`, also while its pieces come."""
        ...


class Told(Struct, frozen=True):
    """How far a run is."""

    one: Slice
    rows: int = 0
    """Added to what was told before."""
    bytes: int = 0
    is_over: bool = False
    """Whether that was the last of the stretch."""
    was_there: bool = False
    """Whether the rows were there before."""


class Run(Struct, frozen=True, kw_only=True):
    """What one run needs."""

    source: Source
    target: Target
    format: Format
    clock: Callable[[], datetime]
    tell: Callable[[Told], Awaitable[None]]
    wait_s: float = 1.0
    """Before the first repetition of a part; doubled for each other."""

    async def write(self, slices: Sequence[Slice]) -> None:
        """Writes what is not there. Raises `SourceBusy` and `TargetFailed` when trying is over."""
        for one in slices:
            found = await read_manifest(self.target, one, self.format)
            # More rows of a day that was over: somebody has imported them, or replayed.
            if found is not None and found.done and one.rows <= found.counted:
                await self.tell(Told(one, rows=found.rows, is_over=True, was_there=True))
            else:
                await self._write(one, found)

    async def _write(self, one: Slice, found: Manifest | None) -> None:
        now = found
        if now is None or not now.was_over or now.done:
            now = begun(one, self.format, is_over=one.is_over(self.clock()))
        if now.rows:
            await self.tell(Told(one, rows=now.rows, was_there=True))
        is_last = False
        while not is_last:
            now = await self._next_part(one, now)
            is_last = not now.next
            if is_last:
                now = replace(now, done=now.was_over)
            await write_manifest(self.target, one, now)
        kept = {part.name for part in now.parts}
        for part in found.parts if found is not None else ():
            if part.name not in kept:
                await self.target.remove(f"{one.folder}/{part.name}")
        await self.tell(Told(one, is_over=True))

    async def _next_part(self, one: Slice, now: Manifest) -> Manifest:
        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type((SourceBusy, TargetFailed)),
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_exponential(self.wait_s, max=LONGEST_WAIT_S),
            reraise=True,
        ):
            with attempt:
                return await self._try_part(one, now)
        raise AssertionError("the last attempt returns or raises")

    async def _try_part(self, one: Slice, now: Manifest) -> Manifest:
        name = f"part-{len(now.parts):05}.{self.format}"
        async with self.source.open(one, self.format, now.next) as answered:
            if not answered.rows:
                return replace(now, next="")
            written = await self.target.write(f"{one.folder}/{name}", answered.pieces)
        part = Part(name, answered.rows, written.size, written.sha256)
        await self.tell(Told(one, rows=part.rows, bytes=part.bytes))
        return replace(now, parts=[*now.parts, part], next=answered.next)
