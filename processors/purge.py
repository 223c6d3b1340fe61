"""Deletes what deleted projects have stored, however much their neighbours send meanwhile."""

import time
from collections.abc import Callable, Mapping, Sequence, Set
from typing import NamedTuple, Protocol

import structlog

from clickhouse.client import Warehouse
from clickhouse.retention import purge_projects
from controlplane.database import Database
from controlplane.projects import forget_projects, list_deleted_projects
from eventlog.log import PartitionState, TopicPartition
from processors.blocks import is_past
from schemas.projects import ProjectId

# A project that another process deleted is taken events for until its keys are read again (2 s).
SETTLE_S = 10.0
NAMED = 10
"""In a log line."""

log = structlog.get_logger(__name__)

Places = Mapping[TopicPartition, PartitionState]


class _Doomed(NamedTuple):
    """A deleted project that is not purged yet."""

    seen_s: float
    ends: Mapping[TopicPartition, int] | None
    """The next offset of each partition once it had settled; its last events are before them."""


class PurgedLog(Protocol):
    """What purging asks of the log."""

    async def places(self) -> Places:
        """Returns how far each partition with an agent has come."""
        ...

    async def purge_dead_letters(self, project_ids: Set[ProjectId]) -> None:
        """Drops every dead letter of some projects."""
        ...


class Purge:
    """Purges projects, many at once: as many statements for a thousand as for one.

    A project is first left alone for `settle_s`, until no process takes events for it any more;
    then it is purged as soon as what the log holds at that moment is stored. What a spool brings
    even later is deleted by retention.
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
        due = await self._due(await list_deleted_projects(self._database))
        if not due:
            return
        await purge_projects(self._warehouse, due)
        await self._log.purge_dead_letters(frozenset(due))
        await forget_projects(self._database, due)
        for project_id in due:
            del self._doomed[project_id]
        log.info("project purged", project_ids=due[:NAMED], count=len(due))

    async def _due(self, deleted: Sequence[ProjectId]) -> list[ProjectId]:
        """Notes how far each project is on its way out, and returns those at the end."""
        # Since it was first seen, not since it was deleted: while the database is away, keys go on
        # working for minutes.
        now = self._clock()
        self._doomed = {one: self._doomed.get(one) or _Doomed(now, None) for one in deleted}
        settled = [one for one in deleted if now - self._doomed[one].seen_s >= self._settle_s]
        if not settled:
            return []
        places = await self._log.places()
        ends = {partition: place.next_offset for partition, place in places.items()}
        for project_id in settled:
            doomed = self._doomed[project_id]
            self._doomed[project_id] = doomed._replace(ends=doomed.ends or ends)
        return [one for one in settled if is_past(places, self._doomed[one].ends or ends)]
