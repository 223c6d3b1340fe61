"""Calls on threads: a bounded number run, a bounded number wait; answers come in pieces."""

import asyncio
import secrets
import string
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import closing, contextmanager
from typing import NoReturn

import structlog

from clickhouse.errors import StoreBroken
from clickhouse.served.calls import Run, Summary
from clickhouse.served.codes import Code
from clickhouse.served.codings import Compressor
from clickhouse.served.errors import EngineError, refusal

UNREAD_PIECES = 4
READER_TIMEOUT_S = 60
"""For how long a client may leave a thread waiting that has its answer ready."""

Leave = Callable[[int], NoReturn]
"""Ends the process at once, with this code."""

log = structlog.get_logger(__name__)


class _Abandoned(Exception):
    """Raised in the thread when nobody reads the answer any more."""


class Answer:
    """What a call gives: pieces, and at the end how it ended."""

    def __init__(self) -> None:
        self.tag = "".join(secrets.choice(string.ascii_letters) for _ in range(16))
        self._loop = asyncio.get_running_loop()
        self._pieces: asyncio.Queue[bytes | Summary | EngineError] = asyncio.Queue()
        self._permits = threading.Semaphore(UNREAD_PIECES)
        self._abandoned = threading.Event()

    async def next(self) -> bytes | Summary | EngineError:
        """Returns the next piece, or in the place of the last how the call ended."""
        piece = await self._pieces.get()
        self._permits.release()
        return piece

    def abandon(self) -> None:
        """Tells the thread that nobody waits; it ends with the block that it is at."""
        self._abandoned.set()
        self._permits.release()

    def put(self, piece: bytes) -> None:
        """Hands over a piece, from the thread; waits while the client does not read."""
        if not self._permits.acquire(timeout=READER_TIMEOUT_S):
            raise _Abandoned
        self.ensure_wanted()
        self._tell(piece)

    def ensure_wanted(self) -> None:
        """Ends the call, in the thread, where nobody waits any more."""
        if self._abandoned.is_set():
            raise _Abandoned

    def end(self, how: Summary | EngineError) -> None:
        """Says from the thread how the call ended."""
        self._tell(how)

    def _tell(self, item: bytes | Summary | EngineError) -> None:
        self._loop.call_soon_threadsafe(self._pieces.put_nowait, item)


class Threads:
    """Where the calls of readers run, or those of writers, whom they cannot keep out.

    Close it when none is asked for any more.
    """

    def __init__(self, *, running: int, waiting: int, leave: Leave) -> None:
        self._pool = ThreadPoolExecutor(running, thread_name_prefix="warehouse-call")
        self._free = running + waiting
        self._leave = leave
        self._running: set[Future[None]] = set()

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

    async def run(self, run: Run, compressor: Compressor, answer: Answer) -> None:
        """Runs a call to its end."""
        future = self._pool.submit(_work, run, compressor, answer, self._leave)
        self._running.add(future)
        future.add_done_callback(self._running.discard)
        await asyncio.wrap_future(future)

    def close(self, timeout_s: float) -> bool:
        """Takes no more calls; returns whether those that run have ended in time."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        return not wait(self._running, timeout_s).not_done


def _work(run: Run, compressor: Compressor, answer: Answer, leave: Leave) -> None:
    how: Summary | EngineError = refusal(Code.UNKNOWN_EXCEPTION, "Internal error.")
    try:
        how = _put_pieces(run, compressor, answer)
    except _Abandoned:
        pass
    except StoreBroken as error:
        # Sent again to this process the block would be dropped; the next one takes it.
        log.critical("leaving: only a new start repairs the store", reason=str(error))
        leave(1)
    except Exception:
        log.exception("a call to the warehouse failed here, not in the engine")
    finally:
        answer.end(how)


def _put_pieces(run: Run, compressor: Compressor, answer: Answer) -> Summary | EngineError:
    how: Summary | EngineError
    answer.ensure_wanted()
    with closing(run.chunks()) as chunks:
        try:
            for chunk in chunks:
                if piece := compressor.compress(chunk):
                    answer.put(piece)
            how = run.summary
        except EngineError as error:
            # For those to whom a part of the answer has gone; else nobody will read it.
            answer.put(compressor.compress(_broken_off(error, answer.tag)))
            how = error
    if rest := compressor.flush():
        answer.put(rest)
    return how


def _broken_off(error: EngineError, tag: str) -> bytes:
    """The error behind a part of the answer, as servers write it from 25.11 on."""
    message = error.message.encode()
    return b"\r\n__exception__\r\n%b\r\n%b\n%d %b\r\n__exception__\r\n" % (
        tag.encode(), message, len(message), tag.encode(),
    )  # fmt: skip
