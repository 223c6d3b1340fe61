"""`sluice edge`: takes events in and answers when they are durable. Any number of them."""

import asyncio
from collections.abc import Mapping

from api.read_backs import ReadBacks
from clickhouse.client import Warehouse
from controlplane.database import Database
from controlplane.progress import PartitionProgress
from eventlog.log import TopicPartition
from eventlog.spool import SPOOLED
from ingest.edge import Edge
from ingest.stored_watch import StoredWatch
from sluice.accounts import add_accounts, add_database
from sluice.cluster import find_topics, kafka_of, server_paths
from sluice.commands.options import address_of
from sluice.hearing import add_hearing
from sluice.ingestion import add_edge
from sluice.judge_words import add_judge_words
from sluice.kafka_edge import add_kafka_log, open_kafka_log
from sluice.limits import edge_limits_of
from sluice.lock import hold
from sluice.otlp_receiver import add_otlp_receiver
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
    event_log = await asyncio.to_thread(open_kafka_log, process, kafka, topics)
    add_kafka_log(process, event_log)
    add_hearing(process, database, vault, event_log)
    add_judge_words(process, database, event_log)
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
    await add_otlp_receiver(process)
    process.routes += OPERATIONS
