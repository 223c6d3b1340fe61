"""One process's hold on a log's file: the thread that writes it and a connection that reads it.

The embedded log (`sqlite_log`) and an edge's spool (`spool_file`) are both made of it.
"""

import asyncio
import os
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, InvalidStateError
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from eventlog import sqlite_file
from eventlog.group_commit import Change, GroupCommit, Limits
from eventlog.log import LogDamaged, LogError, LogFull, LogUnavailable, Stored, TopicPartition
from eventlog.opening import open_log, suspect

ROOM_BYTES = 64 << 10
"""What a check of the room writes: more than a usual request."""


class LogFile:
    """Open it once a process. Its methods may be called in any thread."""

    def __init__(self, path: Path, partitions: Mapping[str, int], limits: Limits) -> None:
        self.path = path
        self.damaged: Future[None] = Future()
        """Done when damage was met while at work: the file has to be opened anew."""
        self._read_lock = threading.Lock()
        self._closed = False
        opened = open_log(path, partitions)
        self.connection, self._hold = opened.connection, opened.hold
        try:
            self._reader = sqlite_file.connect(path)
            self.log_id = sqlite_file.log_id_of(self.connection)
            self.numbers = sqlite_file.numbers(self.connection)
            self.commits = GroupCommit(self.connection, self.numbers, limits, self._note_damage)
        except sqlite3.Error as error:
            self.connection.close()
            os.close(self._hold)
            raise self._refused(error) from error

    def read(
        self, partition: TopicPartition, offset: int, max_records: int, max_bytes: int
    ) -> list[Stored]:
        """Returns records from `offset` on: at least one where there is one, within the bounds."""
        found = []
        size = 0
        with self.reading() as reader:
            number = self.numbers[partition]
            for stored in sqlite_file.read(reader, number, offset, max_records):
                found.append(stored)
                size += len(stored.value or b"")
                if size >= max_bytes:
                    break
        return found

    async def change(self, change: Change) -> Any:
        """Makes a change durable, which no bound holds back, and returns its result."""
        return await asyncio.wrap_future(self.commits.change(change))

    async def check_room(self) -> None:
        """Raises as an append would: writes some bytes durably, and deletes them again."""
        stored, most = self.commits.stored_bytes, self.commits.limits.max_bytes
        if stored >= most:
            raise LogFull(f"the log holds {stored} bytes, the bound is {most}")
        await self.change(_take_room)
        await self.change(_give_room_back)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Lends the reading connection. Raises `LogDamaged`, or `LogUnavailable` for now."""
        with self._read_lock:
            if self._closed:
                raise LogUnavailable(f"{self.path} is closed")
            try:
                yield self._reader
            except sqlite3.Error as error:
                raise self._refused(error) from error

    def drop_wal(self) -> None:
        """Takes the WAL into the file and empties it, unless somebody reads in it just now."""
        with suppress(sqlite3.Error):
            connection = sqlite_file.connect(self.path)
            try:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            finally:
                connection.close()

    def close(self) -> None:
        """Commits what is queued and closes the file. May be called twice."""
        self.commits.close()
        with self._read_lock:
            if self._closed:
                return
            self._closed = True
            self._reader.close()
        # The last connection to a file takes the WAL in and removes it.
        self.connection.close()
        os.close(self._hold)

    def _refused(self, error: sqlite3.Error) -> LogError:
        if sqlite_file.is_damage(error):
            self._note_damage()
            return LogDamaged(f"{self.path} is damaged, opening it anew sets it aside: {error}")
        return LogUnavailable(f"{self.path} cannot be read: {error}")

    def _note_damage(self) -> None:
        suspect(self.path)
        # Reader and writer may meet it at one moment.
        with suppress(InvalidStateError):
            self.damaged.set_result(None)


def _take_room(connection: sqlite3.Connection) -> None:
    connection.execute("CREATE TABLE IF NOT EXISTS room (taken BLOB)")
    connection.execute("DELETE FROM room")
    connection.execute("INSERT INTO room VALUES (zeroblob(?))", (ROOM_BYTES,))


def _give_room_back(connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM room")
