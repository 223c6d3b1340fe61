"""Faust over Kafka: `kafka://`, with what stock Faust and aiokafka get wrong fixed.

Kafka says who reads a partition. The partition's holder (`PartitionHolder`, with the checkpoints of
the control plane) says from where, and keeps a reader that was paused and replaced from writing.
Offsets are committed to the consumer group too, for the tools that show a group's lag, but nothing
is ever read from there: a group that expired, or was reset, changes nothing.

The app that uses it must carry `kafka_options` (of `aiokafka.AIOKafkaConsumer`) and
`partition_holder` before it starts.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, ClassVar

import structlog
from aiokafka import AIOKafkaConsumer
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.errors import (
    IllegalStateError,
    KafkaError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
)
from aiokafka.structs import OffsetAndMetadata
from aiokafka.structs import TopicPartition as KafkaPartition
from faust import Service
from faust.transport import consumer as stock_fetcher
from faust.transport.drivers import TRANSPORTS
from faust.transport.drivers import aiokafka as stock
from faust.transport.producer import Producer
from faust.types import TP

from eventlog.faust_fixes import FairConsumer
from eventlog.kafka_offsets import HOW_TO_FIX
from eventlog.log import OffsetsGone, PartitionHolder, RecordsSkipped, TopicPartition

SCHEME = "kafka"
NEVER_MS = 2**31 - 1
"""A store that is away for days is no reason to leave the group: the metrics tell of a lag."""
PLACED_POLL_S = 0.02
"""How soon a fetch begins when new partitions have been taken."""
CHECK_S = 1.0

log = structlog.get_logger(__name__)


def register() -> None:
    """Makes Faust use this transport for the scheme. May be called twice."""
    TRANSPORTS.aliases[SCHEME] = "eventlog.kafka_transport:Transport"


class ConsumerThread(stock.AIOKafkaConsumerThread):  # type: ignore[misc]  # Faust ships no types
    """The thread in which aiokafka lives."""

    def _create_worker_consumer(self, transport: "Transport") -> AIOKafkaConsumer:
        """Fixes: a group without offsets begins at one end or the other, without a word."""
        return AIOKafkaConsumer(
            **self.app.kafka_options,
            group_id=self.app.conf.id,
            enable_auto_commit=False,
            auto_offset_reset="none",
            partition_assignment_strategy=[RoundRobinPartitionAssignor],
            max_poll_interval_ms=NEVER_MS,
            check_crcs=True,
        )

    @Service.task  # type: ignore[untyped-decorator]
    async def _watch(self) -> None:
        """Fixes: what aiokafka cannot go on after is told to a fetch alone, and it waits for that.

        None is made while partitions change hands, which is when most of it happens.
        """
        while not self.should_stop:
            await self.sleep(CHECK_S)
            try:
                self._ensure_consumer()._coordinator.check_errors()
            except Exception as error:
                log.error("kafka's client cannot go on", reason=repr(error))
                asyncio.run_coroutine_threadsafe(self.consumer.crash(error), self.parent_loop)
                return

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Fixes: who takes longer than a session is thrown out of the group meanwhile.

        aiokafka sends no heartbeats before this call has ended.
        """
        self._ensure_consumer()._coordinator._start_heartbeat_task()
        await super().on_partitions_assigned(assigned, generation_id)

    async def on_thread_stop(self) -> None:
        """Fixes: a stop waits for a rebalance that is under way.

        And that for an answer of the holder, through a queue that may be closed by then.
        """
        coordinator = self._consumer and self._consumer._coordinator
        # None, where it never came as far as to Kafka.
        if coordinator is not None:
            coordinator._coordination_task.cancel()
            await asyncio.wait([coordinator._coordination_task])
        await super().on_thread_stop()

    async def seek_all(self, offsets: Mapping[TP, int]) -> None:
        """Goes to the given places, of partitions that are still ours."""
        await self.call_thread(self._seek_all, offsets)

    async def _seek_all(self, offsets: Mapping[TP, int]) -> None:
        consumer = self._ensure_consumer()
        mine = consumer.assignment()
        for tp, offset in offsets.items():
            partition = KafkaPartition(*tp)
            if partition in mine:
                consumer.seek(partition, offset)

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        """Fixes: a commit that fails ends the app. It is tried again with the next."""
        consumer = self._ensure_consumer()
        assigned = consumer.assignment()
        mine = {
            KafkaPartition(*tp): OffsetAndMetadata(offset, "")
            for tp, offset in offsets.items()
            if KafkaPartition(*tp) in assigned
        }
        if not mine:
            return True
        try:
            await consumer.commit(mine)
        except (KafkaError, IllegalStateError) as error:
            log.info("offsets not committed, the next commit will", reason=repr(error))
            return False
        return True


