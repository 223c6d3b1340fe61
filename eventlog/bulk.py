"""Appends of an import: to the embedded log, beside a server or without one, or to Kafka.

An append that a crash cut short, or whose answer was lost, may be repeated: an id that comes again
is left out where rows are stored.
"""

import fcntl
import os
import sqlite3
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from eventlog import sqlite_file
from eventlog.batches import Batch, count_of, encode, put
from eventlog.kafka_address import KafkaAddress
from eventlog.kafka_put import Put, RecordWriter
from eventlog.kafka_topics import TopicsState
from eventlog.log import Addressed, LogFull, LogUnavailable, TopicPartition


class BulkLog(Protocol):
    """An import's way into a log that exists."""

    def log_id(self, topic: str) -> str:
        """Returns what tells the topic's log from one that was made anew."""
        ...

    def partitions(self, topic: str) -> int:
        """Returns how many partitions the topic has."""
        ...

    def append(self, chunks: Sequence[Addressed]) -> None:
        """Appends chunks, durably. Raises `LogError`; then it may be called again."""
        ...

    def waiting(self) -> int:
        """Returns for how many records that are not stored yet an import should care."""
        ...


class FileBulk:
    """The way into the embedded log. Close it after use."""

    def __init__(self, path: Path, *, max_bytes: int) -> None:
        if not path.exists():
            raise LogUnavailable(f"there is no log at {path}")
        self._max_bytes = max_bytes
        # Shared with every process that has the log open: nobody renames it now.
        self._hold = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(self._hold, fcntl.LOCK_SH)
            self._connection = sqlite_file.connect(path)
            self._log_id = sqlite_file.log_id_of(self._connection)
            self._numbers = sqlite_file.numbers(self._connection)
        except sqlite3.Error as error:
            os.close(self._hold)
            raise LogUnavailable(f"{path} cannot be written: {error}") from error

    def log_id(self, topic: str) -> str:
        """Returns the name of the file, which has every topic."""
        return self._log_id

    def partitions(self, topic: str) -> int:
        """Returns how many partitions the topic has."""
        return sum(partition.topic == topic for partition in self._numbers)

    def append(self, chunks: Sequence[Addressed]) -> None:
        """Appends all of them or none.

        Raises `LogFull` where the bound of the log, or its disk, is reached.
        """
        connection = self._connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            for record in _records_of(chunks):
                sqlite_file.append(connection, self._numbers[record.partition], record.value)
            self._refuse_full()
            connection.execute("COMMIT")
        except sqlite3.OperationalError as error:
            if "full" in str(error):
                raise LogFull(f"the disk of the log is full: {error}") from error
            raise LogUnavailable(f"the log's file refused: {error}") from error
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")

    def waiting(self) -> int:
        """Returns how many records are not stored yet."""
        (count,) = self._connection.execute(
            "SELECT coalesce(sum(next_offset - 1 - stored_through), 0) FROM partitions"
            " WHERE topic LIKE 'raw.%'"
        ).fetchone()
        return int(count)

    def close(self) -> None:
        """Closes the file. May be called twice."""
        if self._hold >= 0:
            self._connection.close()
            os.close(self._hold)
            self._hold = -1

    def _refuse_full(self) -> None:
        pages, free, size = (
            self._connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "freelist_count", "page_size")
        )
        if (pages - free) * size > self._max_bytes:
            raise LogFull(
                f"the log holds {self._max_bytes} bytes, its bound (SLUICE_LOG_MAX_BYTES)"
            )


class KafkaBulk:
    """The way into a cluster's topics. It has no spool: where Kafka is away, an append fails."""

    def __init__(self, address: KafkaAddress, topics: TopicsState) -> None:
        self._topics = topics
        self._writer = RecordWriter(address)

    def log_id(self, topic: str) -> str:
        """Returns the name of the topic as it was made."""
        return self._topics[topic].log_id

    def partitions(self, topic: str) -> int:
        """Returns how many partitions the topic has."""
        return self._topics[topic].partitions

    def append(self, chunks: Sequence[Addressed]) -> None:
        """Appends all of them; some of them may be there after an error."""
        self._writer.put(
            [
                Put(one.partition, None, one.value, f"import-{uuid.uuid4().hex}", one.items)
                for one in _records_of(chunks)
            ]
        )

    def waiting(self) -> int:
        """Returns none: Kafka keeps what the workers have not stored."""
        return 0


class _Record(NamedTuple):
    partition: TopicPartition
    value: bytes
    items: int


def _records_of(chunks: Sequence[Addressed]) -> Iterator[_Record]:
    """Yields the records of each partition, within the bounds of records."""
    parts: Mapping[TopicPartition, list[Batch[None]]] = {partition: [] for partition, _ in chunks}
    for partition, chunk in chunks:
        put(parts[partition], None, chunk)
    for partition, batches in parts.items():
        for batch in batches:
            payloads = [payload for _, payload in batch.parts]
            yield _Record(partition, encode(payloads), sum(map(count_of, payloads)))
