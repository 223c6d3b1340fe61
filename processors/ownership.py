"""Who writes which partition of a shared log: the checkpoints, for the sink and the stream.

The checkpoints in the control plane say how far a partition is stored. What the consumer group has
committed in Kafka is only for Kafka's tools. Taking a partition begins a new epoch. A worker that
was paused and replaced has the old epoch, so it cannot declare another block.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence

import structlog
import xxhash
from tenacity import AsyncRetrying, retry_if_exception_type
from tenacity.wait import wait_random_exponential

from controlplane import failures
from controlplane.progress import Ownership, PartitionProgress
from eventlog.kafka_offsets import Ends, ensure_there
from eventlog.kafka_topics import TopicsState
from eventlog.log import (
    BrokerRefused,
    LogUnavailable,
    NotOwner,
    Origin,
    RecordsSkipped,
    TopicPartition,
)
from eventlog.records import DeadLetter
from processors.sink import Sink
from schemas.checkpoints import Intent, Progress

LONGEST_PAUSE_S = 5.0
FLUSH_S = 2.0
"""The longest time to store blocks during a rebalance: the whole group waits for it."""

KeepDeadLetters = Callable[[Sequence[DeadLetter]], Awaitable[None]]
ReadEnds = Callable[[Collection[TopicPartition]], Awaitable[Mapping[TopicPartition, Ends]]]

log = structlog.get_logger(__name__)


class Checkpoints:
    """What is stored of the partitions that this process owns (a `ProgressStore`)."""

    def __init__(
        self,
        progress: PartitionProgress,
        topics: TopicsState,
        keep_dead_letters: KeepDeadLetters,
        owner: str,
    ) -> None:
        self._progress = progress
        self._topics = topics
        self._keep_dead_letters = keep_dead_letters
        self._owner = owner
        self._claims: dict[TopicPartition, Ownership] = {}
        self._written_by_others: set[TopicPartition] = set()
        self._next: dict[TopicPartition, int] = {}
        """The first offset of the block that comes next."""

    async def claim(self, partition: TopicPartition) -> None:
        """Becomes the owner. Raises `LogUnavailable`."""
        before = self._claims.get(partition)
        log_id = self._topics[partition.topic].log_id
        try:
            claim = await self._progress.claim(log_id, *partition, self._owner)
        except failures.Unavailable as error:
            raise LogUnavailable(f"the checkpoints do not answer: {error.message}") from error
        self._claims[partition] = claim
        self._next[partition] = claim.progress.next_offset
        if before is None or claim.epoch != before.epoch + 1:
            self._written_by_others.add(partition)

    def take_written_by_others(
        self, partitions: Iterable[TopicPartition]
    ) -> dict[TopicPartition, bool]:
        """Tells which of them others may have written to since this was asked last."""
        asked = {partition: partition in self._written_by_others for partition in partitions}
        self._written_by_others.difference_update(asked)
        return asked

    def next_offset(self, partition: TopicPartition) -> int:
        """Returns the first offset of the block that comes next."""
        return self._next[partition]

    def origin(self, partition: TopicPartition) -> Origin:
        """Returns where the partition's records come from, and whose turn it is."""
        log_id = self._topics[partition.topic].log_id
        epoch = self._claims[partition].epoch
        return Origin(log_id, f"{xxhash.xxh3_64_hexdigest(log_id.encode())}.{epoch}")

    async def progress(self, partition: TopicPartition) -> Progress:
        """Returns how far the partition had come when it was taken."""
        return self._claims[partition].progress

    async def declare(self, partition: TopicPartition, intent: Intent) -> None:
        """Makes an intent durable. Raises `NotOwner`, `LogUnavailable`.

        And `RecordsSkipped`, which ends the process: the next one reads them.
        """
        if intent.first != self._next[partition]:
            raise RecordsSkipped(
                f"the next block of {partition} begins at {intent.first}, "
                f"not at {self._next[partition]}: it would leave a hole"
            )
        await self._asked(partition, self._progress.declare, intent)

    async def confirm(self, partition: TopicPartition) -> None:
        """Asks whether the partition is still ours. Raises `NotOwner`, `LogUnavailable`."""
        await self._asked(partition, self._progress.check)

    async def complete(
        self, partition: TopicPartition, intent: Intent, dead_letters: Sequence[DeadLetter] = ()
    ) -> None:
        """Marks the block as stored, once its dead letters are kept. One kept twice counts once.

        Raises `NotOwner` and `LogUnavailable`; the latter too where Kafka refuses a dead
        dead letter. Their topic takes records as large as the others' do, so a person has changed a
        limit and can change it back. Until then the block waits, and the alarm of blocks that
        wait says why.
        """
        if dead_letters:
            try:
                await self._keep_dead_letters(dead_letters)
            except BrokerRefused as error:
                raise LogUnavailable(f"a dead letter cannot be kept: {error}") from error
        await self._asked(partition, self._progress.complete, intent.last)
        self._next[partition] = intent.last + 1

    async def _asked(
        self, partition: TopicPartition, ask: Callable[..., Awaitable[None]], *values: object
    ) -> None:
        log_id, epoch = self._topics[partition.topic].log_id, self._claims[partition].epoch
        try:
            await ask(log_id, *partition, epoch, *values)
        except failures.NotOwner as error:
            raise NotOwner(error.message) from error
        except failures.Unavailable as error:
            raise LogUnavailable(f"the checkpoints do not answer: {error.message}") from error


