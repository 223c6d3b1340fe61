"""Group commit: the one thread that writes the log's file.

While a commit runs, whatever arrives waits for the next one, so that records grow with the load
and a lone event waits for nothing but its own fsync.
"""

import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple

import structlog
from msgspec import Struct

from eventlog import sqlite_file
from eventlog.answers import Answers, Awaited
from eventlog.batches import Batch, Payload, encode, put, size_of
from eventlog.log import LogDamaged, LogError, LogFull, LogUnavailable, TopicPartition
from schemas.settings import FOREVER_DAYS

MAX_GROUP_BYTES = 16 << 20

log = structlog.get_logger(__name__)


class Limits(Struct, frozen=True):
    """What the log may hold."""

    max_bytes: int = 4 << 30
    """Of records that are not stored yet or still kept."""
    max_queued_bytes: int = 128 << 20
    """Of chunks that wait for their commit."""
    keep_ms: int = 0
    """How long a record is kept after its block is stored; 0 forgets it at once."""
    dead_keep_ms: int = FOREVER_DAYS * 86_400_000
    """How long a dead letter is kept."""


Change = Callable[[sqlite3.Connection], Any]
Payloads = Sequence[tuple[TopicPartition, Payload]]


class _Write(NamedTuple):
    """One thing to commit as a whole: payloads to append, or a change of the tables."""

    future: "Future[Any] | Awaited"
    payloads: Payloads
    change: Change | None
    size: int


