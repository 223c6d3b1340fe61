"""`sluice migrate`: brings control plane and store up to date before a server starts."""

import asyncio
from functools import partial

import typer

from schemas.settings import Settings
from sluice.commands.control import opened
from sluice.commands.options import DataDir, settings_with
from sluice.lock import AlreadyRunning, hold
from sluice.paths import paths_of
from sluice.privacy import close_to_others


def migrate_all(data_dir: DataDir = None) -> None:
    """Bring control plane, store and Kafka's topics up to date.

    sluice up does the same at each start; edge, worker and api ask for it.

    Safe while a server runs: its own store is then left to it, for it migrated it at its start.
    """
    from clickhouse.client import path_of
    from sluice.patience import at_once, patiently

    settings = settings_with(data_dir=data_dir)
    close_to_others(paths_of(settings))
    # Engines of a cluster may start together with us; one that `sluice up` uses should be there.
    wait = patiently if settings.kafka_url else at_once
    asyncio.run(wait(partial(_migrate_control_plane, settings), "the control plane's database"))
    typer.echo("control plane: up to date")
    if settings.kafka_url:
        _make_topics(settings)
    url = paths_of(settings).warehouse_url
    path = path_of(url)
    if path is None:
        store = partial(_migrate_store, url, replicated=settings.warehouse_replicated)
        asyncio.run(wait(partial(asyncio.to_thread, store), "the store"))
        return
    try:
        lock = hold(paths_of(settings).lock)
    except AlreadyRunning:
        typer.echo("store: held by the running server, which migrated it at its start")
        return
    with lock:
        path.mkdir(parents=True, exist_ok=True)
        _migrate_store(url)


async def _migrate_control_plane(settings: Settings) -> None:
    async with opened(settings):
        pass


def _make_topics(settings: Settings) -> None:
    from eventlog.kafka_topics import check_topics, ensure_topics
    from sluice.cluster import kafka_of, topic_settings_of
    from sluice.patience import patiently

    address, wanted = kafka_of(settings), topic_settings_of(settings)
    make = partial(asyncio.to_thread, ensure_topics, address, wanted)
    names = asyncio.run(patiently(make, "Kafka"))
    for name in names:
        typer.echo(f"log: made topic {name}")
    check_topics(address, wanted)
    if not names:
        typer.echo("log: topics up to date")


def _migrate_store(url: str, *, replicated: bool = False) -> None:
    from clickhouse.client import Warehouse
    from clickhouse.migrate import migrate

    warehouse = Warehouse(url, readers=1)
    try:
        names = migrate(warehouse, replicated=replicated)
    finally:
        warehouse.close()
    for name in names:
        typer.echo(f"store: applied {name}")
    if not names:
        typer.echo("store: up to date")
