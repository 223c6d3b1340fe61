"""Where the partitions of a Kafka log begin and end, asked beside the stream.

Not through the stream's own client: aiokafka cancels such requests while a group rebalances, which
is when they are needed. Nor through librdkafka, which asks for leaders that it does not know again
after 1, 2 and 4 seconds where it has missed the first answer: under load that is one time in five,
and a rebalance waits for it.
"""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import NamedTuple, Self

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition as KafkaPartition

from eventlog.kafka_address import KafkaAddress
from eventlog.log import LogUnavailable, OffsetsGone, TopicPartition
from schemas.checkpoints import Progress

TIMEOUT_S = 10.0
HOW_TO_FIX = "docs/operations.md, 'Offsets that are gone', says what to do"


class Ends(NamedTuple):
    """The first offset that a partition holds, and the one that its next record will have."""

    begin: int
    end: int


class OffsetReader:
    """Asks the cluster; share it in an event loop, and close it there."""

    def __init__(self, address: KafkaAddress) -> None:
        self._address = address
        self._consumer: AIOKafkaConsumer | None = None
        self._starting = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def read_ends(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, Ends]:
        """Returns where each partition begins and ends. Raises `LogUnavailable`."""
        if not partitions:
            return {}
        places = [KafkaPartition(*partition) for partition in partitions]
        async with self._asking() as consumer:
            begins = await consumer.beginning_offsets(places)
            ends = await consumer.end_offsets(places)
        return {TopicPartition(*place): Ends(begins[place], ends[place]) for place in places}

    async def read_since(
        self, partitions: Collection[TopicPartition], at_ms: int
    ) -> dict[TopicPartition, int | None]:
        """Returns the first offset of a time or later, `None` for none. Raises `LogUnavailable`."""
        asked = {KafkaPartition(*partition): at_ms for partition in partitions}
        async with self._asking() as consumer:
            found = await consumer.offsets_for_times(asked)
        return {TopicPartition(*place): at.offset if at else None for place, at in found.items()}

    async def close(self) -> None:
        """Leaves the cluster; whoever asks again comes back to it."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await consumer.stop()

    @asynccontextmanager
    async def _asking(self) -> AsyncIterator[AIOKafkaConsumer]:
        try:
            async with asyncio.timeout(TIMEOUT_S):
                yield await self._started()
        except (KafkaError, TimeoutError) as error:
            # It knows the brokers that it has seen; a new one asks those of the settings.
            await self.close()
            raise LogUnavailable(f"Kafka does not tell its offsets: {error!r}") from error

    async def _started(self) -> AIOKafkaConsumer:
        async with self._starting:
            if self._consumer is None:
                # A member of no group, so that no rebalance touches it.
                consumer = AIOKafkaConsumer(**self._address.aiokafka())
                try:
                    await consumer.start()
                except BaseException:
                    await consumer.stop()
                    raise
                self._consumer = consumer
            return self._consumer


def ensure_there(partition: TopicPartition, progress: Progress, ends: Ends) -> None:
    """Raises `OffsetsGone` where the log begins behind, or ends before, what is to be read next.

    Or within a block that may be half-written: other records would get the missing offsets, and
    what the block has stored already would be stored beside them or in their stead.
    """
    place = f"{partition.topic}/{partition.partition}"
    start, pending = progress.next_offset, progress.pending
    if start < ends.begin:
        lost = (
            f"records {start} to {ends.begin - 1} of {place} were deleted before they were stored"
        )
        raise OffsetsGone(f"{lost}; {HOW_TO_FIX}")
    if start > ends.end:
        raise OffsetsGone(f"{place} ends at {ends.end}, and {start} is next to store; {HOW_TO_FIX}")
    if pending is not None and pending.last >= ends.end:
        block = f"the block of {pending.first} to {pending.last} may be half-written"
        raise OffsetsGone(f"{place} ends at {ends.end}, and {block}; {HOW_TO_FIX}")
