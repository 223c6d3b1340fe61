"""Group commit: the one thread that writes the log's file.

While a commit runs, whatever arrives waits for the next one, so that records grow with the load
and a lone event waits for nothing but its own fsync.
"""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple

import structlog
from msgspec import Struct

from eventlog import sqlite_file
from eventlog.log import LogError, LogFull, LogUnavailable, TopicPartition
from eventlog.records import Chunk, checksum, encode_chunks, encode_refusals

MAX_RECORD_ITEMS = 1_000
MAX_RECORD_BYTES = 1 << 20
"""Before compression: what bounds the memory of a reader that holds some dozens of records."""
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
    dead_keep_ms: int = 90 * 86_400_000
    """How long a dead letter is kept."""


class _Write(NamedTuple):
    """One thing to commit: a chunk or refusals to append, or a change of the books."""

    future: "Future[Any]"
    topic_partition: TopicPartition | None
    payload: Any
    size: int


class _Record(NamedTuple):
    topic_partition: TopicPartition
    value: bytes
    writes: list[_Write]


class GroupCommit:
    """Owns the writing connection; everything else reaches it through `submit`."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        numbers: Mapping[TopicPartition, int],
        limits: Limits,
    ) -> None:
        self.limits = limits
        self.queued_bytes = 0
        self.stored_bytes = _stored_bytes(connection)
        self._connection = connection
        self._numbers = numbers
        self._queue: SimpleQueue[_Write | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._closed = False
        self._listeners: list[Callable[[], None]] = []
        self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
        self._thread.start()

    def on_append(self, listener: Callable[[], None]) -> None:
        """Calls `listener`, from the writer's thread, after each commit that added records."""
        self._listeners.append(listener)

    def submit(self, partition: TopicPartition | None, payload: Any, size: int) -> "Future[Any]":
        """Queues an append, or with no partition a change of the books, for the next commit.

        Raises `LogFull` at a bound and `LogUnavailable` after `close`.
        """
        if self._closed:
            raise LogUnavailable("the log is closed")
        if partition is not None:
            self._refuse_when_full(size)
        future: Future[Any] = Future()
        with self._lock:
            self.queued_bytes += size
        self._queue.put(_Write(future, partition, payload, size))
        return future

    def drop(
        self, connection: sqlite3.Connection, number: int, last: int, older_than_ms: int | None
    ) -> None:
        """Deletes records of a partition up to `last`; for use within a change of the books."""
        first_key = number << sqlite_file.OFFSET_BITS
        bounds = (first_key, first_key + last, older_than_ms, older_than_ms)
        where = "WHERE key BETWEEN ? AND ? AND (? IS NULL OR appended_at_ms < ?)"
        freed = connection.execute(
            f"SELECT coalesce(sum(bytes), 0) FROM records {where}",  # noqa: S608
            bounds,
        ).fetchone()[0]
        connection.execute(f"DELETE FROM records {where}", bounds)  # noqa: S608
        self.stored_bytes -= freed

    def close(self) -> None:
        """Commits what is queued and ends the thread. May be called twice."""
        if self._closed:
            return
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
        while True:
            writes, last = self._gather()
            # A request that was given up before its commit began was never answered: leave it out.
            live = [write for write in writes if write.future.set_running_or_notify_cancel()]
            if live:
                self._commit_group(live)
            with self._lock:
                self.queued_bytes -= sum(write.size for write in writes)
            if last:
                return

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
        books = [write for write in writes if write.topic_partition is None]
        appends = [write for write in writes if write.topic_partition is not None]
        error = self._try(writes)
        if error is not None and books and appends:
            # A full disk must not keep the books, and the trimming that frees it, from moving.
            for part in (books, appends):
                _fail(part, self._try(part))
        else:
            _fail(writes, error)
        if appends:
            for listener in self._listeners:
                listener()

    def _try(self, writes: list[_Write]) -> Exception | None:
        try:
            results = self._transact(writes)
        except Exception as error:
            return error
        for write, result in results:
            write.future.set_result(result)
        return None

    def _transact(self, writes: list[_Write]) -> list[tuple[_Write, Any]]:
        records = _coalesce(write for write in writes if write.topic_partition is not None)
        connection = self._connection
        results: list[tuple[_Write, Any]] = []
        before = self.stored_bytes
        connection.execute("BEGIN IMMEDIATE")
        try:
            for write in writes:
                if write.topic_partition is None:
                    results.append((write, write.payload(connection)))
            for record in records:
                offset = self._insert(connection, record)
                results.extend((write, offset) for write in record.writes)
            connection.execute("COMMIT")
        except BaseException:
            self.stored_bytes = before
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return results

    def _insert(self, connection: sqlite3.Connection, record: _Record) -> int:
        number = self._numbers[record.topic_partition]
        # Read inside the transaction: the command line may append from a process of its own.
        offset: int = connection.execute(
            "UPDATE partitions SET next_offset = next_offset + 1 WHERE number = ?"
            " RETURNING next_offset - 1",
            (number,),
        ).fetchone()[0]
        connection.execute(
            "INSERT INTO records VALUES (?, ?, ?, ?, ?)",
            (
                number << sqlite_file.OFFSET_BITS | offset,
                time.time_ns() // 1_000_000,
                len(record.value),
                checksum(record.value),
                record.value,
            ),
        )
        self.stored_bytes += len(record.value)
        return offset


def _coalesce(writes: Iterable[_Write]) -> list[_Record]:
    """Puts what goes to one partition into as few records as the bounds allow, in order."""
    groups: dict[TopicPartition, list[list[_Write]]] = {}
    sizes: dict[TopicPartition, tuple[int, int]] = {}
    for write in writes:
        partition = write.topic_partition
        assert partition is not None
        items = len(write.payload.items) if isinstance(write.payload, Chunk) else 1
        old_items, old_bytes = sizes.get(partition, (0, 0))
        sizes[partition] = (old_items + items, old_bytes + write.size)
        full = old_items + items > MAX_RECORD_ITEMS or old_bytes + write.size > MAX_RECORD_BYTES
        open_groups = groups.setdefault(partition, [])
        if not open_groups or full or isinstance(write.payload, bytes):
            open_groups.append([])
            sizes[partition] = (items, write.size)
        open_groups[-1].append(write)
    return [
        _Record(partition, _encode([write.payload for write in group]), group)
        for partition, grouped in groups.items()
        for group in grouped
    ]


def _encode(payloads: list[Any]) -> bytes:
    if isinstance(payloads[0], bytes):
        return payloads[0]
    if isinstance(payloads[0], Chunk):
        return encode_chunks(payloads)
    return encode_refusals([refusal for refusals in payloads for refusal in refusals])


def _fail(writes: Iterable[_Write], error: Exception | None) -> None:
    if error is None:
        return
    full = isinstance(error, sqlite3.Error) and "full" in str(error)
    kind: type[LogError] = LogFull if full else LogUnavailable
    log.error("log refused a commit", reason=repr(error))
    for write in writes:
        write.future.set_exception(kind(f"the log's file refused: {error}"))


def _stored_bytes(connection: sqlite3.Connection) -> int:
    row = connection.execute("SELECT coalesce(sum(bytes), 0) FROM records").fetchone()
    return int(row[0])
