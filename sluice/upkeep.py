"""What a node does beside its traffic: keys' last use, retention, deleted projects, sessions."""

import asyncio
import ctypes
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple, Protocol

import structlog

from clickhouse.client import Warehouse, WarehouseError
from clickhouse.retention import expire_rows, purge_project
from controlplane.database import Database
from controlplane.errors import ControlPlaneError
from controlplane.projects import forget_project, list_deleted_projects, list_retentions
from controlplane.sessions import purge_expired_sessions
from eventlog.log import LogError, Place, TopicPartition
from schemas.projects import ProjectId
from schemas.settings import Settings

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
# A project that another process deleted is taken events for until its keys are read again (2 s).
SETTLE_S = 10.0
RETENTION_EVERY_S = 3600.0

log = structlog.get_logger(__name__)


async def keep_up(node: "Node") -> None:
    """Runs every task at its interval until cancelled; a failed round is tried at the next."""
    purge = Purge(node.database, node.warehouse, log=node.log)
    await asyncio.gather(
        repeat(KEY_USE_EVERY_S, lambda: _flush_keys(node)),
        # After a full log there may be no further refusal that would carry the earlier ones along.
        repeat(REFUSALS_EVERY_S, node.edge.flush_refusals),
        repeat(TRIM_EVERY_S, _trim_memory),
        repeat(PURGE_EVERY_S, purge.run),
        repeat(RETENTION_EVERY_S, lambda: retain(node, datetime.now(UTC))),
    )


async def keep_edge_up(node: "EdgeNode") -> None:
    """Does what an edge needs beside its traffic, until cancelled."""
    await asyncio.gather(
        repeat(KEY_USE_EVERY_S, node.keyring.flush_last_used),
        repeat(REFUSALS_EVERY_S, node.edge.flush_refusals),
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

    due_at = 0.0

    async def retain_if_due() -> None:
        nonlocal due_at
        if node.is_leader() and time.monotonic() >= due_at:
            await retain_rows(node, datetime.now(UTC))
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


async def retain(node: "Node", now: datetime) -> None:
    """Drops what is older than retention from store and log, and sessions that ended.

    Days are counted in UTC, of which `now` must be.
    """
    days = await retain_rows(node, now)
    own_keep_ms = {project_id: own_days * DAY_MS for project_id, own_days in days.items()}
    await node.log.expire(int(now.timestamp() * 1000), own_keep_ms)


class _WithStores(Protocol):
    settings: Settings
    database: Database
    warehouse: Warehouse


async def retain_rows(node: _WithStores, now: datetime) -> Mapping[ProjectId, int]:
    """Drops what is older than retention from the store, and sessions that ended.

    Returns the days of those projects that have a setting of their own.
    """
    days = await list_retentions(node.database)
    default_days = node.settings.retention_days
    await expire_rows(node.warehouse, today=now.date(), default_days=default_days, days=days)
    await purge_expired_sessions(node.database)
    return days


class _Doomed(NamedTuple):
    """A deleted project that is not purged yet."""

    seen_s: float
    ends: Mapping[TopicPartition, int] | None
    """The next offset of each partition once it had settled; its last events are before them."""


class PurgedLog(Protocol):
    """What purging asks of the log."""

    async def places(self) -> Mapping[TopicPartition, Place]:
        """Returns how far each partition with an agent has come."""
        ...

    async def purge_letters(self, project_id: ProjectId) -> None:
        """Drops every dead letter of a project."""
        ...


class Purge:
    """Deletes what deleted projects have stored, however much their neighbours send meanwhile.

    A project is first left alone for `settle_s`, until no process takes events for it any more;
    then it is purged as soon as what the log holds at that moment is stored.
    """

    def __init__(
        self,
        database: Database,
        warehouse: Warehouse,
        *,
        log: PurgedLog,
        settle_s: float = SETTLE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._warehouse = warehouse
        self._log = log
        self._settle_s = settle_s
        self._clock = clock
        self._doomed: dict[ProjectId, _Doomed] = {}

    async def run(self) -> None:
        """Looks once, and purges what is due."""
        for project_id in await list_deleted_projects(self._database):
            if not await self._is_due(project_id):
                continue
            await purge_project(self._warehouse, project_id)
            await self._log.purge_letters(project_id)
            await forget_project(self._database, project_id)
            del self._doomed[project_id]
            log.info("project purged", project_id=project_id)

    async def _is_due(self, project_id: ProjectId) -> bool:
        """Notes how far the project is on its way out, and tells whether it is at the end."""
        # Since it was first seen, not since it was deleted: while the database is away, keys go on
        # working for minutes.
        doomed = self._doomed.setdefault(project_id, _Doomed(self._clock(), None))
        if self._clock() - doomed.seen_s < self._settle_s:
            return False
        places = await self._log.places()
        ends = doomed.ends
        if ends is None:
            ends = {partition: place.next_offset for partition, place in places.items()}
            self._doomed[project_id] = doomed._replace(ends=ends)
        return all(places[partition].stored_through >= end - 1 for partition, end in ends.items())


async def _trim_memory() -> None:
    """Gives back what large bodies have left in the allocator: measured 190 MB after 16 bombs."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        await asyncio.to_thread(trim, 0)


async def _flush_keys(node: "Node") -> None:
    await node.keyring.flush_last_used()
