"""`sluice worker`: reads partitions of the log and stores them; any number share the work."""

import asyncio
import time
from collections.abc import Awaitable, Mapping, Set
from typing import Any

import structlog

from clickhouse.client import Warehouse
from controlplane.database import Database
from controlplane.progress import PartitionProgress
from eventlog import kafka_transport
from eventlog.kafka_dead import KafkaDeadLetters
from eventlog.kafka_offsets import OffsetReader
from eventlog.kafka_topics import TopicsState
from eventlog.log import LogError, PartitionState, TopicPartition
from eventlog.topics import AGENT_TOPICS, OUTCOMES
from processors.agents import create_stream_app
from processors.ownership import FLUSH_S, Checkpoints, Holder
from processors.pipeline import WarehouseInserts, build_steps
from processors.sink import Sink
from schemas import metrics
from schemas.projects import ProjectId
from schemas.settings import Settings
from sluice.cluster import (
    find_topics,
    kafka_of,
    migrate_control_plane,
    open_warehouse,
    process_name,
    server_paths,
)
from sluice.ending import ends_within
from sluice.lean import begin_lean
from sluice.limits import block_limits_of
from sluice.parts import Resources
from sluice.paths import paths_of
from sluice.systems import open_systems

STREAM_STOP_S = 2.0
"""The time to leave the group. A worker that does not leave keeps its partitions until the
session's timeout."""
CLOSE_TIMEOUT_S = 1.0
LOST_PATIENCE_S = 60.0
"""A worker that lost partitions in a pause hears within seconds from Kafka what it owns now."""
LOST_CHECK_S = 1.0

log = structlog.get_logger(__name__)


