"""Calls on threads: a bounded number run, a bounded number wait; answers come in pieces."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import closing, contextmanager
from typing import NoReturn

import structlog

from clickhouse.failures import StoreBroken
from clickhouse.served.calls import Run
from clickhouse.served.codes import Code
from clickhouse.served.codings import Compressor
from clickhouse.served.errors import EngineError, refusal

Leave = Callable[[int], NoReturn]
"""Ends the process at once, with this code."""

log = structlog.get_logger(__name__)


class Threads:
    """Where the calls of readers run, or those of writers, whom they cannot keep out.

    Close it when none is asked for any more.
    """

    def __init__(self, *, running: int, waiting: int, leave: Leave) -> None:
        self._pool = ThreadPoolExecutor(running, thread_name_prefix="warehouse-call")
        self._turns = asyncio.Semaphore(running)
        self._free = running + waiting
        self._leave = leave
        self._steps: set[Future[bytes | None]] = set()

    @contextmanager
    def place(self) -> Iterator[None]:
        """Holds a place for one request. Raises `EngineError` when there is none."""
        if self._free <= 0:
            raise refusal(Code.TOO_MANY_SIMULTANEOUS_QUERIES, "Too many simultaneous queries.")
        self._free -= 1
        try:
            yield
        finally:
            self._free += 1

    async def pieces(
        self, run: Run, compressor: Compressor, tag: str
    ) -> AsyncGenerator[bytes, None]:
        """Yields an answer as it is asked for. Raises `EngineError`, also after some of it.

        Whoever asks for no more waits for the step that the engine is at: it cannot be told to
        give up.
        """
        async with self._turns:
            pieces = _compressed(run, compressor, tag)
            step = self._begin(pieces)
            try:
                while (piece := await _to_its_end(step)) is not None:
                    yield piece
                    step = self._begin(pieces)
            finally:
                # Else the process ends without it.
                if step.done():
                    await asyncio.wrap_future(self._pool.submit(pieces.close))

    def close(self, timeout_s: float) -> bool:
        """Takes no more calls; returns whether those that run have ended in time."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        return not wait(self._steps, timeout_s).not_done

    def _begin(self, pieces: Generator[bytes, None, None]) -> "Future[bytes | None]":
        step = self._pool.submit(_next, pieces, self._leave)
        self._steps.add(step)
        step.add_done_callback(self._steps.discard)
        return step


async def _to_its_end(step: "Future[bytes | None]") -> bytes | None:
    waiting = asyncio.wrap_future(step)
    try:
        return await asyncio.shield(waiting)
    finally:
        if not waiting.done():
            await asyncio.wait({waiting})


def _next(pieces: Generator[bytes, None, None], leave: Leave) -> bytes | None:
    try:
        return next(pieces, None)
    except StoreBroken as error:
        # Sent again to this process the block would be dropped; the next one takes it.
        log.critical("leaving: only a new start repairs the store", reason=str(error))
        leave(1)


def _compressed(run: Run, compressor: Compressor, tag: str) -> Generator[bytes, None, None]:
    with closing(run.chunks()) as chunks:
        try:
            for chunk in chunks:
                if piece := compressor.compress(chunk):
                    yield piece
        except EngineError as error:
            # For those to whom a part of the answer has gone; else nobody will read it.
            yield compressor.compress(_broken_off(error, tag)) + compressor.flush()
            raise
    if rest := compressor.flush():
        yield rest


def _broken_off(error: EngineError, tag: str) -> bytes:
    """The error behind a part of the answer, as servers write it from 25.11 on."""
    message = error.message.encode()
    return b"\r\n__exception__\r\n%b\r\n%b\n%d %b\r\n__exception__\r\n" % (
        tag.encode(), message, len(message), tag.encode(),
    )  # fmt: skip
