"""The sink: writes each partition's records to the store in blocks, exactly once.

The order of a block's life: its range is written down (the intent), its rows are inserted under a
token made from that range, the range is marked as stored, its records are acknowledged. Whatever
stops in between is repeated with the same range and token, and the store drops what it has.

Nothing here gives up: a store that fails is asked again with growing pauses, for ever, while the
log keeps what comes. A bug is another matter: it ends the process, loudly, and the log replays.
"""

import asyncio
import time
from collections import deque
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any

import structlog
from msgspec import Struct
from tenacity import AsyncRetrying, retry_if_exception_type
from tenacity.wait import wait_random_exponential

from clickhouse.client import WarehouseError
from eventlog.log import Intent, TopicPartition
from eventlog.records import plain_size
from processors.block_write import BlockWrite, Inserts, Log
from processors.blocks import Block, Delivery, Step

BLOCKS_IN_HAND = 2
"""One that is written and one that is worked out; more would only cost memory."""

log = structlog.get_logger(__name__)


class BlockLimits(Struct, frozen=True):
    """When a block is closed."""

    max_records: int = 256
    max_bytes: int = 8 << 20
    """Of records, decompressed: some 6,000 traces of usual size."""
    min_interval_s: float = 0.2
    """Between the beginnings of two blocks of one partition, so that single events do not become
    single parts; the first after a pause goes at once."""
    max_waiting_bytes: int = 16 << 20
    """Of records that wait for their block; beyond, the stream is held back."""
    longest_pause_s: float = 15.0
    """Between two tries of one block while the store fails; the first pauses are shorter."""


