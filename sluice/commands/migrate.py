"""`sluice migrate`: brings control plane and store up to date before a server starts."""

import asyncio

import typer

from clickhouse.client import Warehouse, path_of
from clickhouse.migrate import migrate
from schemas.settings import Settings
from sluice.commands.control import opened
from sluice.commands.options import DataDir, settings_with
from sluice.lock import AlreadyRunning, hold
from sluice.paths import paths_of


def migrate_all(data_dir: DataDir = None) -> None:
    """Bring control plane and store up to date; sluice up does the same at each start.

    Safe while a server runs: its own store is then left to it, for it migrated it at its start.
    """
    settings = settings_with(data_dir=data_dir)
    asyncio.run(_migrate_control_plane(settings))
    typer.echo("control plane: up to date")
    url = paths_of(settings).warehouse_url
    path = path_of(url)
    if path is None:
        _migrate_store(url)
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


def _migrate_store(url: str) -> None:
    warehouse = Warehouse(url, readers=1)
    try:
        names = migrate(warehouse)
    finally:
        warehouse.close()
    for name in names:
        typer.echo(f"store: applied {name}")
    if not names:
        typer.echo("store: up to date")
