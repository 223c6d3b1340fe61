"""What arrives together travels together: from appends to the records of a broker's partitions.

Pure but for the futures that it answers; `kafka_log` says when a batch goes. The bounds of a record
are those of the embedded log.
"""

import asyncio
import threading
from collections.abc import Iterable, Iterator, Sequence

from eventlog import group_commit
from eventlog.log import TopicPartition
from eventlog.records import Chunk, Refusal, encode_chunks, encode_refusals

REFUSAL_BYTES = 64
"""What a refusal is taken to weigh while it waits."""

Payload = Chunk | list[Refusal]


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


class Batch:
    """What becomes one record."""

    def __init__(self) -> None:
        self.parts: list[tuple[Write, Payload]] = []
        self._items = 0
        self._bytes = 0

    def takes(self, payload: Payload) -> bool:
        """Tells whether the payload fits in; an empty batch takes any."""
        return not self.parts or (
            self._items + count_of(payload) <= group_commit.MAX_RECORD_ITEMS
            and self._bytes + size_of(payload) <= group_commit.MAX_RECORD_BYTES
        )

    def add(self, write: Write, payload: Payload) -> None:
        """Puts a part of a write in."""
        self.parts.append((write, payload))
        self._items += count_of(payload)
        self._bytes += size_of(payload)

    def is_full(self) -> bool:
        """Tells whether waiting for company is of no use."""
        return (
            self._items >= group_commit.MAX_RECORD_ITEMS
            or self._bytes >= group_commit.MAX_RECORD_BYTES
        )


def count_of(payload: Payload) -> int:
    """Returns how many items a payload has."""
    return len(payload.items) if isinstance(payload, Chunk) else len(payload)


def size_of(payload: Payload) -> int:
    """Returns the bytes that a payload is taken to weigh."""
    if isinstance(payload, Chunk):
        return group_commit.size_of(payload)
    return REFUSAL_BYTES * len(payload)


def encode(payloads: list[Payload]) -> bytes:
    """Encodes the payloads of one record, which are all of one kind."""
    chunks = [payload for payload in payloads if isinstance(payload, Chunk)]
    if chunks:
        return encode_chunks(chunks)
    return encode_refusals(
        [one for payload in payloads if isinstance(payload, list) for one in payload]
    )


def split(payload: Payload) -> Iterator[Payload]:
    """Yields a payload in parts within the bounds of a record (`group_commit.split`)."""
    if isinstance(payload, Chunk):
        yield from group_commit.split(payload)
    else:
        yield payload
