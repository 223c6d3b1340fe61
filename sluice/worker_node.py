"""`sluice worker`: reads partitions of the log and stores them; any number share the work."""

import asyncio
import time
from datetime import UTC, datetime

import structlog

from clickhouse.client import Warehouse
from controlplane.database import Database
from controlplane.progress import PartitionProgress
from eventlog import kafka_transport
from eventlog.kafka_address import KafkaAddress
from eventlog.kafka_dead import KafkaDeadLetters
from eventlog.kafka_offsets import OffsetReader
from eventlog.log import TopicPartition
from eventlog.topics import AGENT_TOPICS, OUTCOMES
from processors.agents import create_stream_app
from processors.exports.scheduled import Schedules, places_of
from processors.ownership import FLUSH_S, Checkpoints, Holder
from processors.project_list import ProjectList
from processors.purge import Purge
from processors.retention import Retention, retain_shared
from processors.shared_log import SharedLog
from processors.sink import Sink
from schemas import metrics
from sluice.accounts import add_database, keep_fresh
from sluice.cluster import find_topics, kafka_of, open_warehouse, process_name, server_paths
from sluice.erasing import erasures
from sluice.lean import begin_lean
from sluice.parts import Resources
from sluice.patience import patiently
from sluice.process import Process
from sluice.stores import add_store
from sluice.stream import open_sink, start_stream
from sluice.systems import open_systems
from sluice.upkeep import (
    FOLLOW_EVERY_S,
    PURGE_EVERY_S,
    RETENTION_EVERY_S,
    Work,
    while_leading,
)
from sluice.web import OPERATIONS

LAG_EVERY_S = 5.0
STREAM_STOP_S = 2.0
"""The time to leave the group. A worker that does not leave keeps its partitions until the
session's timeout."""
LOST_PATIENCE_S = 60.0
"""A worker that lost partitions in a pause hears within seconds from Kafka what it owns now."""
LOST_CHECK_S = 1.0

log = structlog.get_logger(__name__)


async def open_parts(process: Process) -> None:
    """Waits for the engines, then joins the group of workers."""
    begin_lean()
    settings, paths = process.settings, server_paths(process.paths)
    kafka = kafka_of(settings)
    database, offsets = Database(paths.database_url), OffsetReader(kafka)
    progress = PartitionProgress(database)
    await add_database(process, database, patiently)
    topics = await find_topics(kafka, settings)
    warehouse = await open_warehouse(paths.warehouse_url, readers=settings.query_threads)
    add_store(process, warehouse)
    systems = await asyncio.to_thread(open_systems, Resources(paths.cache, database, settings))
    await keep_fresh(process, systems)
    dead_letters = KafkaDeadLetters(kafka)
    process.stack.push_async_callback(offsets.close)
    process.stack.push_async_callback(asyncio.to_thread, dead_letters.close)
    event_log = SharedLog(kafka, topics, progress, offsets=offsets, dead_letters=dead_letters)
    checkpoints = Checkpoints(progress, topics, dead_letters.append, process_name())
    interval_ms = settings.worker_block_interval_ms
    sink = open_sink(process, warehouse, systems, checkpoints, block_interval_ms=interval_ms)
    process.gauges.append(lambda: metrics.PARTITIONS_OWNED.set(len(sink.partitions)))
    our_name = {kafka.topic(name): name for name in topics}
    holder = Holder(checkpoints, sink, offsets.read_ends, our_name.__getitem__)
    await _join(process, kafka, holder, sink)
    _watch(process, event_log, sink)
    process.upkeep.append((LAG_EVERY_S, lambda: event_log.measure_lag(sink)))
    retention = Retention(settings, database, warehouse, keepers=systems.keep_in(warehouse))
    exports = Schedules(database, warehouse, places_of(settings))
    for work in (*_deletions(database, warehouse, event_log), exports.work):
        _lead(process, sink, work, every_s=0.0)
    for start in systems.alone:
        _lead(process, sink, start(warehouse, event_log), every_s=0.0)
    _lead(process, sink, ProjectList(database, warehouse).follow, every_s=FOLLOW_EVERY_S)
    _lead(
        process,
        sink,
        lambda: retain_shared(event_log, retention, datetime.now(UTC)),
        every_s=RETENTION_EVERY_S,
    )
    process.routes += OPERATIONS


def _deletions(database: Database, warehouse: Warehouse, log: SharedLog) -> tuple[Work, Work]:
    purge = Purge(database, warehouse, log=log)
    return purge.run, erasures(database, warehouse, log).work


async def _join(process: Process, kafka: KafkaAddress, holder: Holder, sink: Sink) -> None:
    session_ms = process.settings.kafka_session_timeout_ms
    options = {"session_timeout_ms": session_ms, "heartbeat_interval_ms": session_ms // 5}
    kafka_transport.register()
    stream = create_stream_app(
        broker=f"{kafka_transport.SCHEME}://{kafka.servers[0]}",
        topics=[kafka.topic(name) for name in AGENT_TOPICS],
        deliver=lambda partition, delivery: sink.deliver(holder.ours(partition), delivery),
        has_room=lambda partition: sink.has_room(holder.ours(partition)),
        data_dir=process.paths.faust,
        carried={"kafka_options": kafka.aiokafka() | options, "partition_holder": holder},
        group=process.settings.kafka_group,
    )
    await start_stream(process, stream, sink)

    async def flush() -> None:
        stream.flow_control.suspend()
        stream.consumer.stop_flow()
        flushed = await sink.let_go(sink.partitions, min(FLUSH_S, process.drain_s))
        log.info("stream stopped", flushed=flushed)

    process.close_within("stream", stream.stop, STREAM_STOP_S)
    process.stack.push_async_callback(flush)


def _watch(process: Process, event_log: SharedLog, sink: Sink) -> None:
    runs = process.ready["stream"]

    async def check() -> None:
        await runs()
        if event_log.trouble:
            raise RuntimeError(event_log.trouble)

    async def lost() -> str:
        since: float | None = None
        while since is None or time.monotonic() - since < LOST_PATIENCE_S:
            since = (since or time.monotonic()) if sink.lost else None
            await asyncio.sleep(LOST_CHECK_S)
        return f"partitions were taken over, and Kafka does not say so: {sink.lost}"

    process.ready["stream"] = check
    process.faults.append(lost)


def _lead(process: Process, sink: Sink, work: Work, *, every_s: float) -> None:
    """Adds what only one worker may do."""

    def is_leader() -> bool:
        return TopicPartition(OUTCOMES.name, 0) in sink.partitions

    process.upkeep.append((PURGE_EVERY_S, while_leading(is_leader, work, every_s=every_s)))
