"""Keeps sums by users and by keys of the metadata of days that are over, for who asks for them.

In one process of an installation, beside its traffic: nothing is done where nobody asks, and days
that changed are built anew. `clickhouse.llm.key_days` tells which days count.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import structlog

from clickhouse.client import Warehouse
from clickhouse.kept_days import asked_paths, drop_unasked, forget_people
from clickhouse.llm.keep_days import (
    Day,
    build,
    drop_builds,
    refuse,
    seal,
)
from clickhouse.llm.key_days import Build, builds_of, sums_of_days
from clickhouse.persons import mutation_settings
from controlplane.database import Database
from controlplane.erasures import list_erasures
from controlplane.failures import NotFound
from controlplane.thinning import find_rows_from
from schemas.persons import OPEN
from schemas.projects import ProjectContext, ProjectId

EVERY_S = 300.0
ASKED_DAYS = 30
"""A key that nobody asks for so long is kept no longer."""
KEPT_DAYS = 400
LEAST_CALLS = 5_000
"""Of a day: fewer are as fast to read as they are."""
AGAIN_S = 600.0
"""After a build, before the same day is built again: calls may come late for hours."""
SPARED_S = 120.0
"""A build that another has replaced is deleted when nobody can be reading it any more."""
RUN_LIMIT_S = 30.0

log = structlog.get_logger(__name__)


class KeyDays:
    """Builds what is missing; a run that is out of time is continued by the next."""

    def __init__(
        self,
        database: Database,
        warehouse: Warehouse,
        *,
        least_calls: int = LEAST_CALLS,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._store = warehouse.aside
        self._least_calls = least_calls
        self._clock = clock
        self._last_build = 0
        self._last_project = ProjectId("")
        """Behind which the next run begins: no project keeps the others waiting."""

    async def work(self) -> int:
        """Looks once at what is asked for, and builds the newest days first; returns how many.

        May be stopped at any moment.
        """
        deadline = time.monotonic() + RUN_LIMIT_S
        today = self._clock().date()
        built = 0
        asked = await asked_paths(self._store, today - timedelta(days=ASKED_DAYS))
        await drop_unasked(self._store, asked)
        for project_id in sorted(asked, key=lambda one: (one <= self._last_project, one)):
            self._last_project = project_id
            if not await self._is_calm(project_id, 0.0):
                continue
            first, last = today - timedelta(days=KEPT_DAYS), today - timedelta(days=1)
            # Of days whose rows are gone, or some, what was built of them before is all there is.
            first = max(first, await find_rows_from(self._database, project_id) or first)
            project = ProjectContext(project_id)
            sums = await sums_of_days(self._store, project, first, last)
            for path in asked[project_id]:
                builds = await builds_of(self._store, project, path, first, last)
                for day in sorted(sums, reverse=True):
                    if time.monotonic() >= deadline:
                        return built
                    if sums[day][0] >= self._least_calls:
                        mine = [one for one in builds if one.day == day]
                        built += await self._see_to(Day(project_id, path, day), mine, sums[day])
        return built

    async def _see_to(self, day: Day, builds: list[Build], sums: tuple[object, ...]) -> bool:
        whole = [one for one in builds if one.is_whole]
        newest = whole[-1] if whole else None
        now = self._clock().timestamp()
        old = [one.number for one in builds if newest is not None and one is not newest]
        if newest is not None and old and newest.is_older(SPARED_S, now):
            await drop_builds(self._store, day, old)
        if newest is not None and (newest.sums == sums or not newest.is_older(AGAIN_S, now)):
            return False
        if newest is None and builds:  # was broken off
            await drop_builds(self._store, day, [one.number for one in builds])
        return await self._build(day, now)

    async def _build(self, day: Day, began: float) -> bool:
        # Numbers tell the age of a build; those of one process grow.
        number = self._last_build = max(int(began * 1_000_000), self._last_build + 1)
        if not await build(self._store, day, number):
            await refuse(self._store, day, number)
            log.info(
                "a day has too many values of a key", project_id=day.project_id, day=str(day.day)
            )
            return False
        # What was read before a person's rows were blanked must not count.
        if not await self._is_calm(day.project_id, began):
            # From the disk too, which rows that are marked as deleted stay on.
            settings = await mutation_settings(self._store)
            await forget_people(self._store, day.project_id, **settings)
            return False
        await seal(self._store, day, number)
        return True

    async def _is_calm(self, project_id: ProjectId, since: float) -> bool:
        """Tells whether no person is being erased, and none was since a moment."""
        try:
            erasures = await list_erasures(self._database, project_id)
        except NotFound:  # is deleted, and purged soon
            return False
        return not any(
            one.state in OPEN
            or (since and one.finished_at is not None and one.finished_at.timestamp() >= since)
            for one in erasures
        )
