"""Appends of an import to the embedded log, beside a server that runs or while none does.

Each append moves the import's position in the same transaction. So after a crash it goes on behind
the last one, and nothing is appended twice.
"""

import fcntl
import os
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from eventlog import sqlite_file
from eventlog.log import Addressed, LogFull, LogUnavailable, TopicPartition
from eventlog.records import Chunk, encode_chunks

Position = Mapping[str, int]
"""How far each table of the source has come, by its name."""
_TABLE = (
    "CREATE TABLE IF NOT EXISTS imports (source TEXT PRIMARY KEY, position TEXT NOT NULL)"
    " WITHOUT ROWID"
)


class BulkLog:
    """One import's way into a log that exists. Close it after use."""

    def __init__(self, path: Path, source: str, *, max_bytes: int) -> None:
        if not path.exists():
            raise LogUnavailable(f"there is no log at {path}")
        self._source, self._max_bytes = source, max_bytes
        # Shared with every process that has the log open: nobody renames it now.
        self._hold = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(self._hold, fcntl.LOCK_SH)
            self._connection = sqlite_file.connect(path)
            self._connection.execute(_TABLE)
            self._numbers = sqlite_file.numbers(self._connection)
        except sqlite3.Error as error:
            os.close(self._hold)
            raise LogUnavailable(f"{path} cannot be written: {error}") from error

    def partitions(self, topic: str) -> int:
        """Returns how many partitions the topic has."""
        return sum(partition.topic == topic for partition in self._numbers)

    def position(self) -> dict[str, int]:
        """Returns how far the import has come; empty before its first append."""
        row = self._connection.execute(
            "SELECT position FROM imports WHERE source = ?", (self._source,)
        ).fetchone()
        return {} if row is None else msgspec.json.decode(row[0], type=dict[str, int])

    def append(self, chunks: Sequence[Addressed], position: Position) -> None:
        """Appends one record for each partition and moves the position, durably and as one.

        Raises `LogFull` where the bound of the log, or its disk, is reached.
        """
        parts: dict[TopicPartition, list[Chunk]] = {}
        for partition, chunk in chunks:
            parts.setdefault(partition, []).append(chunk)
        connection = self._connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            for partition, part in parts.items():
                sqlite_file.append(connection, self._numbers[partition], encode_chunks(part))
            self._refuse_full()
            text = msgspec.json.encode(position).decode()
            connection.execute("INSERT OR REPLACE INTO imports VALUES (?, ?)", (self._source, text))
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
