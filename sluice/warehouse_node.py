"""`sluice warehouse`: opens the store, confines the process, and serves until a signal."""

import asyncio
import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import structlog
import uvicorn
from msgspec.structs import replace

from api.headers import with_headers
from clickhouse.client import Warehouse
from clickhouse.dedup_log import give_back_lost_tokens
from clickhouse.migrate import migrate
from clickhouse.served.app import Service, create_app
from clickhouse.served.bodies import Bodies
from clickhouse.served.confinement import Unconfinable, confine
from clickhouse.served.engine import ServedStore
from clickhouse.served.rights import EngineLimits, Rights
from clickhouse.served.threads import Threads
from clickhouse.served.users import Users
from schemas.settings import Settings, SettingsError
from sluice.connections import Bounds, bounds_of, raise_open_files
from sluice.ending import leave
from sluice.listening import Server, allow_listening

READERS_BODY_BYTES = 4 << 20
"""Of a reader, who sends no rows: a statement, and what is bound to it."""
READERS_BODY_S = 60
REQUEST_HEAD_BYTES = 1 << 20
"""Of URL and headers, as at ClickHouse (`http_max_uri_size`): clients put parameters there."""
ANSWER_S = 300.0
"""As at ClickHouse (`send_timeout`): clients work on some rows before they read on."""
LAST_CALLS_S = 1
SETTINGS = """
SELECT name
FROM system.settings
"""

log = structlog.get_logger(__name__)


def open_service(settings: Settings, path: Path, users: Users) -> Service:
    """Repairs, migrates and opens the store; from here on this process reaches nothing else."""
    path.mkdir(parents=True, exist_ok=True)
    if lost := give_back_lost_tokens(path):
        log.warning("blocks were cut off half way, and may be sent again", blocks=lost)
    _confine(path, settings.warehouse_unconfined)
    _move_temporary_files(path / "served" / "tmp")
    return _open(settings, path, users)


def _open(settings: Settings, path: Path, users: Users) -> Service:
    warehouse = Warehouse(f"chdb://{path}", readers=1)
    try:
        for name in migrate(warehouse):
            log.info("migration applied", name=name)
        known = frozenset(row[0] for row in warehouse.query_now(SETTINGS, None, {}).rows)
    finally:
        warehouse.close()
    limits = EngineLimits(
        execution_s=settings.warehouse_query_timeout_s,
        result_bytes=settings.warehouse_max_result_bytes,
        memory_bytes=settings.warehouse_max_memory_bytes,
    )
    body_bytes = settings.warehouse_max_body_bytes
    running, waiting = settings.warehouse_threads, settings.warehouse_waiting
    return Service(
        store=ServedStore(path, limits, known),
        users=users,
        threads={
            rights: Threads(running=running, waiting=waiting, leave=leave) for rights in Rights
        },
        bodies={
            Rights.READ: Bodies(min(body_bytes, READERS_BODY_BYTES), body_s=READERS_BODY_S),
            Rights.WRITE: Bodies(body_bytes),
        },
        max_result_bytes=settings.warehouse_max_result_bytes,
    )


def close_service(service: Service) -> None:
    """Closes the store; where a call does not end, the process ends with it.

    The engine cannot be told to give up, and the interpreter would wait for its thread.
    """
    if not all(threads.close(LAST_CALLS_S) for threads in service.threads.values()):
        log.warning("leaving before the end of a call; the store is as after any other stop")
        leave(0)
    service.store.close()


async def serve(
    listener: socket.socket, service: Service, settings: Settings, on_ready: Callable[[], None]
) -> None:
    """Answers requests until SIGINT or SIGTERM; calls that run by then have time to end."""
    server = Server(
        uvicorn.Config(
            with_headers(create_app(service)),
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=settings.stop_timeout_s,
        ),
        _bounds(settings),
    )
    server.stop_on_signals()
    allow_listening(listener)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    await server.ready.wait()
    on_ready()
    await serving


def _bounds(settings: Settings) -> Bounds:
    bounds = bounds_of(settings, raise_open_files())
    return replace(
        bounds,
        head_bytes=REQUEST_HEAD_BYTES,
        answer_s=max(bounds.answer_s, ANSWER_S),
        discarded_bytes=settings.warehouse_max_body_bytes,
    )


def _move_temporary_files(place: Path) -> None:
    """Has the engine put them where it may: the system's place for them is closed by now."""
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    os.environ["TMPDIR"] = str(place)


def _confine(path: Path, unconfined: bool) -> None:
    if unconfined:
        log.warning("users of the warehouse can read what this process can; see docs/warehouse.md")
        return
    try:
        confine(path)
    except Unconfinable as error:
        raise SettingsError(
            f"{error}. Users of the warehouse could reach files of this machine or call others:"
            " SLUICE_WAREHOUSE_UNCONFINED=true serves it nevertheless"
        ) from error
