"""Writes the log of one deployment: numbers its lines and hands them on in batches.

Whoever prints waits while too much is on its way, so a log that does not take lines holds builds
up; apps are held up by their supervisor, which keeps what it can.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from types import TracebackType
from typing import NamedTuple, Self

import structlog

from deploys.lines.levels import level_of
from deploys.lines.masking import Masker
from deploys.lines.splitting import LineSplitter, RawLine
from deploys.lines.texts import kept_bytes, text_of
from schemas.deploys.lines import Level, Line, Stream
from schemas.projects import ProjectId

BATCH_LINES = 500
"""Are written without waiting for more."""
MOST_BATCH_LINES = 2_000
"""Where the disk is slow, more have come meanwhile: they share its next commit."""
BATCH_BYTES = 1 << 20
BATCH_S = 0.05
"""How long the first line of a batch waits for others."""
PART_S = 5.0
"""How long a line that has begun may be quiet before what there is of it is shown: a question that
waits for an answer. Shorter would part lines that a program writes in pieces."""
MOST_WAITING_LINES = 5_000
MOST_WAITING_BYTES = 4 << 20
MOST_LINES = 200_000
"""Of what a deployment prints."""
MOST_SAID = 1_000
"""Of what the deployer says, beside these."""
TOO_MANY = f"The log is full: of what is printed after {MOST_LINES} lines, nothing is kept."
MOST_LAST = 50
"""Printed lines that are kept to say why a command has failed."""
RESERVED = 1_000
"""Numbers are reserved ahead so many at a time."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 5.0

log = structlog.get_logger(__name__)


class LogRefused(Exception):
    """Raised by what sends when the log does not take lines now: they are sent again."""


Send = Callable[[ProjectId, Sequence[Line]], Awaitable[None]]
"""Returns when the lines are durable. May be called again with the same ones. Raises `LogRefused`.
"""
Reserve = Callable[[int], Awaitable[None]]
"""Notes durably that numbers below the given one may be used: the next writer begins there. Raises
`LogRefused` where it cannot now."""
Note = Callable[[int, int], Awaitable[None]]
"""Notes which number the first of some lines has, and how many have one: 1, 2, 3, … from there.

It is called before the log has any of them."""
Settle = Callable[[int, int], Awaitable[None]]
"""Notes that of the numbers that were reserved, below the first, the second was the last one used.
"""


class Printed(NamedTuple):
    """A whole line, as it was printed at a moment."""

    stream: Stream
    body: bytes
    at_us: int


class Log(NamedTuple):
    """The log of a deployment, and where it goes on."""

    project_id: ProjectId
    deployment_id: str
    first_seq: int = 1


async def _reserve_nothing(_: int) -> None:
    """For a log that nobody goes on with."""


async def _settle_nothing(_: int, __: int) -> None:
    """For the same."""


