"""Appends that wait for a broker, and how each caller's event loop gets its answer."""

import asyncio
import threading
from collections.abc import Iterable, Sequence

from eventlog.batches import Payload, size_of
from eventlog.log import TopicPartition


class Write:
    """One append that waits for its answer: the offsets of its records, or why there are none."""

    def __init__(self, payloads: Sequence[tuple[TopicPartition, Payload]]) -> None:
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[dict[TopicPartition, int]] = self.loop.create_future()
        self.payloads = payloads
        self.size = sum(size_of(payload) for _, payload in payloads)
        self.offsets: dict[TopicPartition, int] = {}
        self.error: Exception | None = None
        self.left = 0
        """How many of its records have not come to their end."""

    def resolve(self) -> None:
        """Answers the caller; for the caller's loop alone."""
        if self.future.done():
            return
        if self.error is None:
            self.future.set_result(self.offsets)
        else:
            self.future.set_exception(self.error)


class Answers:
    """Takes answers from any thread to their loops: one wake-up for all that come together."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ready: dict[asyncio.AbstractEventLoop, list[Write]] = {}

    def add(self, writes: Iterable[Write]) -> None:
        """Answers the writes soon."""
        for write in writes:
            with self._lock:
                ready = self._ready.setdefault(write.loop, [])
                ready.append(write)
                first = len(ready) == 1
            if first:
                self._wake(write.loop)

    def _wake(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            loop.call_soon_threadsafe(self._resolve, loop)
        except RuntimeError:
            # The loop has ended, and whoever waited on it.
            with self._lock:
                self._ready.pop(loop, None)

    def _resolve(self, loop: asyncio.AbstractEventLoop) -> None:
        with self._lock:
            writes = self._ready.pop(loop, [])
        for write in writes:
            write.resolve()
