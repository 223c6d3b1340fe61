"""Dead letters as the command line sees them: read, and sent again, beside a server that runs.

Only a connection is opened here: whether the file is damaged is for the process that owns it.
Sending again appends the item and the mark in one transaction, so a letter is replayed once,
whatever is killed and however many try.
"""

import fcntl
import os
import sqlite3
import time
from pathlib import Path
from typing import NamedTuple

from eventlog import sqlite_file
from eventlog.log import LogUnavailable, Stored, TopicPartition
from eventlog.records import (
    ENVELOPE_VERSION,
    Chunk,
    DeadLetter,
    DeadLetters,
    RecordDamaged,
    decode_dead,
    encode_chunks,
    encode_dead,
    partition_of,
)
from eventlog.topics import DEAD
from schemas.projects import ProjectId

READ_AT_ONCE = 64


class UnknownLetter(Exception):
    """Raised when no dead letter has the name, or when retention has dropped it."""


class AlreadyReplayed(Exception):
    """Raised when a letter was sent again before."""


class Summary(NamedTuple):
    """A letter without its body."""

    ref: str
    project_id: ProjectId
    topic: str
    received_at_ns: int
    """0 for a damaged record, whose time of arrival is lost."""
    reason: str
    body_bytes: int
    replayed: bool


class Replacement(NamedTuple):
    """What goes into the log in a letter's place; `event_id` chooses the partition."""

    project_id: ProjectId
    wire: str
    body: bytes
    event_id: str | None
    keeps_id: bool = False
    """Whether the log keeps the id beside the body, because the edge gave it."""


def chunk_of(letter: DeadLetter, item: Replacement) -> Chunk:
    """Returns what goes into the log in a letter's place."""
    return Chunk(
        item.project_id,
        item.wire,
        letter.received_at_ns or time.time_ns(),
        [item.body],
        # A damaged record's items were never counted: nothing is to be counted back.
        letter.ref if letter.received_at_ns else "",
        [item.event_id] if item.keeps_id and item.event_id else [],
    )


class DeadLetterBox:
    """The dead-letter topic of one log. Close it after use."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            raise LogUnavailable(f"there is no log at {path}")
        # Shared with every process that has the log open: nobody renames it now.
        self._hold = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(self._hold, fcntl.LOCK_SH)
            self._connection, self._numbers = _connect(path)
        except sqlite3.Error as error:
            os.close(self._hold)
            raise LogUnavailable(f"{path} cannot be read: {error}") from error
        self._known: dict[str, tuple[Summary, int]] = {}
        self._replayed: set[str] = set()
        self._next_offset = 0

    def summaries(self) -> list[Summary]:
        """Returns every letter that is kept, the oldest first, each once."""
        self._catch_up()
        return [
            summary._replace(replayed=ref in self._replayed)
            for ref, (summary, _) in self._known.items()
        ]

    def find(self, ref: str) -> DeadLetter:
        """Returns one letter. Raises `UnknownLetter`."""
        self._catch_up()
        _, offset = self._known.get(ref, (None, -1))
        for stored in self._page(offset, 1) if offset >= 0 else ():
            for letter in _decoded(stored).letters:
                if letter.ref == ref:
                    return letter
        raise UnknownLetter(f"there is no dead letter {ref}")

    def replay(self, letter: DeadLetter, item: Replacement) -> None:
        """Puts the item into the letter's topic and marks the letter. Raises `AlreadyReplayed`."""
        chunk = chunk_of(letter, item)
        partition = self._partition_of(letter.topic, item)
        connection = self._connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            self._catch_up()
            if letter.ref in self._replayed:
                raise AlreadyReplayed(f"{letter.ref} was replayed before")
            mark = encode_dead([], [letter.ref])
            sqlite_file.append(connection, self._numbers[partition], encode_chunks([chunk]))
            sqlite_file.append(connection, self._numbers[TopicPartition(DEAD.name, 0)], mark)
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise LogUnavailable(f"the log's file refused: {error}") from error
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")

    def close(self) -> None:
        """Closes the file. May be called twice."""
        if self._hold >= 0:
            self._connection.close()
            os.close(self._hold)
            self._hold = -1

    def __enter__(self) -> "DeadLetterBox":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _catch_up(self) -> None:
        """Reads what was appended, here or by others, since the last look."""
        while page := self._page(self._next_offset, READ_AT_ONCE):
            for stored in page:
                decoded = _decoded(stored)
                self._replayed.update(decoded.replayed)
                for letter in decoded.letters:
                    self._known[letter.ref] = (summary_of(letter), stored.offset)
            self._next_offset = page[-1].offset + 1

    def _page(self, offset: int, limit: int) -> list[Stored]:
        number = self._numbers[TopicPartition(DEAD.name, 0)]
        return list(sqlite_file.read(self._connection, number, offset, limit))

    def _partition_of(self, topic: str, item: Replacement) -> TopicPartition:
        count = sum(partition.topic == topic for partition in self._numbers)
        if not count:
            raise LogUnavailable(f"the log has no topic {topic}")
        if item.event_id is None:
            return TopicPartition(topic, 0)
        return TopicPartition(topic, partition_of(item.project_id, item.event_id, count))


def _connect(path: Path) -> tuple[sqlite3.Connection, dict[TopicPartition, int]]:
    connection = sqlite_file.connect(path)
    try:
        return connection, sqlite_file.numbers(connection)
    except BaseException:
        connection.close()
        raise


def _decoded(stored: Stored) -> DeadLetters:
    try:
        return decode_dead(stored.value or b"")
    except RecordDamaged:
        return DeadLetters(ENVELOPE_VERSION, [], [])


def summary_of(letter: DeadLetter) -> Summary:
    """Returns what a list shows of a letter."""
    return Summary(
        ref=letter.ref,
        project_id=letter.project_id,
        topic=letter.topic,
        received_at_ns=letter.received_at_ns,
        reason=letter.reason,
        body_bytes=len(letter.body),
        replayed=False,
    )
