"""The writer of one partition: gathers its records into blocks and stores them in order."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

import structlog
from msgspec import Struct

from eventlog.log import NotOwner, ProgressStore, TopicPartition
from eventlog.records import plain_size
from processors.block_rows import Inserts
from processors.block_write import BlockWrite
from processors.blocks import Block, Delivery, Step
from processors.budget import Budget
from schemas.checkpoints import Intent

BLOCKS_IN_HAND = 2
"""One is written while the next is built; more would only cost memory."""
WRITES_BETWEEN, MOST_INTERVALS = 4, 2
"""Each insert has a price of its own, some 40 ms of processor time on a quiet machine. So blocks
start so many times what the last one took to write after each other, up to so many intervals."""

log = structlog.get_logger(__name__)


class BlockLimits(Struct, frozen=True):
    """When a block is closed."""

    max_records: int = 2_000
    max_bytes: int = 8 << 20
    """Of records, decompressed: some 6,000 traces of usual size."""
    min_interval_s: float = 0.2
    """Between the starts of two blocks of one partition, so that single events do not become single
    parts; up to twice as much where inserts are slow. The first block after a pause starts at once,
    and so does a full one."""
    max_partition_waiting_bytes: int = 4 << 20
    """Of records of one partition that wait for their block, compressed; beyond, it is not read."""
    max_waiting_bytes: int = 64 << 20
    """Of all partitions of the process, which have equal shares of it."""
    max_in_hand_bytes: int = 24 << 20
    """Of all blocks of one topic that are built or written, decompressed."""
    longest_pause_s: float = 15.0
    """Between two tries of one block while the store fails; the first pauses are shorter."""


def interval_s(least_s: float, write_s: float) -> float:
    """Returns how long after the last block's start the next one starts, if it is not full by then.

    `write_s` is what the last one took to write.
    """
    return max(least_s, min(WRITES_BETWEEN * write_s, MOST_INTERVALS * least_s))


class _Waiting:
    """The records that wait for their block, in order."""

    def __init__(self, limits: BlockLimits) -> None:
        self.records: list[Delivery] = []
        self.bytes = 0
        self._plain_bytes = 0
        self._limits = limits

    def add(self, record: Delivery) -> None:
        self.records.append(record)
        self._weigh([record], 1)

    def take(self, count: int) -> list[Delivery]:
        taken, self.records = self.records[:count], self.records[count:]
        self._weigh(taken, -1)
        return taken

    def is_full(self) -> bool:
        """Tells whether no block could take more."""
        return (
            len(self.records) >= self._limits.max_records
            or self._plain_bytes >= self._limits.max_bytes
            or self.bytes >= self._limits.max_partition_waiting_bytes
        )

    def block_size(self, pending: Intent | None) -> int:
        """Returns how many records the next block has."""
        if pending is not None:
            return sum(record.offset <= pending.last for record in self.records)
        size = 0
        for count, record in enumerate(self.records[: self._limits.max_records]):
            size += plain_size(record.value)
            if count and size > self._limits.max_bytes:
                return count
        return min(len(self.records), self._limits.max_records)

    def _weigh(self, records: Sequence[Delivery], sign: int) -> None:
        self.bytes += sign * sum(len(one.value or b"") for one in records)
        self._plain_bytes += sign * sum(plain_size(one.value) for one in records)


class _InHand:
    """A block that is built or written, and the bytes of the budget that it holds."""

    def __init__(self, write: BlockWrite, block: Block, budget: Budget) -> None:
        self.write = write
        self.records = records = block.records
        self.last = block.intent.last
        self._budget = budget
        self._size = sum(plain_size(one.value) for one in records)
        self._taken = 0

    async def hold(self) -> None:
        """Waits until the budget has its bytes. May be called again."""
        if not self._taken:
            self._taken = await self._budget.take(self._size)

    def give_back(self) -> None:
        """Gives its bytes back. May be called again."""
        self._budget.give_back(self._taken)
        self._taken = 0

    def put_down(self) -> None:
        """Drops the rows, and gives the memory to others."""
        self.write.put_down()
        self.give_back()


class PartitionWriter:
    """Stores the records of one partition, block after block."""

    def __init__(
        self,
        partition: TopicPartition,
        step: Step,
        checkpoints: ProgressStore,
        store: Inserts,
        limits: BlockLimits,
        *,
        budget: Budget,
    ) -> None:
        self.stored_through = -1
        self.lost = False
        """Whether another process has taken the partition over; nothing is written any more."""
        self._failing = False
        """Whether the block that is next to store was tried in vain."""
        self._partition = partition
        self._step = step
        self._checkpoints = checkpoints
        self._store = store
        self._limits = limits
        self._budget = budget
        self._waiting = _Waiting(limits)
        self._last_put = -1
        self._due = -1
        """The last record of the block that an earlier life has begun: it must come as a whole."""
        self._changed = asyncio.Condition()
        self._in_hand: deque[_InHand] = deque()
        """The block that is written, and the one behind it."""
        self._ahead = asyncio.Semaphore(BLOCKS_IN_HAND)
        self._last_start = 0.0
        self._last_write_s = 0.0

    @property
    def oldest_s(self) -> float | None:
        """When the oldest record in hand came into the log (as `time.time`), `None` when idle."""
        if self._in_hand:
            return self._in_hand[0].records[0].appended_at_s
        waiting = self._waiting.records
        return waiting[0].appended_at_s if waiting else None

    def has_room(self, max_bytes: int) -> bool:
        """Tells whether more may be handed over, where so many bytes may wait."""
        return self.lost or self._waiting.bytes < max_bytes or self._last_put < self._due

    async def put(self, delivery: Delivery) -> None:
        """Takes a record over."""
        async with self._changed:
            if self.lost or delivery.offset <= max(self._last_put, self.stored_through):
                return
            self._last_put = delivery.offset
            self._waiting.add(delivery)
            self._changed.notify_all()

    async def abandon(self) -> None:
        """Takes nothing over any more."""
        async with self._changed:
            self.lost = True
            self._changed.notify_all()

    async def wait_stored(self, offset: int) -> None:
        """Returns when the record at `offset` is stored."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.stored_through >= offset)

    async def wait_idle(self) -> None:
        """Returns when everything taken over is stored, or when another owner has to store it."""
        async with self._changed:
            await self._changed.wait_for(
                lambda: self.lost or (not self._waiting.records and not self._in_hand)
            )

    async def run(self, warm: Callable[[], Awaitable[object]]) -> None:
        """Works until cancelled, or until the partition is another's (`lost`).

        An exception that leaves it is a bug. While the store takes one block, the next is worked
        out, and what comes meanwhile gathers to the one after.
        """
        await warm()
        try:
            progress = await self._checkpoints.progress(self._partition)
            self._due = progress.pending.last if progress.pending else -1
            await self._let_go_of_stored(progress.stored_through)
            built: asyncio.Queue[_InHand] = asyncio.Queue()
            async with asyncio.TaskGroup() as group:
                group.create_task(self._build_blocks(progress.pending, built))
                group.create_task(self._write_blocks(built))
        except* NotOwner as errors:
            log.warning("partition lost", partition=self._partition, reason=str(errors.exceptions))
            await self.abandon()
        finally:
            for one in self._in_hand:
                one.put_down()

    async def _let_go_of_stored(self, stored_through: int) -> None:
        """Drops what an earlier life has stored, and makes room for what it has not."""
        async with self._changed:
            self.stored_through = stored_through
            records = self._waiting.records
            self._waiting.take(sum(record.offset <= stored_through for record in records))
            self._changed.notify_all()

    async def _build_blocks(self, pending: Intent | None, built: "asyncio.Queue[_InHand]") -> None:
        while True:
            await self._ahead.acquire()
            await self._build_next(pending, built)
            pending = None

    # One call a block: what a loop kept in its variables would stay in memory until the next one.
    async def _build_next(self, pending: Intent | None, built: "asyncio.Queue[_InHand]") -> None:
        records = await self._take(pending)
        if not records:
            # The log no longer has what was pending.
            self._ahead.release()
            return
        origin = self._checkpoints.origin(self._partition)
        new = Intent(records[0].offset, records[-1].offset, epoch=origin.epoch)
        is_repeated = pending is not None
        block = Block(self._partition, origin.log_id, pending or new, records, repeated=is_repeated)
        one = _InHand(self._write(block), block, self._budget)
        self._in_hand.append(one)
        await one.hold()
        if self._failing:
            # It comes next to the budget at its turn, behind the block that fails.
            one.put_down()
        else:
            await one.write.work_ahead()
        built.put_nowait(one)

    async def _write_blocks(self, built: "asyncio.Queue[_InHand]") -> None:
        while True:
            await self._write_next(built)

    async def _write_next(self, built: "asyncio.Queue[_InHand]") -> None:
        one = await built.get()
        await one.hold()
        began = time.monotonic()
        await one.write.run(self._rest)
        self._last_write_s = time.monotonic() - began
        self._failing = False
        self.stored_through = one.last
        await self._finish(one)

    async def _rest(self, pause_s: float) -> None:
        """Waits before the next try of a block, and gives its memory to others meanwhile."""
        self._failing = True
        for one in self._in_hand:
            one.put_down()
        await asyncio.sleep(pause_s)
        await self._in_hand[0].hold()

    def _write(self, block: Block) -> BlockWrite:
        pause = self._limits.longest_pause_s
        return BlockWrite(block, self._step, self._checkpoints, self._store, longest_pause_s=pause)

    async def _take(self, pending: Intent | None) -> list[Delivery]:
        waiting = self._waiting
        async with self._changed:
            if pending is not None:
                last = pending.last
                await self._changed.wait_for(
                    lambda: bool(waiting.records) and waiting.records[-1].offset >= last
                )
            else:
                await self._changed.wait_for(lambda: bool(waiting.records))
        between_s = interval_s(self._limits.min_interval_s, self._last_write_s)
        pause = self._last_start + between_s - time.monotonic()
        if pause > 0 and pending is None:
            await self._wait_full(pause)
        self._last_start = time.monotonic()
        async with self._changed:
            taken = waiting.take(waiting.block_size(pending))
            self._changed.notify_all()
        return taken

    async def _wait_full(self, at_most_s: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(at_most_s), self._changed:
                await self._changed.wait_for(self._waiting.is_full)

    async def _finish(self, one: _InHand) -> None:
        one.give_back()
        async with self._changed:
            self._in_hand.popleft()
            self._ahead.release()
            self._changed.notify_all()
