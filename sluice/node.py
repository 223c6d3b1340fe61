"""`sluice up`: one process that holds everything, with stores that are files."""

import asyncio
import time
from collections.abc import Mapping
from datetime import UTC, datetime

import structlog

from api.deploys.feeds import Feeds
from api.read_backs import ReadBacks
from clickhouse.client import Warehouse
from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.initial import ensure_initial, seed_of
from eventlog import transport
from eventlog.group_commit import Limits
from eventlog.log import TopicPartition
from eventlog.sqlite_log import SqliteLog
from eventlog.tail import SqliteTail
from eventlog.topics import AGENT_TOPICS
from ingest.edge import Edge
from processors.agents import create_stream_app
from processors.exports.scheduled import Schedules, places_of
from processors.project_list import ProjectList
from processors.purge import Purge
from processors.retention import DAY_MS, Retention, retain
from processors.sink import Sink, tell_waiting
from schemas import metrics
from schemas.kinds import DEPLOYS
from schemas.settings import SettingsError
from sluice.accounts import add_accounts, add_database, keep_fresh
from sluice.alerting import add_delivery
from sluice.app_traffic import add_apps
from sluice.commands.options import address_of
from sluice.deploying import add_deployer
from sluice.edges.adding import add_edges
from sluice.edges.tally import OWNERS_ROW
from sluice.ending import to_its_end
from sluice.erasing import erasures
from sluice.hearing import add_hearing
from sluice.ingestion import add_edge
from sluice.judge_words import add_judge_words
from sluice.lean import begin_lean
from sluice.limits import edge_limits_of
from sluice.lock import hold
from sluice.otlp_receiver import add_otlp_receiver
from sluice.parts import Parts, Resources
from sluice.patience import at_once
from sluice.pipeline_state import add_own_pipeline
from sluice.probing import add_only_prober
from sluice.process import Process
from sluice.room import refuse_full_disk
from sluice.secret import find_secret
from sluice.stores import add_own_store
from sluice.stream import open_sink, start_stream
from sluice.systems import open_systems, tables
from sluice.upkeep import ALONE_EVERY_S, FOLLOW_EVERY_S, PURGE_EVERY_S, RETENTION_EVERY_S
from sluice.web import out_routes

log = structlog.get_logger(__name__)


async def open_parts(process: Process) -> None:
    """Opens the stores side by side, brings them up to date, and starts the stream."""
    begin_lean()
    settings, paths = process.settings, process.paths
    if settings.kafka_url:
        raise SettingsError(
            "SLUICE_KAFKA_URL: sluice up keeps events in a file of its own; leave the variable out,"
            " or start sluice edge, sluice worker and sluice api, which use Kafka"
        )
    process.stack.callback(hold(paths.lock, address_of(settings)).close)
    refuse_full_disk(paths.data_dir)
    find_secret(settings.secret, paths.data_dir)  # a broken one is said before anything is made
    database = Database(paths.database_url)
    opening = (
        asyncio.create_task(add_own_store(process)),
        asyncio.create_task(
            asyncio.to_thread(open_systems, Resources(paths.cache, database, settings))
        ),
        asyncio.create_task(_open_log(process)),
        asyncio.create_task(_add_control_plane(process, database)),
    )
    # Where one fails the others are waited for, so that what they open is closed.
    await to_its_end(asyncio.wait(opening))
    store, parts, own_log, accounts = opening
    warehouse, systems, event_log, vault = await asyncio.gather(store, parts, own_log, accounts)
    await keep_fresh(process, systems)
    interval_ms = settings.block_interval_ms
    sink = open_sink(process, warehouse, systems, event_log, block_interval_ms=interval_ms)
    sink.start()
    await to_its_end(_add_stream(process, event_log, sink))
    add_only_prober(process, database, vault, event_log)
    add_deployer(process, database, vault, event_log, add_apps(process, database, vault))
    add_hearing(process, database, vault, event_log)
    add_judge_words(process, database, event_log)
    _add_http(process, warehouse, systems, event_log, sink)
    add_edges(process, event_log)
    await add_otlp_receiver(process)
    _add_upkeep(process, database, warehouse, event_log, systems)


