"""The file of the spool: records that wait for Kafka, durable, in order, bounded in bytes.

It is a `log_file` as the embedded log's is, so it commits in groups and a damaged one is set aside;
here `committed` is how far a partition's records were handed to a producer.
"""

import fcntl
import os
import sqlite3
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from eventlog import sqlite_file
from eventlog.group_commit import Limits
from eventlog.log import LogUnavailable, TopicPartition
from eventlog.log_file import LogFile


class Entry(Struct, array_like=True, frozen=True):
    """A record as the spool keeps it."""

    record_id: str
    created_ms: int
    """The time that the record has in Kafka too: where to begin to look for it there."""
    sent: bool
    """Whether a producer had it before the spool did."""
    items: int
    value: bytes


class StoredEntry(NamedTuple):
    """An entry as the file gives it back; `None` for one that was damaged."""

    offset: int
    entry: Entry | None


class EntryRange(NamedTuple):
    """The entries of a partition."""

    first: int | None
    """The oldest entry, `None` where there is none."""
    handed: int
    """The next entry to hand to a producer."""
    end: int


class SpoolFile:
    """Open it once a process: another one is refused. Its methods may be called in any thread."""

    def __init__(self, path: Path, partitions: Mapping[str, int], max_bytes: int) -> None:
        self._owner = _own(path)
        try:
            self._file = LogFile(path, partitions, Limits(max_bytes=max_bytes))
        except BaseException:
            os.close(self._owner)
            raise
        self.damaged = self._file.damaged
        self._numbers, self._commits = self._file.numbers, self._file.commits
        try:
            self._add_missing(partitions)
        except BaseException:
            self.close()
            raise

    @property
    def stored_bytes(self) -> int:
        """How many bytes the entries have."""
        return self._commits.stored_bytes

    def append(
        self, partition: TopicPartition, entry: Entry
    ) -> "Future[dict[TopicPartition, int]]":
        """Queues an entry for the next commit; it gives back its offset.

        Raises `LogFull` at a bound and `LogUnavailable`.
        """
        return self._commits.append([(partition, msgspec.msgpack.encode(entry))])

    def hand(self, partition: TopicPartition, next_offset: int) -> "Future[Any]":
        """Notes, before a producer has them, that entries below an offset may be in Kafka."""
        number = self._numbers[partition]
        return self._commits.change(
            lambda connection: connection.execute(
                "UPDATE partitions SET committed = max(committed, ?) WHERE number = ?",
                (next_offset, number),
            )
        )

    def remove(self, gone: Mapping[TopicPartition, Sequence[int]]) -> "Future[Any]":
        """Drops entries that are in Kafka."""

        def apply(connection: sqlite3.Connection) -> None:
            for partition, offsets in gone.items():
                self._commits.rewrite(connection, self._numbers[partition], dict.fromkeys(offsets))

        return self._commits.change(apply)

    def read(
        self, partition: TopicPartition, offset: int, max_entries: int, max_bytes: int
    ) -> list[StoredEntry]:
        """Returns entries from an offset on: at least one where there is one, within the bounds."""
        stored = self._file.read(partition, offset, max_entries, max_bytes)
        return [StoredEntry(one.offset, _decoded(one.value)) for one in stored]

    def ranges(self) -> dict[TopicPartition, EntryRange]:
        """Returns which entries every partition has."""
        rows = self._rows(
            "SELECT topic, partition, committed, next_offset, (SELECT min(key) FROM records"
            " WHERE key >= p.number << :bits AND key < (p.number + 1) << :bits) FROM partitions p"
        )
        return {
            TopicPartition(topic, partition): EntryRange(
                None if key is None else key & sqlite_file.OFFSET_MASK, handed, end
            )
            for topic, partition, handed, end, key in rows
        }

    def oldest_ms(self) -> int | None:
        """Returns when the oldest entry was written."""
        # The first of each partition: the table has no order by time.
        rows = self._rows(
            "SELECT CAST(appended_at_ms AS INTEGER) FROM records WHERE key IN (SELECT (SELECT"
            " min(key) FROM records WHERE key >= p.number << :bits"
            " AND key < (p.number + 1) << :bits) FROM partitions p)"
        )
        return min((int(row[0]) for row in rows), default=None)

    def close(self) -> None:
        """Commits what is queued and closes the file. May be called twice."""
        self._file.close()
        if self._owner >= 0:
            os.close(self._owner)
            self._owner = -1

    def _add_missing(self, partitions: Mapping[str, int]) -> None:
        """Adds partitions that Kafka's topics did not have when the file was made."""

        def apply(connection: sqlite3.Connection) -> None:
            for topic, count in partitions.items():
                sqlite_file.add_partitions(connection, topic, count)
            self._numbers.update(sqlite_file.numbers(connection))

        self._commits.change(apply).result()

    def _rows(self, query: str) -> list[Any]:
        with self._file.reading() as reader:
            return reader.execute(query, {"bits": sqlite_file.OFFSET_BITS}).fetchall()


def _own(path: Path) -> int:
    """Takes the spool for this process: two that drained it would send everything twice."""
    path.parent.mkdir(parents=True, exist_ok=True)
    owner = os.open(f"{path}.owner", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(owner)
        raise LogUnavailable(f"{path} is in use by another process") from error
    return owner


def _decoded(value: bytes | None) -> Entry | None:
    try:
        return None if value is None else msgspec.msgpack.decode(value, type=Entry)
    except (msgspec.MsgspecError, UnicodeError):
        return None
