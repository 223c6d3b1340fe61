"""The embedded log: an `EventLog` and a `ProgressStore` over one SQLite file.

Writes go through `group_commit`; reads have a connection of their own.
"""

import asyncio
import sqlite3
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from eventlog import sqlite_file
from eventlog.group_commit import GroupCommit, Limits
from eventlog.log import Intent, Progress, Stored, TopicPartition
from eventlog.records import Chunk, DeadLetter, Refusal, encode_dead
from eventlog.topics import DEAD, OUTCOMES, TOPICS


class SqliteLog:
    """Open it once a process; other processes may append through an instance of their own."""

    def __init__(self, path: Path, partitions: int = 1, limits: Limits | None = None) -> None:
        self.path = path
        self.limits = limits or Limits()
        counts = {topic.name: partitions if topic.spread else 1 for topic in TOPICS}
        self._connection = sqlite_file.open_file(path, counts)
        self._reader = sqlite_file.connect(path)
        self._read_lock = threading.Lock()
        self.log_id = sqlite_file.log_id_of(self._connection)
        self._numbers = sqlite_file.numbers(self._connection)
        self._counts: dict[str, int] = defaultdict(int)
        for topic_partition in self._numbers:
            self._counts[topic_partition.topic] += 1
        self._commits = GroupCommit(self._connection, self._numbers, self.limits)
        self._closed = False

    def partitions(self, topic: str) -> int:
        """Returns how many partitions the topic has."""
        return self._counts[topic]

    @property
    def stored_bytes(self) -> int:
        """How many bytes of records the log holds."""
        return self._commits.stored_bytes

    @property
    def queued_bytes(self) -> int:
        """How many bytes wait for their commit."""
        return self._commits.queued_bytes

    def on_append(self, listener: Callable[[], None]) -> None:
        """Calls `listener`, from the writer's thread, after each commit that added records."""
        self._commits.on_append(listener)

    async def append_chunks(self, topic: str, chunks: Mapping[int, Chunk]) -> dict[int, int]:
        """Appends chunks, one for each partition given; returns the offset each is part of.

        Raises `LogFull` or `LogUnavailable`; then nothing was appended.
        """
        futures = {}
        for partition, chunk in chunks.items():
            size = sum(map(len, chunk.items))
            futures[partition] = self._commits.submit(TopicPartition(topic, partition), chunk, size)
        offsets = await asyncio.gather(*map(asyncio.wrap_future, futures.values()))
        return dict(zip(futures, offsets, strict=True))

    async def append_refusals(self, refusals: Sequence[Refusal]) -> None:
        """Counts refusals durably."""
        future = self._commits.submit(TopicPartition(OUTCOMES.name, 0), list(refusals), 64)
        await asyncio.wrap_future(future)

    async def append_dead(
        self, letters: Sequence[DeadLetter], replayed: Sequence[str] = ()
    ) -> None:
        """Puts letters, or marks of replayed ones, into the dead-letter topic."""
        value = encode_dead(letters, replayed)
        await asyncio.wrap_future(
            self._commits.submit(TopicPartition(DEAD.name, 0), value, len(value))
        )

    async def progress(self, partition: TopicPartition) -> Progress:
        """Returns how far the partition has come."""
        row = await self._book(
            lambda connection: connection.execute(
                "SELECT stored_through, pending_first, pending_last, pending_apart"
                " FROM partitions"
                " WHERE number = ?",
                (self._numbers[partition],),
            ).fetchone()
        )
        return Progress(row[0], None if row[1] is None else Intent(row[1], row[2], bool(row[3])))

    async def declare(self, partition: TopicPartition, intent: Intent) -> None:
        """Makes an intent durable; it stays pending until `complete`."""
        await self._book(
            lambda connection: connection.execute(
                "UPDATE partitions SET pending_first = ?, pending_last = ?, pending_apart = ?"
                " WHERE number = ?",
                (*intent, self._numbers[partition]),
            )
        )

    async def complete(self, partition: TopicPartition, intent: Intent) -> None:
        """Marks the block as stored, forgets the intent, and drops what need not be kept."""
        number = self._numbers[partition]

        def apply(connection: sqlite3.Connection) -> None:
            connection.execute(
                "UPDATE partitions SET stored_through = max(stored_through, ?),"
                " pending_first = NULL, pending_last = NULL, pending_apart = NULL WHERE number = ?",
                (intent.last, number),
            )
            if self.limits.keep_ms == 0:
                self._commits.drop(connection, number, intent.last, older_than_ms=None)

        await self._book(apply)

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Moves the consumer's places: the offsets of the next records to read."""
        rows = [(offset, self._numbers[tp]) for tp, offset in offsets.items()]
        await self._book(
            lambda connection: connection.executemany(
                "UPDATE partitions SET committed = ? WHERE number = ?", rows
            )
        )

    async def expire(self, now_ms: int) -> None:
        """Drops stored records and dead letters that have been kept for long enough."""

        def apply(connection: sqlite3.Connection) -> None:
            rows = connection.execute("SELECT number, topic, stored_through FROM partitions")
            for number, topic, stored_through in rows.fetchall():
                if topic == DEAD.name:
                    limit = now_ms - self.limits.dead_keep_ms
                    self._commits.drop(connection, number, sqlite_file.OFFSET_MASK - 1, limit)
                else:
                    self._commits.drop(
                        connection, number, stored_through, now_ms - self.limits.keep_ms
                    )
            connection.execute("PRAGMA incremental_vacuum(10000)")

        await self._book(apply)

    def positions(self) -> dict[TopicPartition, tuple[int, int, int]]:
        """Returns committed, stored-through and next offset of every partition."""
        with self._read_lock:
            rows = self._reader.execute(
                "SELECT topic, partition, committed, stored_through, next_offset FROM partitions"
            ).fetchall()
        return {TopicPartition(r[0], r[1]): (r[2], r[3], r[4]) for r in rows}

    def read(
        self, partition: TopicPartition, offset: int, max_records: int, max_bytes: int
    ) -> list[Stored]:
        """Returns records from `offset` on: at least one where there is one, within the bounds."""
        found = []
        size = 0
        with self._read_lock:
            number = self._numbers[partition]
            for stored in sqlite_file.read(self._reader, number, offset, max_records):
                found.append(stored)
                size += len(stored.value or b"")
                if size >= max_bytes:
                    break
        return found

    def oldest_waiting_ms(self, partition: TopicPartition, stored_through: int) -> int | None:
        """Returns when the oldest record that is not stored yet was appended."""
        number = self._numbers[partition]
        with self._read_lock:
            row = self._reader.execute(
                "SELECT appended_at_ms FROM records WHERE key > ? AND key < ? LIMIT 1",
                (
                    (number << sqlite_file.OFFSET_BITS) + stored_through,
                    (number + 1) << sqlite_file.OFFSET_BITS,
                ),
            ).fetchone()
        return None if row is None else int(row[0])

    def close(self) -> None:
        """Commits what is queued and closes the file. May be called twice."""
        if self._closed:
            return
        self._closed = True
        self._commits.close()
        with self._read_lock:
            self._reader.close()
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._connection.close()

    async def _book(self, change: Callable[[sqlite3.Connection], Any]) -> Any:
        return await asyncio.wrap_future(self._commits.submit(None, change, 0))
