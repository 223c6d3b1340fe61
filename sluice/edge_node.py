"""`sluice edge`: takes events in and answers when they are durable. Any number of them."""

import asyncio
from collections.abc import Mapping

from api.read_backs import ReadBacks
from clickhouse.client import Warehouse
from controlplane.database import Database
from controlplane.progress import PartitionProgress
from eventlog.kafka_address import KafkaAddress
from eventlog.kafka_log import KafkaLog
from eventlog.kafka_topics import TopicsState
from eventlog.log import TopicPartition
from eventlog.spool import SPOOLED
from ingest.edge import NEARLY_FULL, Edge
from ingest.stored_watch import StoredWatch
from schemas import metrics
from sluice.accounts import add_accounts, add_database
from sluice.cluster import find_topics, kafka_limits_of, kafka_of, server_paths
from sluice.commands.options import address_of
from sluice.hearing import add_hearing
from sluice.ingestion import add_edge
from sluice.limits import edge_limits_of
from sluice.lock import hold
from sluice.parts import Resources
from sluice.patience import patiently
from sluice.process import Process
from sluice.stores import close_at_stop
from sluice.systems import open_systems, tables
from sluice.web import OPERATIONS


async def open_parts(process: Process) -> None:
    """Opens what events need: keys, the spool, and Kafka if it is there."""
    settings, paths = process.settings, server_paths(process.paths)
    kafka = kafka_of(settings)
    # The spool is this process's own.
    process.stack.callback(hold(paths.lock, address_of(settings)).close)
    database = Database(paths.database_url)
    await add_database(process, database, patiently)
    vault = await add_accounts(process, database)
    # Only `/batch` reads the store: events are taken even when the store is down.
    warehouse = Warehouse(paths.warehouse_url, readers=settings.query_threads)
    close_at_stop(process, warehouse)
    topics = await find_topics(kafka, settings, remembered=paths.data_dir / "topics.json")
    systems = await asyncio.to_thread(open_systems, Resources(paths.cache, database, settings))
    event_log = await asyncio.to_thread(_open_log, process, kafka, topics)
    _add_log(process, event_log)
    add_hearing(process, database, vault, event_log)
    watch = StoredWatch(PartitionProgress(database), topics)
    process.stack.push_async_callback(watch.close)

    async def wait_stored(offsets: Mapping[TopicPartition, int]) -> None:
        if SPOOLED in offsets.values():
            raise TimeoutError("Kafka is away: nobody can store it soon")
        await watch.wait_stored(offsets)

    edge = Edge(
        event_log,
        systems.forms,
        edge_limits_of(settings),
        read_back=ReadBacks(warehouse, tables(), settings, wait_stored).read_back,
        # Kafka holds what the workers have not stored; their lag is not known here.
        lags_s=lambda: (),
        fullness=lambda: event_log.fullness,
    )
    add_edge(process, edge)
    process.routes += OPERATIONS


def _open_log(process: Process, kafka: KafkaAddress, topics: TopicsState) -> KafkaLog:
    settings = process.settings
    counts = {name: state.partitions for name, state in topics.items()}
    spool = process.paths.data_dir / "spool.db"
    return KafkaLog(kafka, counts, spool, kafka_limits_of(settings))


def _add_log(process: Process, event_log: KafkaLog) -> None:
    async def damaged() -> str:
        # Any other fault passes without a new start.
        await asyncio.shield(asyncio.wrap_future(event_log.damaged))
        return "the spool's file is damaged; the next start sets it aside"

    async def check() -> None:
        if event_log.fullness >= NEARLY_FULL:
            raise RuntimeError("Kafka does not answer and the spool is nearly full")

    def measure() -> None:
        metrics.LOG_QUEUED_BYTES.set(event_log.queued_bytes)
        metrics.SPOOL_BYTES.set(event_log.stored_bytes)

    process.ready["log"] = check
    process.faults.append(damaged)
    process.gauges.append(measure)
    process.stack.push_async_callback(asyncio.to_thread, event_log.close)
