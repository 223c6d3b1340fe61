"""What a node does beside its traffic: keys' last use, retention, deleted projects, sessions."""

import asyncio
import ctypes
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

import structlog

from clickhouse.client import Warehouse, WarehouseError
from clickhouse.retention import expire_rows, purge_project
from controlplane.database import Database
from controlplane.errors import ControlPlaneError
from controlplane.projects import forget_project, list_deleted_projects, list_retentions
from controlplane.sessions import purge_expired_sessions
from eventlog.log import LogError, TopicPartition
from eventlog.sqlite_log import SqliteLog
from schemas.projects import ProjectId
from sluice.node import AGENT_TOPICS, DAY_MS, Node

KEY_USE_EVERY_S = 5.0
REFUSALS_EVERY_S = 1.0
TRIM_EVERY_S = 10.0
PURGE_EVERY_S = 5.0
# A project that another process deleted is taken events for until its keys are read again (2 s).
SETTLE_S = 10.0
RETENTION_EVERY_S = 3600.0

log = structlog.get_logger(__name__)


async def keep_up(node: Node) -> None:
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


async def repeat(seconds: float, work: Callable[[], Awaitable[None]]) -> None:
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


async def retain(node: Node, now: datetime) -> None:
    """Drops what is older than retention from store and log, and sessions that ended.

    Days are counted in UTC, of which `now` must be.
    """
    days = await list_retentions(node.database)
    default_days = node.settings.retention_days
    await expire_rows(node.warehouse, today=now.date(), default_days=default_days, days=days)
    own_keep_ms = {project_id: own_days * DAY_MS for project_id, own_days in days.items()}
    await node.log.expire(int(now.timestamp() * 1000), own_keep_ms)
    await purge_expired_sessions(node.database)


class _Doomed(NamedTuple):
    """A deleted project that is not purged yet."""

    seen_s: float
    ends: Mapping[TopicPartition, int] | None
    """The next offset of each partition once it had settled; its last events are before them."""


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
        log: SqliteLog,
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
            if not self._is_due(project_id):
                continue
            await purge_project(self._warehouse, project_id)
            await self._log.purge_letters(project_id)
            await forget_project(self._database, project_id)
            del self._doomed[project_id]
            log.info("project purged", project_id=project_id)

    def _is_due(self, project_id: ProjectId) -> bool:
        """Notes how far the project is on its way out, and tells whether it is at the end."""
        # Since it was first seen, not since it was deleted: while the database is away, keys go on
        # working for minutes.
        doomed = self._doomed.setdefault(project_id, _Doomed(self._clock(), None))
        if self._clock() - doomed.seen_s < self._settle_s:
            return False
        places = self._log.positions()
        ends = doomed.ends
        if ends is None:
            ends = {tp: place[2] for tp, place in places.items() if tp.topic in AGENT_TOPICS}
            self._doomed[project_id] = doomed._replace(ends=ends)
        return all(places[partition][1] >= end - 1 for partition, end in ends.items())


async def _trim_memory() -> None:
    """Gives back what large bodies have left in the allocator: measured 190 MB after 16 bombs."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        await asyncio.to_thread(trim, 0)


async def _flush_keys(node: Node) -> None:
    await node.keyring.flush_last_used()