class PartitionWriter:
    """Stores the records of one partition, block after block."""

    def __init__(
        self, partition: TopicPartition, step: Step, log_: Log, store: Inserts, limits: BlockLimits
    ) -> None:
        self.stored_through = -1
        self._partition = partition
        self._step = step
        self._log = log_
        self._store = store
        self._limits = limits
        self._waiting: list[Delivery] = []
        self._waiting_bytes = 0
        self._changed = asyncio.Condition()
        self._in_hand: deque[float] = deque()
        """When the first record of each block that is being built or written was appended."""
        self._ahead = asyncio.Semaphore(BLOCKS_IN_HAND)
        self._last_start = 0.0

    @property
    def oldest_s(self) -> float | None:
        """When the oldest record in hand came into the log (as `time.time`), `None` when idle."""
        if self._in_hand:
            return self._in_hand[0]
        return self._waiting[0].appended_at_s if self._waiting else None

    async def put(self, delivery: Delivery) -> None:
        """Takes a record over; waits while too much is waiting already."""
        async with self._changed:
            await self._changed.wait_for(
                lambda: self._waiting_bytes < self._limits.max_waiting_bytes
            )
            if delivery.offset <= self.stored_through:
                delivery.ack()
                return
            self._waiting.append(delivery)
            self._waiting_bytes += len(delivery.value or b"")
            self._changed.notify_all()

    async def wait_stored(self, offset: int) -> None:
        """Returns when the record at `offset` is stored."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.stored_through >= offset)

    async def wait_idle(self) -> None:
        """Returns when everything taken over is stored."""
        async with self._changed:
            await self._changed.wait_for(lambda: not self._waiting and not self._in_hand)

    async def run(self, warm: asyncio.Event) -> None:
        """Works until cancelled. An exception that leaves it is a bug.

        While the store takes one block, the next is worked out, and what comes meanwhile gathers
        to the one after.
        """
        await warm.wait()
        progress = await self._log.progress(self._partition)
        await self._let_go_of_stored(progress.stored_through)
        built: asyncio.Queue[tuple[Block, asyncio.Task[Any]]] = asyncio.Queue()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._build_blocks(progress.pending, built))
            group.create_task(self._write_blocks(built))

    async def _let_go_of_stored(self, stored_through: int) -> None:
        """Acknowledges what an earlier life has stored, and makes room for what it has not."""
        async with self._changed:
            self.stored_through = stored_through
            for record in self._waiting:
                if record.offset <= stored_through:
                    record.ack()
            self._waiting = [one for one in self._waiting if one.offset > stored_through]
            self._waiting_bytes = sum(len(one.value or b"") for one in self._waiting)
            self._changed.notify_all()

    async def _build_blocks(
        self, pending: Intent | None, built: "asyncio.Queue[tuple[Block, asyncio.Task[Any]]]"
    ) -> None:
        while True:
            await self._ahead.acquire()
            records = await self._take(pending)
            if not records:
                # The log no longer has what was pending.
                pending = None
                await self._finish(records)
                continue
            intent = pending or self._intent(records)
            repeated = pending is not None
            block = Block(self._partition, self._log.log_id, intent, records, repeated)
            pending = None
            building = asyncio.create_task(self._step.build(block))
            await asyncio.wait({building})
            built.put_nowait((block, building))

    async def _write_blocks(self, built: "asyncio.Queue[tuple[Block, asyncio.Task[Any]]]") -> None:
        while True:
            block, building = await built.get()
            await self._write(block, building.result()).run()
            self.stored_through = block.intent.last
            await self._finish(block.records)

    def _intent(self, records: list[Delivery]) -> Intent:
        return Intent(records[0].offset, records[-1].offset, epoch=self._log.epoch)

    def _write(self, block: Block, built: Any) -> BlockWrite:
        pause = self._limits.longest_pause_s
        return BlockWrite(block, built, self._step, self._log, self._store, longest_pause_s=pause)

    async def _take(self, pending: Intent | None) -> list[Delivery]:
        async with self._changed:
            if pending is not None:
                last = pending.last
                await self._changed.wait_for(
                    lambda: bool(self._waiting) and self._waiting[-1].offset >= last
                )
            else:
                await self._changed.wait_for(lambda: bool(self._waiting))
        pause = self._last_start + self._limits.min_interval_s - time.monotonic()
        if pause > 0 and pending is None:
            await asyncio.sleep(pause)
        self._last_start = time.monotonic()
        async with self._changed:
            count = self._count(pending)
            taken, self._waiting = self._waiting[:count], self._waiting[count:]
            self._waiting_bytes -= sum(len(record.value or b"") for record in taken)
            self._in_hand.append(taken[0].appended_at_s if taken else 0.0)
            self._changed.notify_all()
        return taken

    def _count(self, pending: Intent | None) -> int:
        if pending is not None:
            return sum(record.offset <= pending.last for record in self._waiting)
        size = 0
        for count, record in enumerate(self._waiting[: self._limits.max_records]):
            size += plain_size(record.value)
            if count and size > self._limits.max_bytes:
                return count
        return min(len(self._waiting), self._limits.max_records)

    async def _finish(self, records: Sequence[Delivery]) -> None:
        for record in records:
            record.ack()
        async with self._changed:
            self._in_hand.popleft()
            self._ahead.release()
            self._changed.notify_all()


class Sink:
    """All writers of one process; what the agents deliver to and what `/batch` waits on."""

    def __init__(
        self, steps: Mapping[str, Step], log_: Log, store: Inserts, limits: BlockLimits
    ) -> None:
        self.failed: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()
        """Done when a bug has stopped a writer: the process must end."""
        self._steps = steps
        self._log = log_
        self._store = store
        self._limits = limits
        self._writers: dict[TopicPartition, PartitionWriter] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._warm = {topic: asyncio.Event() for topic in steps}

    def start(self) -> None:
        """Begins to warm the steps; records may be delivered at once."""
        for topic, step in self._steps.items():
            self._watch(self._warm_up(step, self._warm[topic]), f"warm {topic}")

    async def deliver(self, partition: TopicPartition, delivery: Delivery) -> None:
        """Takes one record over; waits while its partition is full."""
        await self._writer(partition).put(delivery)

    async def wait_stored(self, partition: TopicPartition, offset: int) -> None:
        """Returns when the record at `offset` is stored and can be read."""
        await self._writer(partition).wait_stored(offset)

    def lag_s(self) -> float:
        """Returns the age of the oldest record in hand, in seconds; 0 when there is none."""
        oldest = [w.oldest_s for w in self._writers.values() if w.oldest_s is not None]
        return max(0.0, time.time() - min(oldest)) if oldest else 0.0

    async def drain(self, timeout_s: float) -> bool:
        """Waits until everything delivered is stored; `False` when time ran out first.

        Nothing is lost then: what was not acknowledged is delivered again at the next start.
        """
        try:
            async with asyncio.timeout(timeout_s):
                await asyncio.gather(*(writer.wait_idle() for writer in self._writers.values()))
        except TimeoutError:
            return False
        return True

    async def stop(self) -> None:
        """Abandons what is not stored yet."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _writer(self, partition: TopicPartition) -> PartitionWriter:
        writer = self._writers.get(partition)
        if writer is None:
            step = self._steps[partition.topic]
            writer = PartitionWriter(partition, step, self._log, self._store, self._limits)
            self._writers[partition] = writer
            self._watch(writer.run(self._warm[partition.topic]), f"write {partition}")
        return writer

    async def _warm_up(self, step: Step, done: asyncio.Event) -> None:
        tries = AsyncRetrying(
            retry=retry_if_exception_type(WarehouseError),
            wait=wait_random_exponential(multiplier=0.2, max=self._limits.longest_pause_s),
        )
        await tries(step.warm)
        done.set()

    def _watch(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            log.error("writer stopped by a bug", task=task.get_name(), exc_info=error)
            if not self.failed.done():
                self.failed.set_result(error)
