"""Dead letters as people see them: read, sent again, discarded, beside a server that runs.

Only a connection is opened here: whether the file is damaged is for the process that owns it.
Sending again appends the item and the mark in one transaction, so each is replayed once,
whatever is killed and however many try.
"""

import fcntl
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
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
_DEAD = TopicPartition(DEAD.name, 0)


class UnknownDeadLetter(Exception):
    """Raised when no dead letter has the name, or when retention has dropped it."""


class AlreadyReplayed(Exception):
    """Raised when a dead letter was sent again before."""


class Summary(NamedTuple):
    """A dead letter without its body."""

    ref: str
    project_id: ProjectId
    topic: str
    received_at_ns: int
    """0 for a damaged record, whose time of arrival is lost."""
    reason: str
    body_bytes: int
    wire: str
    """The form of its body, empty for a damaged record."""
    replayed: bool
    discarded: bool
    dead_ref: str
    """The dead letter that this one is a failed replay of, empty for none."""

    @property
    def waits(self) -> bool:
        """Whether nobody has done anything about it."""
        return not (self.replayed or self.discarded)


class Replacement(NamedTuple):
    """What goes into the log in a dead letter's place; `event_id` chooses the partition."""

    project_id: ProjectId
    wire: str
    body: bytes
    event_id: str | None
    keeps_id: bool = False
    """Whether the log keeps the id beside the body, because the edge gave it."""

    def chunk(self, dead_letter: DeadLetter) -> Chunk:
        """Returns what goes into the log in a dead letter's place."""
        return Chunk(
            self.project_id,
            self.wire,
            dead_letter.received_at_ns or time.time_ns(),
            [self.body],
            # A damaged record's items were never counted: nothing is to be counted back.
            dead_letter.ref if dead_letter.received_at_ns else "",
            [self.event_id] if self.keeps_id and self.event_id else [],
            dead_letter.key_id,
        )

    def partition(self, dead_letter: DeadLetter, count: int) -> TopicPartition:
        """Returns where it goes. Raises `LogUnavailable` where the topic has no partitions."""
        topic = dead_letter.topic
        if not count:
            raise LogUnavailable(f"the log has no topic {topic}")
        number = partition_of(self.project_id, self.event_id, count) if self.event_id else 0
        return TopicPartition(topic, number)