class Holder:
    """Takes partitions over for the stream and gives them up (a `PartitionHolder`)."""

    def __init__(
        self,
        checkpoints: Checkpoints,
        sink: Sink,
        read_ends: ReadEnds,
        our_name: Callable[[str], str],
    ) -> None:
        self._checkpoints = checkpoints
        self._sink = sink
        self._read_ends = read_ends
        self._our_name = our_name

    def ours(self, partition: TopicPartition) -> TopicPartition:
        """Returns the partition by our name of its topic."""
        return TopicPartition(self._our_name(partition.topic), partition.partition)

    async def take(self, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, int]:
        """Becomes the owner and returns where to read from. Raises `OffsetsGone`."""
        tries = AsyncRetrying(
            retry=retry_if_exception_type(LogUnavailable),
            wait=wait_random_exponential(multiplier=0.1, max=LONGEST_PAUSE_S),
            before_sleep=lambda state: log.warning(
                "partitions not taken yet",
                reason=str(state.outcome.exception())[:500] if state.outcome else "",
            ),
        )
        return await tries(self._take, partitions)

    async def _take(self, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, int]:
        await asyncio.gather(*(self._checkpoints.claim(self.ours(one)) for one in partitions))
        claimed = {one: await self._checkpoints.progress(self.ours(one)) for one in partitions}
        ends = await self._read_ends(partitions)
        for one, progress in claimed.items():
            ensure_there(one, progress, ends[one])
        # Only now, when nothing can fail any more: this answer is given once.
        taken = self._checkpoints.take_written_by_others(map(self.ours, partitions))
        self._sink.take(taken)
        log.info("partitions taken", partitions=_named(taken))
        return {one: progress.next_offset for one, progress in claimed.items()}

    def stored(self, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, int]:
        """Returns the offset behind what is stored of each that was taken."""
        return {one: self._checkpoints.next_offset(self.ours(one)) for one in partitions}

    async def let_go(self, partitions: Collection[TopicPartition]) -> None:
        """Stores what is in hand for a bounded time; the rest is the next owner's."""
        going = [self.ours(one) for one in partitions]
        flushed = await self._sink.let_go(going, FLUSH_S)
        if going:
            log.info("partitions let go", partitions=_named(going), flushed=flushed)


def _named(partitions: Collection[TopicPartition]) -> list[str]:
    return sorted(f"{topic}/{partition}" for topic, partition in partitions)
