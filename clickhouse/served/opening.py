"""Opens and closes the store of `sluice warehouse`: repaired, up to date, in a confined process."""

import os
import shutil
from pathlib import Path

import structlog

from clickhouse.client import Warehouse
from clickhouse.dedup_log import repair_directory
from clickhouse.grants import TABLES
from clickhouse.migrate import migrate
from clickhouse.served.app import Service
from clickhouse.served.bodies import Bodies
from clickhouse.served.confinement import Unconfinable, confine
from clickhouse.served.engine import ServedStore
from clickhouse.served.rights import EngineLimits, Rights
from clickhouse.served.threads import Leave, Threads
from clickhouse.served.users import Users
from schemas.settings import Settings, SettingsError

READERS_BODY_BYTES = 4 << 20
"""Of a reader, who sends no rows: a statement, and what is bound to it."""
READERS_BODY_S = 60
LAST_CALLS_S = 1
SETTINGS = """
SELECT name
FROM system.settings
"""

log = structlog.get_logger(__name__)


def open_service(settings: Settings, path: Path, users: Users, leave: Leave) -> Service:
    """Repairs, migrates and opens the store; from here on this process reaches nothing else."""
    repair_directory(path)
    _confine(path, settings.warehouse_unconfined)
    _move_temporary_files(path / "served" / "tmp")
    return _open(settings, path, users, leave)


def _open(settings: Settings, path: Path, users: Users, leave: Leave) -> Service:
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
        store=ServedStore(path, limits, known, TABLES if users.any_is_bound else ()),
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


def close_service(service: Service, leave: Leave) -> None:
    """Closes the store; where a call does not end, the process ends with it.

    The engine cannot be told to give up, and the interpreter would wait for its thread.
    """
    if not all(threads.close(LAST_CALLS_S) for threads in service.threads.values()):
        log.warning("leaving before the end of a call; the store is as after any other stop")
        leave(0)
    service.store.close()


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
