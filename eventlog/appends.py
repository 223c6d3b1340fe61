"""Appends that wait for Kafka, and the memory that they take. Called from any thread."""

import asyncio
import threading
from collections.abc import Callable, Sequence

from eventlog.answers import Answers
from eventlog.batches import Payload, size_of
from eventlog.log import LogFull, LogUnavailable, TopicPartition


class Append:
    """One append that waits: for the offsets of its records, or why there are none."""

    def __init__(
        self,
        payloads: Sequence[tuple[TopicPartition, Payload]],
        on_end: "Callable[[Append], None]",
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[dict[TopicPartition, int]] = self.loop.create_future()
        self.payloads = payloads
        self._on_end = on_end
        self.size = sum(size_of(payload) for _, payload in payloads)
        self.left = 0
        """How many of its records have not come to their end."""
        self._offsets: dict[TopicPartition, int] = {}
        self._error: Exception | None = None

    def succeed(self, partition: TopicPartition, offset: int) -> None:
        """Notes that one of its records is durable."""
        self._offsets[partition] = offset
        self._end_one()

    def fail(self, error: Exception) -> None:
        """Notes that one of its records is not; the first error is what the caller gets."""
        self._error = self._error or error
        self._end_one()

    def _end_one(self) -> None:
        self.left -= 1
        if not self.left:
            self._on_end(self)

    def resolve(self) -> None:
        """Answers the caller, who may have given up; for the caller's loop alone."""
        if self.future.done():
            return
        if self._error is None:
            self.future.set_result(self._offsets)
        else:
            self.future.set_exception(self._error)


class Appends:
    """Lets appends in, within a bound of bytes, until it is closed."""

    def __init__(self, max_bytes: int, take: Callable[[Append], None]) -> None:
        self.bytes = 0
        self._max_bytes = max_bytes
        self._take = take
        self._lock = threading.Lock()
        self._closed = False
        self._answers = Answers()

    def begin(self, payloads: Sequence[tuple[TopicPartition, Payload]]) -> Append:
        """Hands an append of the running loop on.

        Raises `LogFull`, and `LogUnavailable` after `close`.
        """
        append = Append(payloads, self._answer)
        with self._lock:
            # Under the lock: nothing may be queued behind the end, where no one looks.
            if self._closed:
                raise LogUnavailable("the log is closed")
            waiting = self.bytes + append.size
            if waiting > self._max_bytes:
                raise LogFull(
                    f"{waiting} bytes would wait for Kafka, the bound is {self._max_bytes}"
                )
            self.bytes = waiting
            self._take(append)
        return append

    def free(self, size: int) -> None:
        """Notes that so many bytes are no longer held in memory."""
        with self._lock:
            self.bytes -= size

    def close(self) -> None:
        """Lets nothing in any more."""
        with self._lock:
            self._closed = True

    def _answer(self, append: Append) -> None:
        self._answers.give(append.loop, append.resolve)
