"""`sluice warehouse`: serves the embedded store to other programs, in ClickHouse's own language."""

import asyncio
import ipaddress
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from schemas.settings import Settings, SettingsError
from sluice.commands.options import DataDir, settings_with
from sluice.lock import hold
from sluice.paths import paths_of
from sluice.privacy import close_to_others

if TYPE_CHECKING:
    from clickhouse.served.users import Users

Host = Annotated[
    str | None,
    typer.Option(help="Address to listen on; else SLUICE_WAREHOUSE_HOST, else 127.0.0.1."),
]
Port = Annotated[
    int | None,
    typer.Option(
        min=1, max=65_535, help="Port to listen on; else SLUICE_WAREHOUSE_PORT, else 8123."
    ),
]


class ServedStore(NamedTuple):
    """What is served, and to whom."""

    store: Path
    users: "Users"
    password: str | None
    """That of the one user that was made because none is set."""


def serve_warehouse(host: Host = None, port: Port = None, data_dir: DataDir = None) -> None:
    """Serve the embedded store over ClickHouse's HTTP interface. Ctrl-C stops it.

    It works while sluice up does not run. To serve the store of a running sluice up, start that
    one with --warehouse-port N.
    """
    from clickhouse.served.opening import close_service, open_service
    from sluice import logs
    from sluice.ending import leave
    from sluice.listening import bind
    from sluice.warehouse_node import serve

    settings = settings_with(warehouse_host=host, warehouse_port=port, data_dir=data_dir)
    logs.set_up(settings)
    place = _place_of(settings)
    close_to_others(paths_of(settings))

    listener = bind(settings.warehouse_host, settings.warehouse_port)
    with hold(paths_of(settings).store_lock):
        service = open_service(settings, place.store, place.users, leave)
        try:
            with asyncio.Runner() as runner:
                runner.run(serve(listener, service, settings, lambda: _greet(settings, place)))
        finally:
            close_service(service, leave)


def _place_of(settings: Settings) -> ServedStore:
    from clickhouse.client import path_of
    from clickhouse.served.users import generate_user, read_users

    store = path_of(paths_of(settings).warehouse_url)
    if store is None:
        raise SettingsError(
            "SLUICE_WAREHOUSE_URL names a server: sluice warehouse serves the embedded store"
        )
    if settings.warehouse_users:
        return ServedStore(store, read_users(settings.warehouse_users), None)
    if not is_this_machine(settings.warehouse_host):
        raise SettingsError(
            f"SLUICE_WAREHOUSE_USERS must be set to listen on {settings.warehouse_host}"
        )
    if not sys.stdout.isatty():
        raise SettingsError(
            "SLUICE_WAREHOUSE_USERS must be set: a random password is shown on a terminal only"
        )
    users, password = generate_user()
    return ServedStore(store, users, password)


def is_this_machine(host: str) -> bool:
    """Tells whether an address to listen on is reached from this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _greet(settings: Settings, place: ServedStore) -> None:
    from clickhouse.served.users import GENERATED

    host = settings.warehouse_host
    shown = f"[{host}]" if ":" in host else host
    print(f"The warehouse is ready at http://{shown}:{settings.warehouse_port}", flush=True)
    if place.password:
        print(f"User: {GENERATED}", flush=True)
        print(f"Password, until the next start: {place.password}", flush=True)