class Index:
    """The dead letters that were read so far."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Summary, int]] = {}
        self.replayed: set[str] = set()
        self.discarded: set[str] = set()

    def add(self, held: DeadLetters, offset: int) -> None:
        """Takes in what a record holds."""
        self.replayed.update(held.replayed)
        self.discarded.update(held.discarded)
        for one in held.dead_letters:
            self._known[one.ref] = (_summary_of(one), offset)

    def forget(self, ref: str) -> None:
        """Leaves a dead letter out that is gone."""
        self._known.pop(ref, None)

    def forget_before(self, offset: int) -> None:
        """Leaves those out whose records the log has dropped."""
        gone = [ref for ref, (_, at) in self._known.items() if at < offset]
        for ref in gone:
            self.forget(ref)

    def summaries(self) -> list[Summary]:
        """Returns every dead letter, the oldest first, each once."""
        return [
            summary._replace(replayed=ref in self.replayed, discarded=ref in self.discarded)
            for ref, (summary, _) in self._known.items()
        ]

    def waiting(self, refs: Sequence[str]) -> list[str]:
        """Returns those of some dead letters that wait, each once."""
        done = self.replayed | self.discarded
        return [ref for ref in dict.fromkeys(refs) if ref in self._known and ref not in done]

    def offset_of(self, ref: str) -> int:
        """Returns the offset of the record that holds one. Raises `UnknownDeadLetter`."""
        if ref not in self._known:
            raise UnknownDeadLetter(f"there is no dead letter {ref}")
        return self._known[ref][1]

    @staticmethod
    def pick(ref: str, values: Iterable[bytes | None]) -> DeadLetter:
        """Returns a dead letter that records hold. Raises `UnknownDeadLetter`."""
        for value in values:
            for one in decoded(value).dead_letters:
                if one.ref == ref:
                    return one
        raise UnknownDeadLetter(f"there is no dead letter {ref}")


class DeadLetterBox:
    """The dead-letter topic of one log, for one thread at a time. Close it after use."""

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
        self._index = Index()
        self._next_offset = 0
        self._read = (0, 0)

    def summaries(self) -> list[Summary]:
        """Returns every dead letter, the oldest first, each once."""
        self._catch_up()
        return self._index.summaries()

    def find(self, ref: str) -> DeadLetter:
        """Returns one dead letter. Raises `UnknownDeadLetter`."""
        self._catch_up()
        page = self._page(self._index.offset_of(ref), 1)
        return self._index.pick(ref, (stored.value for stored in page))

    def replay(self, dead_letter: DeadLetter, item: Replacement) -> None:
        """Puts the item into the dead letter's topic and marks the dead letter.

        Raises `AlreadyReplayed`.
        """
        ref = dead_letter.ref
        count = sum(partition.topic == dead_letter.topic for partition in self._numbers)
        number = self._numbers[item.partition(dead_letter, count)]
        value, mark = encode_chunks([item.chunk(dead_letter)]), encode_dead([], [ref])
        with self._change() as connection:
            if ref in self._index.replayed:
                raise AlreadyReplayed(f"{ref} was replayed before")
            sqlite_file.append(connection, number, value)
            sqlite_file.append(connection, self._numbers[_DEAD], mark)

    def discard(self, refs: Sequence[str]) -> int:
        """Marks those of some dead letters that wait, and returns how many. They can be replayed.

        Their bodies are kept for as long as those of other dead letters.
        """
        with self._change() as connection:
            waiting = self._index.waiting(refs)
            if waiting:
                mark = encode_dead([], discarded=waiting)
                sqlite_file.append(connection, self._numbers[_DEAD], mark)
        return len(waiting)

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

    @contextmanager
    def _change(self) -> Iterator[sqlite3.Connection]:
        """Yields the connection within a transaction, with all marks known that are there."""
        connection = self._connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            self._catch_up()
            yield connection
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise LogUnavailable(f"the log's file refused: {error}") from error
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")

    def _catch_up(self) -> None:
        """Reads what was appended, here or by others, since the last look.

        And everything anew where what was read has changed since: retention has dropped some of it.
        """
        try:
            held = sqlite_file.sums(self._connection, self._numbers[_DEAD], self._next_offset)
            if held != self._read:
                self._index, self._next_offset = Index(), 0
            self._read_on()
            self._read = sqlite_file.sums(self._connection, self._numbers[_DEAD], self._next_offset)
        except sqlite3.Error as error:
            raise LogUnavailable(f"the log's file cannot be read: {error}") from error

    def _read_on(self) -> None:
        while page := self._page(self._next_offset, READ_AT_ONCE):
            for stored in page:
                self._index.add(decoded(stored.value), stored.offset)
            self._next_offset = page[-1].offset + 1

    def _page(self, offset: int, limit: int) -> list[Stored]:
        return list(sqlite_file.read(self._connection, self._numbers[_DEAD], offset, limit))


def _connect(path: Path) -> tuple[sqlite3.Connection, dict[TopicPartition, int]]:
    connection = sqlite_file.connect(path)
    try:
        return connection, sqlite_file.numbers(connection)
    except BaseException:
        connection.close()
        raise


def decoded(value: bytes | None) -> DeadLetters:
    """Returns what a record of topic `dead` holds, nothing where it is damaged."""
    try:
        return decode_dead(value or b"")
    except RecordDamaged:
        return DeadLetters(ENVELOPE_VERSION, [], [])


def _summary_of(dead_letter: DeadLetter) -> Summary:
    return Summary(
        ref=dead_letter.ref,
        project_id=dead_letter.project_id,
        topic=dead_letter.topic,
        received_at_ns=dead_letter.received_at_ns,
        reason=dead_letter.reason,
        body_bytes=len(dead_letter.body),
        wire=dead_letter.wire,
        replayed=False,
        discarded=False,
        dead_ref=dead_letter.dead_ref,
    )