class GroupCommit:
    """Owns the writing connection; everything else reaches it through `append` and `change`."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        numbers: Mapping[TopicPartition, int],
        limits: Limits,
        on_damage: Callable[[], None],
    ) -> None:
        self.limits = limits
        self.queued_bytes = 0
        self.stored_bytes = _stored_bytes(connection)
        self._data_version = _data_version(connection)
        self._connection = connection
        self._numbers = numbers
        self._on_damage = on_damage
        self._queue: SimpleQueue[_Write | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._answers = Answers()
        self._closed = False
        self._listeners: tuple[Callable[[], None], ...] = ()
        self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
        self._thread.start()

    def on_append(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Calls `listener`, from the writer's thread, after each commit that added records.

        Returns what ends it.
        """
        with self._lock:
            self._listeners += (listener,)

        def forget() -> None:
            with self._lock:
                self._listeners = tuple(one for one in self._listeners if one is not listener)

        return forget

    def append(self, payloads: Payloads) -> "Future[dict[TopicPartition, int]]":
        """Queues an append, all or nothing, for the next commit; it gives back the offsets.

        Raises `LogFull` at a bound and `LogUnavailable` after `close`.
        """
        future: Future[dict[TopicPartition, int]] = Future()
        self._submit(_append(future, payloads))
        return future

    async def append_and_wait(self, payloads: Payloads) -> dict[TopicPartition, int]:
        """As `append`, for a coroutine: half of what a future of threads and its loop cost."""
        awaited = Awaited(self._answers)
        self._submit(_append(awaited, payloads))
        offsets: dict[TopicPartition, int] = await awaited.future
        return offsets

    def change(self, change: Change) -> "Future[Any]":
        """Queues a change of the tables; no bound holds it back. Raises `LogUnavailable`."""
        future: Future[Any] = Future()
        self._submit(_Write(future, (), change, 0))
        return future

    def _submit(self, write: _Write) -> None:
        with self._lock:
            # Under the lock: nothing may be queued behind the end, where no one looks.
            if self._closed:
                raise LogUnavailable("the log is closed")
            if write.change is None:
                self._refuse_when_full(write.size)
            self.queued_bytes += write.size
            self._queue.put(write)

    def put(self, connection: sqlite3.Connection, number: int, value: bytes) -> int:
        """Appends a record and returns its offset; for use within a change."""
        offset = sqlite_file.append(connection, number, value)
        self.stored_bytes += len(value)
        return offset

    def drop(
        self,
        connection: sqlite3.Connection,
        number: int,
        last: int,
        *,
        older_than_ms: int | None = None,
        limit: int = -1,
    ) -> int:
        """Deletes records of a partition up to `last`, the oldest first, and returns how many.

        For use within a change; `limit` bounds how many go, -1 is no bound.
        """
        first_key = number << sqlite_file.OFFSET_BITS
        gone = connection.execute(
            "DELETE FROM records WHERE key IN (SELECT key FROM records"
            " WHERE key BETWEEN ? AND ? AND (? IS NULL OR appended_at_ms < ?)"
            " ORDER BY key LIMIT ?) RETURNING CAST(bytes AS INTEGER)",
            (first_key, first_key + last, older_than_ms, older_than_ms, limit),
        ).fetchall()
        self.stored_bytes -= sum(size for (size,) in gone)
        return len(gone)

    def rewrite(
        self, connection: sqlite3.Connection, number: int, values: Mapping[int, bytes | None]
    ) -> None:
        """Gives records other values, by offset, and deletes those whose value is `None`.

        For use within a change.
        """
        for offset, value in values.items():
            key = number << sqlite_file.OFFSET_BITS | offset
            self.stored_bytes += sqlite_file.rewrite(connection, key, value)

    def close(self) -> None:
        """Commits what is queued and ends the thread. May be called twice."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        self._thread.join()

    def _refuse_when_full(self, size: int) -> None:
        queued, stored = self.queued_bytes + size, self.stored_bytes + size
        if queued > self.limits.max_queued_bytes:
            bound = self.limits.max_queued_bytes
            raise LogFull(f"{queued} bytes would wait for the disk, the bound is {bound}")
        if stored > self.limits.max_bytes:
            raise LogFull(f"the log holds {stored} bytes, the bound is {self.limits.max_bytes}")

    def _run(self) -> None:
        last = False
        while not last:
            writes, last = self._gather()
            # A request that was given up before its commit began was never answered: leave it out.
            live = [write for write in writes if write.future.set_running_or_notify_cancel()]
            if live:
                self._commit_group(live)
            with self._lock:
                self.queued_bytes -= sum(write.size for write in writes)

    def _gather(self) -> tuple[list[_Write], bool]:
        first = self._queue.get()
        if first is None:
            return [], True
        writes = [first]
        size = first.size
        while size < MAX_GROUP_BYTES:
            try:
                write = self._queue.get_nowait()
            except Empty:
                break
            if write is None:
                return writes, True
            writes.append(write)
            size += write.size
        return writes, False

    def _commit_group(self, writes: list[_Write]) -> None:
        changes = [write for write in writes if write.change is not None]
        appends = [write for write in writes if write.change is None]
        error = self._try(writes)
        if error is None:
            parts = []
        elif not isinstance(error, sqlite3.Error):
            # A bug in one write is no reason to refuse its neighbours.
            parts = [[write] for write in writes]
        elif changes and appends:
            # A full disk must not hold up the checkpoints, and the deletions that free it.
            parts = [changes, appends]
        else:
            self._fail(writes, error)
            parts = []
        for part in parts:
            self._fail(part, self._try(part))
        if appends:
            self._notify()

    def _notify(self) -> None:
        for listener in self._listeners:
            try:
                listener()
            except Exception:
                # Of a listener only: the thread must live, or every sender waits for ever.
                log.exception("listener of the log failed")

    def _try(self, writes: list[_Write]) -> Exception | None:
        try:
            results = self._transact(writes)
        except Exception as error:
            return error
        for write, result in zip(writes, results, strict=True):
            write.future.set_result(result)
        return None

    def _fail(self, writes: Iterable[_Write], error: Exception | None) -> None:
        if error is None:
            return
        log.error("log refused a commit", reason=repr(error))
        if isinstance(error, sqlite3.Error):
            error = self._kind_of(error)(f"the log's file refused: {error}")
        for write in writes:
            write.future.set_exception(error)

    def _kind_of(self, error: sqlite3.Error) -> type[LogError]:
        if sqlite_file.is_damage(error):
            self._on_damage()
            return LogDamaged
        return LogFull if "full" in str(error) else LogUnavailable

    def _transact(self, writes: list[_Write]) -> list[Any]:
        """Commits the writes as a whole and returns the result of each."""
        appends = _batches_of(write for write in writes if write.change is None)
        records = [
            (partition, encode([payload for _, payload in batch.parts]), batch)
            for partition, batch in appends
        ]
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        before = self.stored_bytes
        try:
            self._see_others()
            # What others wrote stays written when ours is rolled back.
            before = self.stored_bytes
            results = {id(w): w.change(connection) for w in writes if w.change is not None}
            for partition, value, batch in records:
                offset = self.put(connection, self._numbers[partition], value)
                for write, _ in batch.parts:
                    results.setdefault(id(write), {})[partition] = offset
            connection.execute("COMMIT")
        except BaseException:
            self.stored_bytes = before
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return [results.get(id(write), {}) for write in writes]

    def _see_others(self) -> None:
        """Counts anew when another process has written: its records are not in our sum."""
        version = _data_version(self._connection)
        if version != self._data_version:
            self._data_version = version
            self.stored_bytes = _stored_bytes(self._connection)


def _append(future: "Future[Any] | Awaited", payloads: Payloads) -> _Write:
    return _Write(future, payloads, None, sum(size_of(payload) for _, payload in payloads))


def _batches_of(writes: Iterable[_Write]) -> Iterator[tuple[TopicPartition, Batch[_Write]]]:
    """Puts what goes to one partition into as few records as the bounds allow, in order."""
    batches: dict[TopicPartition, list[Batch[_Write]]] = {}
    for write in writes:
        for partition, payload in write.payloads:
            put(batches.setdefault(partition, []), write, payload)
    for partition, ready in batches.items():
        for batch in ready:
            yield partition, batch


def _stored_bytes(connection: sqlite3.Connection) -> int:
    row = connection.execute("SELECT coalesce(sum(bytes), 0) FROM records").fetchone()
    return int(row[0])


def _data_version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA data_version").fetchone()[0])
