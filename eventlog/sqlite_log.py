"""The embedded log: an `EventLog` and a `ProgressStore` over one SQLite file (`log_file`)."""

import asyncio
import secrets
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence, Set
from concurrent.futures import Future
from functools import partial
from pathlib import Path

from eventlog.batches import Payload
from eventlog.dead_pruning import DeadLetterPruning
from eventlog.group_commit import Limits
from eventlog.log import Addressed, Origin, PartitionState, Stored, TopicPartition
from eventlog.log_file import LogFile
from eventlog.records import DeadLetter, Refusal, encode_dead
from eventlog.topics import AGENT_TOPICS, DEAD, OUTCOMES, TOPICS
from schemas.checkpoints import Intent, Progress
from schemas.projects import ProjectId

EXPIRED_RECORDS = 32
"""Dropped at a time, some 10 MB: so that no append waits long."""
SPARE_PAGES = 16_384
"""Free pages that the file keeps, 64 MB: under load they are used again at once."""
VACUUM_PAGES = 2_000
"""Given back to the disk at a time: 8 MB, so that no append waits long."""


class SqliteLog:
    """Open it once a process; other processes may append through an instance of their own."""

    def __init__(self, path: Path, partitions: int = 1, limits: Limits | None = None) -> None:
        self.path = path
        self.limits = limits or Limits()
        self.epoch = secrets.token_hex(8)
        counts = {topic.name: partitions if topic.spread else 1 for topic in TOPICS}
        self._file = LogFile(path, counts, self.limits)
        self.log_id, self.damaged = self._file.log_id, self._file.damaged
        self.log_ids: Mapping[str, str] = dict.fromkeys(AGENT_TOPICS, self.log_id)
        """What rows of each topic name as their log."""
        self._numbers, self._commits = self._file.numbers, self._file.commits
        self.check_room = self._file.check_room
        self._dead = DeadLetterPruning(self._file)
        self._counts: dict[str, int] = defaultdict(int)
        for topic_partition in self._numbers:
            self._counts[topic_partition.topic] += 1

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

    def on_append(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Calls `listener`, from the writer's thread, after each commit that added records.

        Returns what ends it.
        """
        return self._commits.on_append(listener)

    def begin_append(
        self, payloads: Sequence[tuple[TopicPartition, Payload]]
    ) -> "Future[dict[TopicPartition, int]]":
        """Begins to append for who waits by other means; called from any thread.

        Raises `LogFull` and `LogUnavailable`, as the future does.
        """
        return self._commits.append(payloads)

    async def append(self, chunks: Sequence[Addressed]) -> dict[TopicPartition, int]:
        """Appends chunks, of any topics; returns the offset that each partition's ends in.

        Raises `LogFull` or `LogUnavailable`; then nothing was appended.
        """
        return await self._commits.append_and_wait(chunks)

    async def append_refusals(self, refusals: Sequence[Refusal]) -> None:
        """Counts refusals durably."""
        payloads = [(TopicPartition(OUTCOMES.name, 0), list(refusals))]
        await self._commits.append_and_wait(payloads)

    def origin(self, partition: TopicPartition) -> Origin:
        """Returns where the partition's records come from: this file, in this life."""
        return Origin(self.log_id, self.epoch)

    async def progress(self, partition: TopicPartition) -> Progress:
        """Returns how far the partition has come."""
        return (await asyncio.to_thread(self.states))[partition].progress

    async def declare(self, partition: TopicPartition, intent: Intent) -> None:
        """Makes an intent durable; it stays pending until `complete`."""
        await self._file.change(
            lambda connection: connection.execute(
                "UPDATE partitions SET pending_first = ?, pending_last = ?, pending_apart = ?,"
                " pending_epoch = ? WHERE number = ?",
                (*intent, self._numbers[partition]),
            )
        )

    async def confirm(self, partition: TopicPartition) -> None:
        """Has nobody to ask: the file is locked by the one process that writes."""

    async def complete(
        self, partition: TopicPartition, intent: Intent, dead_letters: Sequence[DeadLetter] = ()
    ) -> None:
        """Marks the block as stored, forgets the intent, and keeps its dead letters.

        What need not be kept of the block is dropped first: a full disk needs the room for these.
        """
        number = self._numbers[partition]
        value = encode_dead(dead_letters) if dead_letters else b""

        def apply(connection: sqlite3.Connection) -> None:
            connection.execute(
                "UPDATE partitions SET stored_through = max(stored_through, ?),"
                " pending_first = NULL, pending_last = NULL, pending_apart = NULL,"
                " pending_epoch = NULL WHERE number = ?",
                (intent.last, number),
            )
            if self.limits.keep_ms == 0:
                self._commits.drop(connection, number, intent.last)
            if value:
                self._commits.put(connection, self._numbers[TopicPartition(DEAD.name, 0)], value)

        await self._file.change(apply)

    async def expire(self, now_ms: int, own_keep_ms: Mapping[ProjectId, int] | None = None) -> None:
        """Drops stored records and dead letters that have been kept for long enough.

        `own_keep_ms` names the projects whose dead letters are kept for a time of their own.
        """
        for partition, state in (await self.places()).items():
            drop = partial(
                self._commits.drop,
                number=self._numbers[partition],
                last=state.progress.stored_through,
                older_than_ms=now_ms - self.limits.keep_ms,
                limit=EXPIRED_RECORDS,
            )
            while await self._file.change(drop) == EXPIRED_RECORDS:
                pass
        own, keep_ms = own_keep_ms or {}, self.limits.dead_keep_ms
        await self._dead.prune(lambda owner, at_ms: at_ms < now_ms - own.get(owner, keep_ms))
        while await self._file.change(partial(_shrink, spare=SPARE_PAGES)):
            pass

    async def purge_dead_letters(self, project_ids: Set[ProjectId]) -> None:
        """Drops every dead letter of some projects."""
        await self._dead.prune(lambda owner, _: owner in project_ids)

    async def drop_dead_letters(self, named: Callable[[DeadLetter], bool]) -> None:
        """Drops the dead letters of which this is true, and takes off the disk what was deleted.

        Those are free pages, and the WAL unless somebody reads in it. Without this both are
        overwritten when the space is needed.
        """
        await self._dead.prune(lambda *_: False, named)
        while await self._file.change(partial(_shrink, spare=0)):
            pass
        await asyncio.to_thread(self._file.drop_wal)

    def states(self) -> dict[TopicPartition, PartitionState]:
        """Returns how far every partition has come."""
        with self._file.reading() as reader:
            rows = reader.execute(
                "SELECT topic, partition, next_offset, stored_through, pending_first,"
                " pending_last, pending_apart, pending_epoch FROM partitions"
            ).fetchall()
        states = {}
        for topic, number, next_offset, stored_through, first, last, by_parts, epoch in rows:
            pending = None if first is None else Intent(first, last, bool(by_parts), epoch)
            progress = Progress(stored_through, pending)
            states[TopicPartition(topic, number)] = PartitionState(progress, next_offset)
        return states

    async def places(self) -> dict[TopicPartition, PartitionState]:
        """Returns how far each partition with an agent has come."""
        states = await asyncio.to_thread(self.states)
        return {one: state for one, state in states.items() if one.topic in AGENT_TOPICS}

    def read(
        self, partition: TopicPartition, offset: int, max_records: int, max_bytes: int
    ) -> list[Stored]:
        """Returns records from `offset` on: at least one where there is one, within the bounds."""
        return self._file.read(partition, offset, max_records, max_bytes)

    def close(self) -> None:
        """Commits what is queued and closes the file. May be called twice."""
        self._file.close()


def _shrink(connection: sqlite3.Connection, *, spare: int) -> bool:
    """Gives some free pages back to the disk, but for `spare`; tells whether there are more."""
    free = int(connection.execute("PRAGMA freelist_count").fetchone()[0])
    if free <= spare:
        return False
    # Python steps the statement once, and each step frees one page, whatever number is asked for.
    for _ in range(min(VACUUM_PAGES, free - spare)):
        connection.execute("PRAGMA incremental_vacuum(1)")
    return True