class LineWriter:
    """Use it as a context: its end writes what there is. One for each deployment at a time."""

    def __init__(
        self,
        of: Log,
        masker: Masker,
        *,
        send: Send,
        reserve: Reserve = _reserve_nothing,
        settle: Settle = _settle_nothing,
    ) -> None:
        self._of, self._masker = of, masker
        self._send, self._reserve, self._settle = send, reserve, settle
        self._splitters: dict[Stream, LineSplitter] = {}
        self._heard_at: dict[Stream, float] = {}
        self._waiting: deque[Line] = deque()
        self._waiting_bytes = 0
        self._next_seq = self._reserved = of.first_seq
        self._said = 0
        self._last: deque[tuple[int, str]] = deque(maxlen=MOST_LAST)
        """Of what was printed, with the numbers, as the log has it."""
        self._is_full = self._is_closing = False
        self._some, self._enough, self._room = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._room.set()
        self._taken = self._written = 0
        self._notes: deque[tuple[int, Callable[[], Awaitable[None]]]] = deque()
        """By the first number that each is about."""
        self._progress = asyncio.Event()
        self._sending: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._sending = asyncio.create_task(self._run())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    @property
    def next_seq(self) -> int:
        """The number of the next line."""
        return self._next_seq

    async def write(self, stream: Stream, chunk: bytes) -> None:
        """Takes bytes as they come. Waits while too much is on its way."""
        await self._ready()
        splitter = self._splitters.get(stream)
        if splitter is None:
            splitter = self._splitters[stream] = LineSplitter(kept_bytes(self._masker))
        self._heard_at[stream] = asyncio.get_running_loop().time()
        at_us = time.time_ns() // 1000
        for line in splitter.feed(chunk):
            self._print(stream, line, at_us)
        if splitter.has_part:
            self._some.set()

    async def add(self, lines: Sequence[Printed], note: Note) -> None:
        """Takes whole lines, all or none where this is cancelled. Waits as `write` does."""
        await self._ready()
        first = self._next_seq
        for one in lines:
            self._print(one.stream, _raw(one, self._masker), one.at_us)
        if count := self._next_seq - first:
            self._notes.append((first, partial(note, first, count)))

    async def add_again(self, lines: Sequence[Printed], first_seq: int) -> None:
        """Takes lines that were given these numbers before: the log may have them, or some."""
        await self._ready()
        for seq, one in enumerate(lines, first_seq):
            text = text_of(_raw(one, self._masker), self._masker)
            self._queue(level_of(text), one.stream, text, one.at_us, seq)

    def end_lines(self, since_seq: int) -> list[str]:
        """Takes lines as ended that have not: what comes next is another command's.

        Returns what was printed last from a number on, with nothing secret in it.
        """
        self._flush(lambda _: 0, since=float("inf"))
        return [text for seq, text in self._last if seq >= since_seq]

    async def say(self, level: Level, text: str) -> None:
        """Takes what the deployer says, in one line or several. Waits as `write` does."""
        await self._ready()
        at_us = time.time_ns() // 1000
        for part in text.splitlines() or [""]:
            if self._said < MOST_SAID:
                self._said += 1
                line = _raw(Printed("system", part.encode(errors="replace"), at_us), self._masker)
                self._queue(level, "system", text_of(line, self._masker), at_us)

    async def written(self) -> None:
        """Returns when the log has all whole lines that were taken so far; none waits for more."""
        taken = self._taken
        while self._written < taken:
            self._enough.set()
            await self._unless_ended(self._progress)

    async def close(self, within_s: float = 30.0) -> int:
        """Writes what there is, lines that have not ended too; returns how many it could not.

        May be called twice. The deployment may be said to be over once it has returned.
        """
        self._flush(lambda _: 0, since=float("inf"))
        self._is_closing = True
        self._some.set()
        self._enough.set()
        if self._sending is None:
            return 0
        try:
            async with asyncio.timeout(within_s):
                await asyncio.shield(self._sending)
        except TimeoutError:
            self._sending.cancel()
            await asyncio.wait([self._sending])
        if lost := len(self._waiting):
            log.error("lines lost", deployment_id=self._of.deployment_id, count=lost)
        elif self._reserved > self._of.first_seq:
            await self._settle(self._reserved, self._next_seq - 1)
            self._reserved = self._of.first_seq
        return lost

    async def _ready(self) -> None:
        """Waits until more may be taken. Raises what has ended the sending."""
        if self._room.is_set() and self._sending is not None and not self._sending.done():
            return
        await self._unless_ended(self._room)

    async def _unless_ended(self, event: asyncio.Event) -> None:
        """Waits for an event. Raises what has ended the sending."""
        waiting = asyncio.ensure_future(event.wait())
        try:
            ends = {waiting} if self._sending is None else {waiting, self._sending}
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
        if self._sending is not None and self._sending.done():
            if not self._sending.cancelled():
                self._sending.result()
            raise RuntimeError("the log of the deployment was closed")

    def _print(self, stream: Stream, line: RawLine, at_us: int) -> None:
        if self._next_seq - self._said > MOST_LINES:
            if not self._is_full:
                self._is_full = True
                self._queue("warn", "system", TOO_MANY, at_us)
            return
        text = text_of(line, self._masker)
        self._queue(level_of(text), stream, text, at_us)

    def _queue(
        self, level: Level, stream: Stream, text: str, at_us: int, seq: int | None = None
    ) -> None:
        """Adds a line, with the next number or one that it has already."""
        line = Line(
            deployment_id=self._of.deployment_id,
            seq=self._next_seq if seq is None else seq,
            at_us=at_us,
            level=level,
            stream=stream,
            message=text,
        )
        if stream != "system":
            self._last.append((line.seq, text))
        self._next_seq += seq is None
        self._taken += 1
        self._waiting.append(line)
        self._waiting_bytes += len(text)
        self._some.set()
        if len(self._waiting) >= BATCH_LINES or self._waiting_bytes >= BATCH_BYTES:
            self._enough.set()
        self._measure()

    def _measure(self) -> None:
        is_full = len(self._waiting) >= MOST_WAITING_LINES
        if is_full or self._waiting_bytes >= MOST_WAITING_BYTES:
            self._room.clear()
        else:
            self._room.set()

    def _flush(self, held: Callable[[bytes], int], *, since: float) -> None:
        """Takes the lines as ended of which nothing has come since a moment."""
        for stream, splitter in self._splitters.items():
            if splitter.has_part and self._heard_at[stream] <= since:
                for line in splitter.flush(held):
                    self._print(stream, line, time.time_ns() // 1000)

    async def _run(self) -> None:
        while not self._is_closing or self._waiting:
            await self._wait_for_lines()
            batch = _batch_of(self._waiting)
            if batch:
                await self._deliver(batch)
                for line in batch:
                    self._waiting.popleft()
                    self._waiting_bytes -= len(line.message)
                self._measure()
                self._written += len(batch)
                self._progress.set()
                self._progress = asyncio.Event()

    async def _wait_for_lines(self) -> None:
        """Returns when a batch is complete, or has waited for as long as it may."""
        if not self._waiting and not self._is_closing:
            self._some.clear()
            has_part = any(splitter.has_part for splitter in self._splitters.values())
            await _wait(self._some, PART_S / 5 if has_part else None)
            self._flush(self._masker.held, since=asyncio.get_running_loop().time() - PART_S)
        if self._waiting and not self._is_closing:
            self._enough.clear()
            if len(self._waiting) < BATCH_LINES and self._waiting_bytes < BATCH_BYTES:
                await _wait(self._enough, BATCH_S)

    async def _deliver(self, batch: Sequence[Line]) -> None:
        """Returns when the log has the batch, however long that takes."""
        pause_s = FIRST_PAUSE_S
        last = max(line.seq for line in batch)
        while True:
            try:
                if last >= self._reserved:
                    await self._reserve(last + RESERVED)
                    self._reserved = last + RESERVED
                # Behind that: whoever goes on must not give a noted number to another line.
                while self._notes and self._notes[0][0] <= last:
                    await self._notes[0][1]()
                    self._notes.popleft()
                await self._send(self._of.project_id, batch)
                return
            except LogRefused as error:
                log.warning("log takes no lines, will try again", reason=str(error))
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)


def _raw(line: Printed, masker: Masker) -> RawLine:
    return RawLine(line.body[: kept_bytes(masker)], len(line.body))


def _batch_of(waiting: Iterable[Line]) -> list[Line]:
    batch: list[Line] = []
    size = 0
    for line in waiting:
        if len(batch) == MOST_BATCH_LINES or batch and size + len(line.message) > BATCH_BYTES:
            break
        batch.append(line)
        size += len(line.message)
    return batch


async def _wait(event: asyncio.Event, timeout_s: float | None) -> None:
    try:
        async with asyncio.timeout(timeout_s):
            await event.wait()
    except TimeoutError:
        return
