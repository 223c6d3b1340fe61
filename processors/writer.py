"""The writer of one partition: gathers its records into blocks and stores them in order."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

import structlog
from msgspec import Struct

from eventlog.log import Intent, NotOwner, ProgressStore, TopicPartition
from eventlog.records import plain_size
from processors.block_rows import Inserts
from processors.block_write import BlockWrite
from processors.blocks import Block, Delivery, Step
from processors.budget import Budget

BLOCKS_IN_HAND = 2
"""One is written while the next is built; more would only cost memory."""

log = structlog.get_logger(__name__)


class BlockLimits(Struct, frozen=True):
    """When a block is closed."""

    max_records: int = 2_000
    max_bytes: int = 8 << 20
    """Of records, decompressed: some 6,000 traces of usual size."""
    min_interval_s: float = 0.2
    """Between the starts of two blocks of one partition, so that single events do not become single
    parts. The first block after a pause starts at once, and so does a full one."""
    max_partition_waiting_bytes: int = 4 << 20
    """Of records of one partition that wait for their block, compressed; beyond, it is not read."""
    max_waiting_bytes: int = 64 << 20
    """Of all partitions of the process, which have equal shares of it."""
    max_in_hand_bytes: int = 24 << 20
    """Of all blocks of one topic that are built or written, decompressed."""
    longest_pause_s: float = 15.0
    """Between two tries of one block while the store fails; the first pauses are shorter."""


class _InHand:
    """A block that is built or written, and the bytes of the budget that it holds."""

    def __init__(self, write: BlockWrite, block: Block) -> None:
        self.write = write
        self.records = records = block.records
        self.last = block.intent.last
        self.size = sum(plain_size(one.value) for one in records)
        self.taken = 0


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
        self._waiting: list[Delivery] = []
        self._waiting_bytes = 0
        self._waiting_plain = 0
        self._last_put = -1
        self._due = -1
        """The last record of the block that an earlier life has begun: it must come as a whole."""
        self._changed = asyncio.Condition()
        self._in_hand: deque[_InHand] = deque()
        """The block that is written, and the one behind it."""
        self._ahead = asyncio.Semaphore(BLOCKS_IN_HAND)
        self._last_start = 0.0

    @property
    def oldest_s(self) -> float | None:
        """When the oldest record in hand came into the log (as `time.time`), `None` when idle."""
        if self._in_hand:
            return self._in_hand[0].records[0].appended_at_s
        return self._waiting[0].appended_at_s if self._waiting else None

    def has_room(self, max_bytes: int) -> bool:
        """Tells whether more may be handed over, where so many bytes may wait."""
        return self.lost or self._waiting_bytes < max_bytes or self._last_put < self._due

    async def put(self, delivery: Delivery) -> None:
        """Takes a record over."""
        async with self._changed:
            if delivery.offset <= self.stored_through:
                delivery.ack()
                return
            if self.lost or delivery.offset <= self._last_put:
                return
            self._last_put = delivery.offset
            self._waiting.append(delivery)
            self._weigh([delivery], 1)
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
                lambda: self.lost or (not self._waiting and not self._in_hand)
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
                self._put_down(one)

    async def _let_go_of_stored(self, stored_through: int) -> None:
        """Acknowledges what an earlier life has stored, and makes room for what it has not."""
        async with self._changed:
            self.stored_through = stored_through
            for record in self._waiting:
                if record.offset <= stored_through:
                    record.ack()
            self._weigh([one for one in self._waiting if one.offset <= stored_through], -1)
            self._waiting = [one for one in self._waiting if one.offset > stored_through]
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
        log_id = self._checkpoints.origin(self._partition).log_id
        intent = pending or self._intent(records)
        block = Block(self._partition, log_id, intent, records, repeated=pending is not None)
        one = _InHand(self._write(block), block)
        self._in_hand.append(one)
        await self._hold(one)
        if self._failing:
            # It comes next to the budget at its turn, behind the block that fails.
            self._put_down(one)
        else:
            await one.write.work_ahead()
        built.put_nowait(one)

    async def _write_blocks(self, built: "asyncio.Queue[_InHand]") -> None:
        while True:
            await self._write_next(built)

    async def _write_next(self, built: "asyncio.Queue[_InHand]") -> None:
        one = await built.get()
        await self._hold(one)
        await one.write.run(self._rest)
        self._failing = False
        self.stored_through = one.last
        await self._finish(one)

    async def _rest(self, pause_s: float) -> None:
        """Waits before the next try of a block, and gives its memory to others meanwhile."""
        self._failing = True
        for one in self._in_hand:
            self._put_down(one)
        await asyncio.sleep(pause_s)
        await self._hold(self._in_hand[0])

    async def _hold(self, one: _InHand) -> None:
        if not one.taken:
            one.taken = await self._budget.take(one.size)

    def _put_down(self, one: _InHand) -> None:
        one.write.put_down()
        self._budget.give_back(one.taken)
        one.taken = 0

    def _intent(self, records: list[Delivery]) -> Intent:
        epoch = self._checkpoints.origin(self._partition).epoch
        return Intent(records[0].offset, records[-1].offset, epoch=epoch)

    def _write(self, block: Block) -> BlockWrite:
        pause = self._limits.longest_pause_s
        return BlockWrite(block, self._step, self._checkpoints, self._store, longest_pause_s=pause)

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
            await self._wait_full(pause)
        self._last_start = time.monotonic()
        async with self._changed:
            count = self._count(pending)
            taken, self._waiting = self._waiting[:count], self._waiting[count:]
            self._weigh(taken, -1)
            self._changed.notify_all()
        return taken

    async def _wait_full(self, at_most_s: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(at_most_s), self._changed:
                await self._changed.wait_for(
                    lambda: (
                        len(self._waiting) >= self._limits.max_records
                        or self._waiting_plain >= self._limits.max_bytes
                        or self._waiting_bytes >= self._limits.max_partition_waiting_bytes
                    )
                )

    def _weigh(self, records: Sequence[Delivery], sign: int) -> None:
        self._waiting_bytes += sign * sum(len(one.value or b"") for one in records)
        self._waiting_plain += sign * sum(plain_size(one.value) for one in records)

    def _count(self, pending: Intent | None) -> int:
        if pending is not None:
            return sum(record.offset <= pending.last for record in self._waiting)
        size = 0
        for count, record in enumerate(self._waiting[: self._limits.max_records]):
            size += plain_size(record.value)
            if count and size > self._limits.max_bytes:
                return count
        return min(len(self._waiting), self._limits.max_records)

    async def _finish(self, one: _InHand) -> None:
        for record in one.records:
            record.ack()
        self._budget.give_back(one.taken)
        async with self._changed:
            self._in_hand.popleft()
            self._ahead.release()
            self._changed.notify_all()
