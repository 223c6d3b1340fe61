"""What the processes of a distributed installation have in common: where things are, and a start
that waits for engines which are not up yet."""

import asyncio
import os
import socket
from functools import partial
from pathlib import Path

import msgspec
import structlog

from clickhouse.client import Warehouse, path_of
from clickhouse.migrate import ensure_migrated
from eventlog.kafka_address import BadAddress, KafkaAddress, KafkaSecurity, address_of
from eventlog.kafka_topics import (
    FOREVER_MS,
    TopicSettings,
    TopicsState,
    TopicState,
    check_topics,
    max_message_bytes,
)
from eventlog.kafka_writer import KafkaLimits
from eventlog.log import LogUnavailable
from eventlog.topics import BY_NAME
from schemas.settings import PREFIX, Settings, SettingsError
from sluice.paths import Paths
from sluice.patience import patiently

DAY_MS = 86_400_000

log = structlog.get_logger(__name__)


def kafka_of(settings: Settings) -> KafkaAddress:
    """Returns the cluster that the settings name. Raises `SettingsError`."""
    if not settings.kafka_url:
        raise SettingsError(
            f"{PREFIX}KAFKA_URL: this process needs kafka://HOST:PORT; sluice up needs no Kafka"
        )
    security = KafkaSecurity(
        protocol=settings.kafka_security_protocol,
        mechanism=settings.kafka_sasl_mechanism,
        username=settings.kafka_sasl_username,
        password=settings.kafka_sasl_password,
        ca_file=settings.kafka_ca_file,
    )
    try:
        return address_of(settings.kafka_url, settings.kafka_topic_prefix, security)
    except BadAddress as error:
        raise SettingsError(f"{PREFIX}KAFKA_URL: {error}") from error


def topic_settings_of(settings: Settings) -> TopicSettings:
    """Returns what the topics of this installation are made with."""
    return TopicSettings(
        partitions=settings.log_partitions,
        replication=settings.kafka_replication,
        retention_ms=settings.kafka_retention_hours * 3_600_000,
        dead_retention_ms=settings.retention_days * DAY_MS or FOREVER_MS,
        max_item_bytes=settings.max_item_bytes,
    )


def kafka_limits_of(settings: Settings) -> KafkaLimits:
    """Returns what an edge holds on the way to Kafka."""
    return KafkaLimits(
        max_message_bytes=max_message_bytes(settings.max_item_bytes),
        produce_timeout_ms=settings.kafka_produce_timeout_ms,
        linger_ms=settings.kafka_linger_ms,
        spool_max_bytes=settings.spool_max_bytes,
    )


def server_paths(paths: Paths) -> Paths:
    """Returns the paths, once none of them is of a store that only one process can open.

    Raises `SettingsError`.
    """
    if path_of(paths.warehouse_url) is not None:
        raise SettingsError(
            f"{PREFIX}WAREHOUSE_URL: sluice edge, worker and api share one store:"
            " give http://… of a ClickHouse server, or of sluice warehouse"
        )
    return paths


def process_name() -> str:
    """Returns this process's name, as checkpoints and log lines show it."""
    return f"{socket.gethostname()}:{os.getpid()}"


async def find_topics(
    address: KafkaAddress, settings: Settings, remembered: Path | None = None
) -> TopicsState:
    """Checks the topics, waiting for a cluster that is not up yet. Raises `TopicsError`.

    With a file that remembers them from before, the cluster is not waited for: an edge that starts
    while Kafka is away takes events into its spool.
    """
    ask = partial(asyncio.to_thread, check_topics, address, topic_settings_of(settings))
    if remembered is None:
        return await patiently(ask, "Kafka")
    try:
        found = await ask()
    except LogUnavailable as error:
        known = await asyncio.to_thread(_recall, remembered)
        if known is not None:
            log.warning("Kafka is away, its topics are taken to be as before", reason=str(error))
            return known
        found = await patiently(ask, "Kafka")
    await asyncio.to_thread(_remember, remembered, found)
    return found


def _recall(path: Path) -> TopicsState | None:
    """Returns what is remembered; a version that has a topic more knows too little."""
    try:
        known = msgspec.json.decode(path.read_bytes(), type=dict[str, TopicState])
    except (FileNotFoundError, msgspec.DecodeError):
        return None
    return known if known.keys() >= BY_NAME.keys() else None


def _remember(path: Path, topics: TopicsState) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = path.with_suffix(".new")
    whole.write_bytes(msgspec.json.encode(topics))
    whole.replace(path)


async def open_warehouse(url: str, *, readers: int) -> Warehouse:
    """Opens a store that `sluice migrate` has brought up to date. Raises `MigrationError`."""
    warehouse = Warehouse(url, readers=readers)
    try:
        await patiently(partial(asyncio.to_thread, ensure_migrated, warehouse), "the store")
    except BaseException:
        await asyncio.to_thread(warehouse.close)
        raise
    return warehouse
