"""The log as the rest of Sluice sees it: one Protocol, its errors, and the values they share.

LogError
├── LogFull          the log's bound in bytes, or the disk's, is reached: refuse for now
├── LogUnavailable   the log does not answer for now: refuse, retry
│   └── AppendUncertain  so too, but what was to be appended may be in it, or get there yet
├── LogDamaged       the file is damaged: opening it anew sets it aside
├── BrokerRefused    Kafka will never take the record
├── TopicsError      Kafka's topics are not what is needed (`eventlog.kafka_topics`)
├── NotOwner         another process has taken the partition over: leave it alone
└── OffsetsGone      the log no longer holds what is not stored yet: a person must look
"""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, Protocol, TypeAlias

from eventlog.records import Chunk, DeadLetter, Refusal
from schemas.checkpoints import Intent, Progress


class LogError(Exception):
    """Anything that keeps the log from taking or giving records."""


class LogFull(LogError):
    """Raised when the log's bound, or the disk's, is reached."""


class LogUnavailable(LogError):
    """Raised when the log does not answer for now."""


class AppendUncertain(LogUnavailable):
    """Raised where what was to be appended may have been, or may be yet: nobody can say."""


class LogDamaged(LogError):
    """Raised when the log's file is damaged; opening it anew sets it aside."""


class BrokerRefused(LogError):
    """Raised when the broker will never take a record: too long, no such topic, no permission."""


class NotOwner(LogError):
    """Raised when another process has taken the partition over: what is not done is theirs now."""


class OffsetsGone(LogError):
    """Raised when the log no longer holds records that were not stored, or never was this one."""


class RecordsSkipped(Exception):
    """Raised when records were not delivered that come before those that were: a bug of ours.

    The process ends, and the next one reads them. Offsets of the topics that are streamed have no
    holes by themselves: nobody writes to those in transactions, or compacts them.
    """


class TopicPartition(NamedTuple):
    """One ordered stream of records."""

    topic: str
    partition: int


Addressed: TypeAlias = tuple[TopicPartition, Chunk]
"""A chunk and where it goes."""


class Stored(NamedTuple):
    """A record as the log gives it back; `value` is `None` where its checksum did not hold."""

    offset: int
    value: bytes | None
    appended_at_ms: int


class PartitionState(NamedTuple):
    """How far a partition has come."""

    progress: Progress
    next_offset: int
    """Of the record that will be appended next."""

    @property
    def waiting(self) -> int:
        """How many records are not stored."""
        return self.next_offset - 1 - self.progress.stored_through


class Origin(NamedTuple):
    """What tells the records of a partition from those of every other log."""

    log_id: str
    """Of the file, or of the broker's topic; a log that is made anew has another."""
    epoch: str
    """New at each opening or taking over. Offsets may come again when a log is rolled back (a lost
    WAL, an old backup), and a token that comes again with other rows loses them without a word."""


class EventLog(Protocol):
    """A durable log. A call that returns has been fsynced, or acknowledged by every replica."""

    def partitions(self, topic: str) -> int:
        """Returns how many partitions the topic has."""
        ...

    async def append(self, chunks: Sequence[Addressed]) -> dict[TopicPartition, int]:
        """Appends chunks, of any topics; returns the offset that each partition's ends in.

        Raises `LogFull` or `LogUnavailable`; then nothing was appended, but where a broker or a
        disk fails midway an append over several partitions of Kafka may be in some of them. Raises
        `AppendUncertain` where it may be in all of them.
        """
        ...

    async def append_refusals(self, refusals: Sequence[Refusal]) -> None:
        """Counts refusals durably."""
        ...


class ProgressStore(Protocol):
    """Where the sink writes down what it is about to store, before it does.

    Where several processes share a log, `declare`, `confirm` and `complete` raise `NotOwner` as
    soon as another has taken the partition over.
    """

    def origin(self, partition: TopicPartition) -> Origin:
        """Returns where the partition's records come from."""
        ...

    async def progress(self, partition: TopicPartition) -> Progress:
        """Returns how far the partition has come."""
        ...

    async def declare(self, partition: TopicPartition, intent: Intent) -> None:
        """Makes an intent durable; it stays pending until `complete`."""
        ...

    async def confirm(self, partition: TopicPartition) -> None:
        """Returns if the partition is still this process's to write. Asked before every insert."""
        ...

    async def complete(
        self, partition: TopicPartition, intent: Intent, dead_letters: Sequence[DeadLetter] = ()
    ) -> None:
        """Marks the block as stored, forgets the intent, and keeps its dead letters.

        No bound of the log holds this back: it is what frees a full one.
        """
        ...


class PartitionHolder(Protocol):
    """What a log that several processes read asks of the process that reads a part of it."""

    async def take(self, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, int]:
        """Becomes the owner, for as long as no other does; returns the offset to read next of each.

        Waits while the checkpoints cannot be read.
        """
        ...

    def stored(self, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, int]:
        """Returns the offset behind what is stored of each that was taken."""
        ...

    async def let_go(self, partitions: Collection[TopicPartition]) -> None:
        """Stores what is in hand for a bounded time and leaves the rest to the next owner."""
        ...
