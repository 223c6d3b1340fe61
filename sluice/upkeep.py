"""What a node does beside its traffic: keys' last use, retention, deleted projects, sessions."""

import asyncio
import ctypes
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import structlog

from clickhouse.errors import WarehouseError
from controlplane.errors import ControlPlaneError
from eventlog.log import LogError
from processors.purge import Purge
from processors.retention import Retention

if TYPE_CHECKING:
    from sluice.api_node import ApiNode
    from sluice.edge_node import EdgeNode
    from sluice.node import Node
    from sluice.worker_node import WorkerNode

KEY_USE_EVERY_S = 5.0
REFUSALS_EVERY_S = 1.0
TRIM_EVERY_S = 10.0
LAG_EVERY_S = 5.0
PURGE_EVERY_S = 5.0
DAY_MS = 86_400_000
RETENTION_EVERY_S = 3600.0

log = structlog.get_logger(__name__)


async def keep_up(node: "Node") -> None:
    """Runs every task at its interval until cancelled; a failed round is tried at the next."""
    purge = Purge(node.database, node.warehouse, log=node.log)
    retention = Retention(node)
    await asyncio.gather(
        repeat(KEY_USE_EVERY_S, node.keyring.flush_last_used),
        # After a full log there may be no further refusal that would carry the earlier ones along.
        repeat(REFUSALS_EVERY_S, node.edge.flush_rejections),
        repeat(TRIM_EVERY_S, _trim_memory),
        repeat(PURGE_EVERY_S, purge.run),
        repeat(RETENTION_EVERY_S, lambda: retain(node, retention, datetime.now(UTC))),
    )


async def keep_edge_up(node: "EdgeNode") -> None:
    """Does what an edge needs beside its traffic, until cancelled."""
    await asyncio.gather(
        repeat(KEY_USE_EVERY_S, node.keyring.flush_last_used),
        repeat(REFUSALS_EVERY_S, node.edge.flush_rejections),
        repeat(TRIM_EVERY_S, _trim_memory),
    )


async def keep_api_up(node: "ApiNode") -> None:
    """Does what an api process needs beside its traffic, until cancelled."""
    await asyncio.gather(
        repeat(KEY_USE_EVERY_S, node.keyring.flush_last_used),
        repeat(TRIM_EVERY_S, _trim_memory),
    )


async def keep_worker_up(node: "WorkerNode") -> None:
    """Does what a worker needs beside the stream, and as the leader what all of them need once."""
    purge = Purge(node.database, node.warehouse, log=node)
    retention = Retention(node)
    due_at = 0.0

    async def retain_if_due() -> None:
        nonlocal due_at
        if node.is_leader() and time.monotonic() >= due_at:
            await retain_shared(node, retention, datetime.now(UTC))
            due_at = time.monotonic() + RETENTION_EVERY_S

    await asyncio.gather(
        repeat(TRIM_EVERY_S, _trim_memory),
        repeat(LAG_EVERY_S, node.measure_lag),
        repeat(PURGE_EVERY_S, lambda: _if_leader(node, purge.run)),
        # Looked at often: a worker becomes the leader some time after its start.
        repeat(PURGE_EVERY_S, retain_if_due),
    )


async def _if_leader(node: "WorkerNode", work: Callable[[], Awaitable[object]]) -> None:
    if node.is_leader():
        await work()


async def repeat(seconds: float, work: Callable[[], Awaitable[object]]) -> None:
    """Does the work at its interval until cancelled; no failure of a round ends it."""
    while True:
        try:
            await work()
        except (ControlPlaneError, WarehouseError, LogError) as error:
            log.warning("upkeep failed, will try again", reason=str(error)[:500])
        except Exception:
            # A bug in one task is no reason to end the server, or to leave its work undone unheard.
            log.exception("upkeep met a bug, will try again")
        await asyncio.sleep(seconds)


async def retain(node: "Node", retention: Retention, now: datetime) -> None:
    """Drops what is older than retention from store and log, and sessions that ended.

    Days are counted in UTC, of which `now` must be.
    """
    keeping = await retention.run(now)
    if keeping.purged:
        await node.log.purge_dead_letters(keeping.purged)
    if keeping.today is not None:
        own_keep_ms = {project_id: days * DAY_MS for project_id, days in keeping.own_days.items()}
        await node.log.expire(int(now.timestamp() * 1000), own_keep_ms)


async def retain_shared(node: "WorkerNode", retention: Retention, now: datetime) -> None:
    """The same for a worker: Kafka drops dead letters for their age, but not those of a project."""
    keeping = await retention.run(now)
    if keeping.purged:
        await node.purge_dead_letters(keeping.purged)


async def _trim_memory() -> None:
    """Gives back what large bodies have left in the allocator: measured 190 MB after 16 bombs."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        await asyncio.to_thread(trim, 0)