class Consumer(FairConsumer, stock.Consumer):  # type: ignore[misc]
    """Reads the partitions that Kafka assigns, from where their holder says."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._starts: dict[TP, int] = {}
        self._is_placed = False
        """Whether the partitions are read from where their holder said."""
        self._told: dict[TP, int] = {}
        """What is stored, as it was committed last."""
        self._moving = asyncio.Lock()
        """Held while records are fetched, and while the places change that they come from."""
        super().__init__(*args, **kwargs)

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Stops the flow, then lets the holder store what it has in hand, for a bounded time.

        Ends the app where that fails, which aiokafka would only note down.
        """
        self._is_placed = False
        self._starts = {}
        try:
            await super().on_partitions_revoked(revoked)
            await self._holder.let_go([TopicPartition(*tp) for tp in revoked])
        except Exception as error:
            log.error("partitions not let go", reason=repr(error))
            await self.crash(error)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Takes the partitions over before the first record of them is read.

        Ends the app where that fails, as where the log does not hold what has to be read next:
        aiokafka would only note it down, and nobody would ever read the partitions.
        """
        try:
            taken = await self._holder.take([TopicPartition(*tp) for tp in assigned])
            self._starts = {TP(*tp): offset for tp, offset in taken.items()}
            await super().on_partitions_assigned(assigned, generation_id)
        except Exception as error:
            log.error("partitions not taken", reason=repr(error))
            await self.crash(error)

    async def commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:
        """Tells Kafka's tools what is stored, where that has changed."""
        taken = [TopicPartition(*tp) for tp in self._starts]
        stored = {TP(*tp): at for tp, at in self._holder.stored(taken).items()}
        if stored != self._told and await self._thread.commit(stored):
            self._told = stored
        return stored == self._told

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Goes to where the holder said; what the group has committed does not count.

        Fixes: Faust may finish a revoked assignment late and resume the flow. Nothing is read until
        the new partitions are taken.
        """
        starts = self._starts
        if not starts:
            return {}
        async with self._moving:
            await self._thread.seek_all(starts)
            self._is_placed = self._starts is starts
        return dict(starts)

    async def _getmany(
        self, active_partitions: set[TP] | None, timeout: float
    ) -> Mapping[TP, list[Any]]:
        if not self._may_deliver():
            await self.sleep(PLACED_POLL_S)
            return {}
        try:
            async with self._moving:
                records: Mapping[TP, list[Any]] = await super()._getmany(active_partitions, timeout)
            # Of partitions that are gone, or begin anew, they are fetched again by who has them.
            return records if self._may_deliver() else {}
        except NoOffsetForPartitionError:
            # aiokafka begins to fetch from the group's own offsets before it is told otherwise.
            return {}
        except OffsetOutOfRangeError as error:
            if not self._is_placed:
                return {}
            # Retention has overtaken a worker that could not store for as long.
            raise OffsetsGone(
                f"the log no longer holds what is next: {error!r}; {HOW_TO_FIX}"
            ) from error

    async def _deliver(self, tp: TP, message: Any) -> None:
        """Hands a record over, unless its partition was let go since it was fetched.

        Raises `RecordsSkipped`, which ends the app, where those before it went to nobody.
        """
        if not self._may_deliver():
            return
        due = self._read_offset[tp]
        if due is not None and message.offset > due:
            raise RecordsSkipped(f"{tp} goes on at {message.offset}, not at {due}")
        await super()._deliver(tp, message)

    def _may_deliver(self) -> bool:
        # Asked anew after each wait: partitions come and go meanwhile.
        return self._is_placed

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Says nothing: stock Faust calls a store that is away a livelock, once a second."""

    @property
    def _holder(self) -> PartitionHolder:
        holder: PartitionHolder = self.app.partition_holder
        return holder


class Fetcher(stock_fetcher.Fetcher):  # type: ignore[misc]
    """What asks the consumer for records, for as long as the app runs."""

    @Service.task  # type: ignore[untyped-decorator]
    async def _fetcher(self) -> None:
        """Fixes: a stop while partitions change hands is taken for a crash of the whole app."""
        try:
            await self.app.consumer._drain_messages(self)
        except asyncio.CancelledError:
            pass
        finally:
            self.set_shutdown()


class Transport(stock.Transport):  # type: ignore[misc]
    """What Faust looks up under the scheme."""

    Fetcher: ClassVar[type[Fetcher]] = Fetcher
    Consumer: ClassVar[type[Consumer]] = Consumer
    # Faust asks for one, and never uses it: the edge writes to the log itself.
    Producer: ClassVar[type[Producer]] = Producer
    driver_version = "sluice kafka"