class WorkerNode:
    """The stream and the sink. Open it once; stop it once."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.paths = server_paths(paths_of(settings))
        self.kafka = kafka_of(settings)
        self.database = Database(self.paths.database_url)
        self.warehouse: Warehouse
        self.sink: Sink
        self.topics: TopicsState
        self.progress = PartitionProgress(self.database)
        self.offsets = OffsetReader(self.kafka)
        self.dead_letters: KafkaDeadLetters
        self.log_trouble = ""
        """Why Kafka did not answer when it was asked last, empty when it did."""
        self._holder: Holder
        self._stream: Any = None

    async def start(self) -> None:
        """Waits for the engines, then joins the group of workers."""
        settings, paths = self.settings, self.paths
        begin_lean()
        await migrate_control_plane(self.database)
        self.topics = await find_topics(self.kafka, settings)
        self.warehouse = await open_warehouse(paths.warehouse_url, readers=settings.query_threads)
        parts = await asyncio.to_thread(open_systems, Resources(paths.cache, self.database))
        steps = build_steps(
            self.warehouse.urgent,
            parts.steps,
            window_s=settings.dedup_window_hours * 3600,
            log2_filter_bits=settings.dedup_filter_bits,
        )
        self.dead_letters = KafkaDeadLetters(self.kafka)
        checkpoints = Checkpoints(
            self.progress, self.topics, self.dead_letters.append, process_name()
        )
        limits = block_limits_of(settings, settings.worker_block_interval_ms)
        self.sink = Sink(steps, checkpoints, WarehouseInserts(self.warehouse), limits)
        our_name = {self.kafka.topic(name): name for name in self.topics}
        self._holder = Holder(checkpoints, self.sink, self.offsets.read_ends, our_name.__getitem__)
        await self._join()

    async def _join(self) -> None:
        settings, holder, sink = self.settings, self._holder, self.sink
        kafka_transport.register()
        self._stream = create_stream_app(
            broker=f"{kafka_transport.SCHEME}://{self.kafka.servers[0]}",
            topics=[self.kafka.topic(name) for name in AGENT_TOPICS],
            deliver=lambda partition, delivery: sink.deliver(holder.ours(partition), delivery),
            has_room=lambda partition: sink.has_room(holder.ours(partition)),
            data_dir=self.paths.faust,
            carried={
                "kafka_options": self.kafka.aiokafka()
                | {
                    "session_timeout_ms": settings.kafka_session_timeout_ms,
                    "heartbeat_interval_ms": settings.kafka_session_timeout_ms // 5,
                },
                "partition_holder": holder,
            },
            group=settings.kafka_group,
        )
        await self._stream.start()

    async def stop(self, timeout_s: float) -> bool:
        """Stores what it has in hand for a bounded time, and leaves the group.

        Returns `False` when something would not end: the process is then left without it.
        """
        stopped = True
        if self._stream is not None:
            self._stream.flow_control.suspend()
            self._stream.consumer.stop_flow()
            flushed = await self.sink.let_go(self.sink.partitions, min(FLUSH_S, timeout_s))
            log.info("stream stopped", flushed=flushed)
            stopped = await ends_within(self._stream.stop(), STREAM_STOP_S)
            if not stopped:
                log.warning("the stream would not stop")
            await self.sink.stop()
            await asyncio.to_thread(self.dead_letters.close)
        await self.offsets.close()
        await self.database.close()
        closed = await ends_within(asyncio.to_thread(self.warehouse.close), CLOSE_TIMEOUT_S)
        return stopped and closed

    def stream_runs(self) -> bool:
        """Tells whether the agents are at work."""
        stream = self._stream
        return stream is not None and bool(stream.started) and not stream.crashed

    async def places(self) -> Mapping[TopicPartition, PartitionState]:
        """Returns how far each partition has come, whoever owns it. Raises `LogUnavailable`."""
        stored = {name: await self._stored(name) for name in AGENT_TOPICS}
        partitions = [
            TopicPartition(name, number)
            for name in AGENT_TOPICS
            for number in range(self.topics[name].partitions)
        ]
        ends = await self.offsets.read_ends([self._theirs(one) for one in partitions])
        return {
            one: PartitionState(
                stored[one.topic].get(one.partition, -1), ends[self._theirs(one)].end
            )
            for one in partitions
        }

    async def purge_dead_letters(self, project_ids: Set[ProjectId]) -> None:
        """Drops every dead letter of some projects."""
        await self.dead_letters.purge(project_ids)

    async def measure_lag(self) -> None:
        """Tells the metrics how far behind the partitions of this worker are."""
        for topic in AGENT_TOPICS:
            # First: it needs no other system, so its alarm works while Kafka is down.
            metrics.LAG_SECONDS.labels(topic).set(self.sink.lag_s(topic))
        try:
            places, mine = await self.places(), self.sink.partitions
        except LogError as error:
            self.log_trouble = str(error)
            raise
        self.log_trouble = ""
        for topic in AGENT_TOPICS:
            records = sum(
                place.next_offset - 1 - place.stored_through
                for one, place in places.items()
                if one.topic == topic and one in mine
            )
            metrics.LAG_RECORDS.labels(topic).set(records)

    async def _stored(self, topic: str) -> Mapping[int, int]:
        held = await self.progress.read(self.topics[topic].log_id, topic)
        return {number: one.stored_through for number, one in held.items()}

    def _theirs(self, partition: TopicPartition) -> TopicPartition:
        return TopicPartition(self.kafka.topic(partition.topic), partition.partition)

    def is_leader(self) -> bool:
        """Tells whether this worker also does the work that only one worker may do."""
        return TopicPartition(OUTCOMES.name, 0) in self.sink.partitions

    async def wait_broken(self) -> str:
        """Returns, with the reason, when this process can do no more and must end."""
        stopped = asyncio.ensure_future(self._stream.wait_until_stopped())
        lost = asyncio.ensure_future(self._wait_lost())
        try:
            await asyncio.wait(
                {stopped, lost, self.sink.failed}, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            stopped.cancel()
            lost.cancel()
        if self.sink.failed.done():
            return f"a writer was stopped by a bug: {self.sink.failed.result()!r}"
        if lost.done() and not lost.cancelled():
            return f"partitions were taken over, and Kafka does not say so: {self.sink.lost}"
        return f"the stream has ended: {self._stream.crash_reason!r}"

    async def _wait_lost(self) -> None:
        since: float | None = None
        while since is None or time.monotonic() - since < LOST_PATIENCE_S:
            since = (since or time.monotonic()) if self.sink.lost else None
            await asyncio.sleep(LOST_CHECK_S)


class WorkerProbes:
    """What `/ready` and `/metrics` ask of a worker."""

    def __init__(self, node: WorkerNode) -> None:
        self._node = node

    def checks(self) -> Mapping[str, Awaitable[None]]:
        """Returns one check for each part; a check raises when its part does not work."""
        return {
            "stream": self._check_stream(),
            "store": self._check_store(),
            "control_plane": self._node.database.ping(),
        }

    def refresh_gauges(self) -> None:
        """Brings the gauges of the metrics up to date."""
        sink = self._node.sink
        metrics.OLDEST_UNACKED_SECONDS.set(sink.lag_s())
        metrics.PARTITIONS_OWNED.set(len(sink.partitions))

    async def _check_stream(self) -> None:
        if self._node.sink.failed.done():
            raise RuntimeError("a writer was stopped by a bug; see the log lines")
        if not self._node.stream_runs():
            raise RuntimeError("the Faust app is not running")
        if self._node.log_trouble:
            raise RuntimeError(self._node.log_trouble)

    async def _check_store(self) -> None:
        await self._node.warehouse.urgent.query("SELECT 1")
