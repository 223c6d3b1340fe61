"""The log as the rest of Sluice sees it: one Protocol, its errors, and the values they share.

LogError
├── LogFull          the log's bound in bytes, or the disk's, is reached: refuse for now
├── LogUnavailable   the log does not answer for now: refuse, retry
└── LogDamaged       the file could not be mended, or must be opened anew to be
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from eventlog.records import Chunk, DeadLetter, Refusal


class LogError(Exception):
    """Anything that keeps the log from taking or giving records."""


class LogFull(LogError):
    """Raised when the log's bound, or the disk's, is reached."""


class LogUnavailable(LogError):
    """Raised when the log does not answer for now."""


class LogDamaged(LogError):
    """Raised when the log's file could not be mended, or must be opened anew to be."""


class TopicPartition(NamedTuple):
    """One ordered stream of records."""

    topic: str
    partition: int


class Stored(NamedTuple):
    """A record as the log gives it back; `value` is `None` where its checksum did not hold."""

    offset: int
    value: bytes | None
    appended_at_ms: int


class Intent(NamedTuple):
    """The range of offsets (both ends included) that a block is about to be written from."""

    first: int
    last: int
    apart: bool = False
    """Whether its rows go in by parts, because the store refused some of them."""
    epoch: str = ""
    """The `EventLog.epoch` that it was declared in; with the range it makes the block's token."""


class Progress(NamedTuple):
    """How far a partition's records have been stored, and the block that may be half-written."""

    stored_through: int
    """The last offset whose block is stored, -1 for none."""
    pending: Intent | None


class EventLog(Protocol):
    """A durable log. A call that returns has been fsynced, or acknowledged by every replica."""

    log_id: str
    epoch: str
    """New at each opening. Offsets may come again when a file is rolled back (a lost WAL, an old
    backup), and a token that comes again with other rows loses them without a word."""

    def partitions(self, topic: str) -> int:
        """Returns how many partitions the topic has."""
        ...

    async def append_chunks(self, topic: str, chunks: Mapping[int, Chunk]) -> dict[int, int]:
        """Appends chunks, one for each partition given; returns the offset each is part of.

        Raises `LogFull` or `LogUnavailable`; then nothing was appended.
        """
        ...

    async def append_refusals(self, refusals: Sequence[Refusal]) -> None:
        """Counts refusals durably."""
        ...


class ProgressStore(Protocol):
    """Where the sink writes down what it is about to store, before it does."""

    async def progress(self, partition: TopicPartition) -> Progress:
        """Returns how far the partition has come."""
        ...

    async def declare(self, partition: TopicPartition, intent: Intent) -> None:
        """Makes an intent durable; it stays pending until `complete`."""
        ...

    async def complete(
        self, partition: TopicPartition, intent: Intent, letters: Sequence[DeadLetter] = ()
    ) -> None:
        """Marks the block as stored, forgets the intent, and keeps the letters of its dead items.

        No bound of the log holds this back: it is what frees a full one.
        """
        ...