def _add_upkeep(
    process: Process, database: Database, warehouse: Warehouse, event_log: SqliteLog, systems: Parts
) -> None:
    purge = Purge(database, warehouse, log=event_log)
    retention = Retention(process.settings, database, warehouse, keepers=systems.keep_in(warehouse))
    process.upkeep += [
        *((ALONE_EVERY_S, start(warehouse, event_log)) for start in systems.alone),
        (PURGE_EVERY_S, purge.run),
        (ALONE_EVERY_S, erasures(database, warehouse, event_log).work),
        (ALONE_EVERY_S, Schedules(database, warehouse, places_of(process.settings)).work),
        (FOLLOW_EVERY_S, ProjectList(database, warehouse).follow),
        (RETENTION_EVERY_S, lambda: retain(event_log, retention, datetime.now(UTC))),
    ]


def _add_http(
    process: Process, warehouse: Warehouse, systems: Parts, event_log: SqliteLog, sink: Sink
) -> None:
    settings = process.settings

    async def wait_stored(offsets: Mapping[TopicPartition, int]) -> None:
        await asyncio.gather(*(sink.wait_stored(*one) for one in offsets.items()))

    read_backs = ReadBacks(warehouse, tables(), settings, wait_stored)
    edge = Edge(
        event_log,
        systems.forms,
        edge_limits_of(settings),
        read_back=read_backs.read_back,
        lags_s=sink.lags_s,
        fullness=lambda: event_log.stored_bytes / settings.log_max_bytes,
        in_hand=process.children.tally.bodies(OWNERS_ROW) if process.children else None,
    )
    add_edge(process, edge)
    add_own_pipeline(process, event_log)
    process.routes += out_routes()
    process.state |= {"warehouse": warehouse, "outgoing": read_backs.outgoing, **systems.state}
    process.state["deploy_feeds"] = Feeds(SqliteTail(event_log, DEPLOYS.name))


async def _add_control_plane(process: Process, database: Database) -> Vault:
    await add_database(process, database, at_once)
    vault = await add_accounts(process, database)
    add_delivery(process, database, vault)
    process.initial = await ensure_initial(database, vault, seed_of(process.settings))
    return vault


async def _open_log(process: Process) -> SqliteLog:
    settings = process.settings
    limits = Limits(
        max_bytes=settings.log_max_bytes,
        keep_ms=settings.log_keep_hours * 3_600_000,
        dead_keep_ms=settings.kept_days * DAY_MS,
    )
    event_log = await asyncio.to_thread(
        SqliteLog, process.paths.log, partitions=settings.log_partitions, limits=limits
    )
    add_log(process, event_log)
    return event_log


def add_log(process: Process, event_log: SqliteLog) -> None:
    """Adds the open log, without which the process is not ready."""

    async def damaged() -> str:
        await asyncio.shield(asyncio.wrap_future(event_log.damaged))
        return "the log's file is damaged; the next start sets it aside"

    async def has_room() -> None:
        refuse_full_disk(process.paths.data_dir)
        await event_log.check_room()

    process.ready["log"] = has_room
    process.faults.append(damaged)
    process.gauges.append(lambda: _measure(event_log))
    process.stack.push_async_callback(asyncio.to_thread, event_log.close)


async def _add_stream(process: Process, event_log: SqliteLog, sink: Sink) -> None:
    transport.register()
    stream = create_stream_app(
        broker=f"{transport.SCHEME}://",
        topics=AGENT_TOPICS,
        deliver=sink.deliver,
        has_room=sink.has_room,
        data_dir=process.paths.faust,
        carried={"event_log": event_log},
    )
    await start_stream(process, stream, sink)

    async def stop() -> None:
        drained = await _drain(event_log, sink, process.drain_s)
        log.info("stream stopped", drained=drained)
        await stream.stop()

    process.stack.push_async_callback(stop)


async def _drain(event_log: SqliteLog, sink: Sink, timeout_s: float) -> bool:
    """Waits until the log holds nothing that is not stored."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        places = await event_log.places()
        if not any(place.waiting for place in places.values()):
            return await sink.drain(max(0.1, deadline - time.monotonic()))
        await asyncio.sleep(0.02)
    return False


def _measure(event_log: SqliteLog) -> None:
    metrics.LOG_BYTES.set(event_log.stored_bytes)
    metrics.LOG_QUEUED_BYTES.set(event_log.queued_bytes)
    tell_waiting({one: at for one, at in event_log.states().items() if one.topic in AGENT_TOPICS})
