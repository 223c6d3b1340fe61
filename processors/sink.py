"""The sink: writes each partition's records to the store in blocks, exactly once.

The order of a block's life: its range is written down (the intent), its rows are inserted under a
token made from that range, the range is marked as stored. Whatever stops in between is repeated
with the same range and token, and the store drops what it has.

Nothing here gives up: a store that fails is asked again with growing pauses, for ever, while the
log keeps what comes. A bug is another matter: it ends the process, loudly, and the log replays.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping
from functools import partial
from typing import Any

import structlog
from tenacity import AsyncRetrying, retry_if_exception
from tenacity.wait import wait_random_exponential

from eventlog.log import PartitionState, ProgressStore, TopicPartition
from eventlog.topics import AGENT_TOPICS
from processors.block_rows import Inserts
from processors.blocks import Delivery, Step
from processors.budget import Budget
from processors.faults import is_passing
from processors.writer import BlockLimits, PartitionWriter
from schemas import metrics
from schemas.rows import Source

log = structlog.get_logger(__name__)


class Sink:
    """All writers of one process: what the agents deliver to.

    Where the process owns the whole log (`start`), a partition's writer begins with its first
    record. Where several share it, it begins with `take` and ends with `let_go`.
    """

    def __init__(
        self,
        steps: Mapping[str, Step],
        checkpoints: ProgressStore,
        store: Inserts,
        limits: BlockLimits,
    ) -> None:
        self.failed: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()
        """Done when a bug has stopped a writer: the process must end."""
        self._steps = steps
        self._checkpoints = checkpoints
        self._store = store
        self._limits = limits
        self._writers: dict[TopicPartition, PartitionWriter] = {}
        self._tasks: dict[asyncio.Task[None], TopicPartition | None] = {}
        # One for each topic: a table that takes no rows must not delay the other topics.
        self._budgets = {topic: Budget(limits.max_in_hand_bytes) for topic in steps}
        for topic, budget in self._budgets.items():
            metrics.BLOCKS_IN_HAND.labels(topic).set_function(budget.used)
            metrics.LAG_SECONDS.labels(topic).set_function(partial(self.lag_s, topic))
        self._warm = {topic: asyncio.Event() for topic in steps}
        self._warmed: set[TopicPartition] = set()
        self._owns_all = False

    def start(self) -> None:
        """Begins to warm the steps; records of every partition may be delivered at once."""
        self._owns_all = True
        for topic, step in self._steps.items():
            self._watch(self._warm_whole(step, self._warm[topic]), f"warm {topic}")

    def take(self, partitions: Mapping[TopicPartition, bool]) -> None:
        """Begins with partitions that this process owns from now on.

        `True` for those whose stored ids have to be read first, because others wrote to them.
        """
        for partition, cold in partitions.items():
            if cold:
                self._warmed.discard(partition)
            self._begin(partition, partial(self._warm_partition, partition))

    async def let_go(self, partitions: Collection[TopicPartition], timeout_s: float) -> bool:
        """Stores what it can of them in the time given; the next owner stores the rest."""
        going = [self._writers[one] for one in partitions if one in self._writers]
        flushed = await _all_idle(going, timeout_s)
        tasks = [task for task, partition in self._tasks.items() if partition in partitions]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for writer in going:
            await writer.abandon()
        for partition in partitions:
            self._writers.pop(partition, None)
        return flushed

    async def deliver(self, partition: TopicPartition, delivery: Delivery) -> None:
        """Takes one record over, and waits for no store: ask `has_room` before.

        A record of a partition that is not ours is left to its owner.
        """
        writer = self._writers.get(partition)
        if writer is None and self._owns_all:
            writer = self._begin(partition, self._warm[partition.topic].wait)
        if writer is not None:
            await writer.put(delivery)

    def has_room(self, partition: TopicPartition) -> bool:
        """Tells whether more of a partition may be delivered.

        Each has an equal share of the bytes that may wait, so one whose block cannot be stored
        for an hour delays no other.
        """
        writer = self._writers.get(partition)
        share = self._limits.max_waiting_bytes // max(1, len(self._writers))
        most = min(share, self._limits.max_partition_waiting_bytes)
        return writer is None or writer.has_room(most)

    async def wait_stored(self, partition: TopicPartition, offset: int) -> None:
        """Returns when the record at `offset` is stored and can be read."""
        writer = self._writers.get(partition)
        if writer is None:
            writer = self._begin(partition, self._warm[partition.topic].wait)
        await writer.wait_stored(offset)

    @property
    def partitions(self) -> frozenset[TopicPartition]:
        """The partitions that have a writer."""
        return frozenset(self._writers)

    @property
    def lost(self) -> list[TopicPartition]:
        """The partitions that another process has taken over before we were told."""
        return [partition for partition, writer in self._writers.items() if writer.lost]

    def lags_s(self, topic: str | None = None) -> list[float]:
        """Returns, for each partition that has a record in hand, the age of its oldest in seconds.

        Of one topic, or of all of them.
        """
        now = time.time()
        writers = [one for at, one in self._writers.items() if topic in (None, at.topic)]
        return [max(0.0, now - one.oldest_s) for one in writers if one.oldest_s is not None]

    def lag_s(self, topic: str | None = None) -> float:
        """Returns the greatest of `lags_s`; 0 when there is none."""
        return max(self.lags_s(topic), default=0.0)

    async def drain(self, timeout_s: float) -> bool:
        """Waits until everything delivered is stored; `False` when time ran out first.

        Nothing is lost then: what was not stored is delivered again at the next start.
        """
        return await _all_idle(self._writers.values(), timeout_s)

    async def stop(self) -> None:
        """Abandons what is not stored yet."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _begin(
        self, partition: TopicPartition, warm: Callable[[], Awaitable[object]]
    ) -> PartitionWriter:
        step = self._steps[partition.topic]
        budget = self._budgets[partition.topic]
        writer = PartitionWriter(
            partition, step, self._checkpoints, self._store, self._limits, budget=budget
        )
        self._writers[partition] = writer
        self._watch(writer.run(warm), f"write {partition}", partition)
        return writer

    async def _warm_whole(self, step: Step, done: asyncio.Event) -> None:
        await self._warm_up(step, None)
        done.set()

    async def _warm_partition(self, partition: TopicPartition) -> None:
        # An earlier warm-up may have been stopped before it had read everything.
        if partition not in self._warmed:
            source = Source(self._checkpoints.origin(partition).log_id, partition.partition)
            await self._warm_up(self._steps[partition.topic], source)
            self._warmed.add(partition)

    async def _warm_up(self, step: Step, source: Source | None) -> None:
        tries = AsyncRetrying(
            retry=retry_if_exception(is_passing),
            wait=wait_random_exponential(multiplier=0.2, max=self._limits.longest_pause_s),
        )
        await tries(step.warm, source)

    def _watch(
        self,
        work: Coroutine[Any, Any, None],
        name: str,
        partition: TopicPartition | None = None,
    ) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks[task] = partition
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._tasks[task]
        error = None if task.cancelled() else task.exception()
        if error is not None:
            log.error("writer stopped by a bug", task=task.get_name(), exc_info=error)
            if not self.failed.done():
                self.failed.set_result(error)


def tell_waiting(places: Mapping[TopicPartition, PartitionState]) -> None:
    """Tells the metrics how many records of some partitions are not stored."""
    records = dict.fromkeys(AGENT_TOPICS, 0)
    for one, state in places.items():
        records[one.topic] += state.waiting
    for topic, waiting in records.items():
        metrics.LAG_RECORDS.labels(topic).set(waiting)


async def _all_idle(writers: Collection[PartitionWriter], timeout_s: float) -> bool:
    try:
        async with asyncio.timeout(timeout_s):
            await asyncio.gather(*(writer.wait_idle() for writer in writers))
    except TimeoutError:
        return False
    return True
