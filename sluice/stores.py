"""The analytical store as a part of a process: how it is asked, closed, and opened as a file."""

import asyncio
from functools import partial

import structlog

from clickhouse.client import Warehouse, path_of
from clickhouse.dedup_log import repair_directory
from clickhouse.migrate import migrate
from sluice.limits import engine_bytes_of
from sluice.lock import hold
from sluice.process import Process
from sluice.room import refuse_full_disk

log = structlog.get_logger(__name__)


def add_store(process: Process, warehouse: Warehouse) -> None:
    """Adds an open store, without which the process is not ready."""
    folder = path_of(process.paths.warehouse_url)

    async def works() -> None:
        await warehouse.urgent.query("SELECT 1")
        if folder is not None:
            refuse_full_disk(folder)

    async def broken() -> str:
        reason = await asyncio.shield(asyncio.wrap_future(warehouse.broken))
        return f"the store has lost hold of a block; the next start repairs it: {reason}"

    process.ready["store"] = works
    process.faults.append(broken)
    close_at_stop(process, warehouse)


def close_at_stop(process: Process, warehouse: Warehouse) -> None:
    """Adds how a store is closed: the engine cannot be told to give up a call."""
    process.close_within("store", partial(asyncio.to_thread, warehouse.close))


async def add_own_store(process: Process) -> Warehouse:
    """Opens the store of `sluice up`, repaired and brought up to date, and adds it."""
    url, settings = process.paths.warehouse_url, process.settings
    path = path_of(url)
    if path is not None:
        process.stack.callback(hold(process.paths.store_lock).close)
        await asyncio.to_thread(repair_directory, path)
    warehouse = Warehouse(
        url, readers=settings.query_threads, engine_memory_bytes=engine_bytes_of(settings)
    )
    add_store(process, warehouse)
    if names := await asyncio.to_thread(migrate, warehouse):
        log.info("migrations applied", count=len(names), newest=names[-1])
    return warehouse
