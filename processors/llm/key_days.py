"""Keeps sums by users and by keys of the metadata of days that are over, for who asks for them.

In one process of an installation, beside its traffic: nothing is done where nobody asks, and days
that changed are built anew. `clickhouse.llm.key_days` tells which days count.
"""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

import structlog

from clickhouse.client import Warehouse
from clickhouse.kept_days import API_KEYS, USERS, asked_paths, drop_paths, kept_paths
from clickhouse.llm.keep_days import (
    Day,
    build,
    destroy,
    drop_builds,
    refuse,
    seal,
)
from clickhouse.llm.key_days import Build, builds_of, calls_of_days, sums_of_days
from clickhouse.persons import mutation_settings
from clickhouse.retention import FIRST_DAY
from clickhouse.tags import path_of
from controlplane.database import Database
from controlplane.erasures import list_erasures
from controlplane.failures import NotFound
from controlplane.llm.budgets import list_active
from controlplane.thinning import find_rows_from
from schemas.llm.budgets import Budget
from schemas.persons import OPEN
from schemas.projects import ProjectContext, ProjectId
from schemas.retention import first_received

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
KEEP_LIMIT_S = 300.0
"""For what is built before calls go, at a time: what is left, and its calls, wait for the next."""

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
        wanted = await self._wanted(today)
        await self._drop_unasked(wanted)
        for project_id in sorted(wanted, key=lambda one: (one <= self._last_project, one)):
            self._last_project = project_id
            if not await self._is_calm(project_id, 0.0):
                continue
            first, last = today - timedelta(days=KEPT_DAYS), today - timedelta(days=1)
            # Of days whose calls are gone, or some, what was built of them before is all there is.
            first = max(first, await self._whole_from(project_id))
            project = ProjectContext(project_id)
            sums = await sums_of_days(self._store, project, first, last)
            for path in wanted[project_id]:
                builds = await builds_of(self._store, project, path, first, last)
                for day in sorted(sums, reverse=True):
                    if time.monotonic() >= deadline:
                        return built
                    if sums[day][0] >= self._least_calls:
                        mine = [one for one in builds if one.day == day]
                        built += await self._see_to(Day(project_id, path, day), mine, sums[day])
        return built

    async def keep(self, days: Mapping[ProjectId, date]) -> Collection[ProjectId]:
        """Builds what is missing of the days before these, by project: their calls are about to go.

        Returns the projects whose calls must stay for now, because the time is over or because a
        person is being erased. A day that has too many values lets its calls go.
        """
        deadline, began = time.monotonic() + KEEP_LIMIT_S, self._clock().timestamp()
        wanted = await self._wanted(self._clock().date())
        held = []
        for project_id, end in days.items():
            paths = [one for one in wanted.get(project_id, ()) if one not in (USERS, API_KEYS)]
            if not await self._keep(project_id, [API_KEYS, *paths], end, deadline):
                held.append(project_id)
        # Others took their time: who was erased meanwhile took kept days along.
        for project_id in set(days).difference(held):
            if await self._is_known(project_id) and not await self._is_calm(project_id, began):
                held.append(project_id)
        return held

    async def _keep(
        self, project_id: ProjectId, paths: Sequence[str], end: date, deadline: float
    ) -> bool:
        began = self._clock().timestamp()
        if not await self._is_known(project_id):
            return True
        project, last = ProjectContext(project_id), end - timedelta(days=1)
        sums = await self._whole_sums(project, last)
        for path in paths if sums else ():
            builds = await builds_of(self._store, project, path, min(sums), last)
            kept = {one.day for one in builds if one.is_as_new and one.sums == sums.get(one.day)}
            for day in sums:
                if day in kept or not sums[day][0]:
                    continue
                if time.monotonic() >= deadline or not await self._is_calm(project_id, began):
                    return False
                await self._build(Day(project_id, path, day), self._clock().timestamp())
        return True

    async def _whole_sums(
        self, project: ProjectContext, last: date
    ) -> dict[date, tuple[object, ...]]:
        """Returns the sums of the days up to one of which no call is gone.

        Agent spans may be gone for longer than calls: then days count whose calls are all there.
        """
        sums = await sums_of_days(self._store, project, FIRST_DAY, last)
        before = await self._whole_from(project.project_id) - timedelta(days=1)
        if not sums or min(sums) > before:
            return sums
        calls = await calls_of_days(self._store, project, min(sums), min(before, last))
        return {
            day: each for day, each in sums.items() if day > before or calls.get(day) == each[0]
        }

    async def _wanted(self, today: date) -> dict[ProjectId, list[str]]:
        """Returns which paths are kept of each project: those asked for, and those of budgets."""
        wanted = await asked_paths(self._store, today - timedelta(days=ASKED_DAYS))
        for of in await list_active(self._database):
            paths = wanted.setdefault(of.project.project_id, [])
            budgets = {path for one in of.budgets if (path := path_of_budget(one)) is not None}
            paths += sorted(budgets - set(paths))
        return wanted

    async def _drop_unasked(self, wanted: Mapping[ProjectId, Collection[str]]) -> None:
        """Deletes what is kept of paths that are not wanted any more, where it can be built again.

        Sums by API keys are few, and stay.
        """
        for project_id, paths in (await kept_paths(self._store)).items():
            unasked = set(paths) - {API_KEYS, *wanted.get(project_id, ())}
            if not unasked:
                continue
            whole_from = await self._whole_from(project_id)
            gone = {one for one in unasked if one == USERS or paths[one] >= whole_from}
            if gone:
                await drop_paths(self._store, project_id, gone, whole_from=whole_from)

    async def _whole_from(self, project_id: ProjectId) -> date:
        """Returns the first day of receipt whose calls are all there."""
        rows_from = await find_rows_from(self._database, project_id)
        return FIRST_DAY if rows_from is None else first_received(rows_from)

    async def _see_to(self, day: Day, builds: list[Build], sums: tuple[object, ...]) -> bool:
        whole = [one for one in builds if one.is_whole]
        newest = whole[-1] if whole else None
        now = self._clock().timestamp()
        # A later one may be under way: of calls that are about to go, or in another process.
        old = [one.number for one in builds if newest is not None and one.number < newest.number]
        if newest is not None and old and newest.is_older(SPARED_S, now):
            await drop_builds(self._store, day, old)
        is_right = newest is not None and newest.is_as_new and newest.sums == sums
        if newest is not None and (is_right or not newest.is_older(AGAIN_S, now)):
            return False
        if newest is None and not all(one.is_older(AGAIN_S, now) for one in builds):
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
            await destroy(self._store, day, number, await mutation_settings(self._store))
            return False
        await seal(self._store, day, number)
        return True

    async def _is_known(self, project_id: ProjectId) -> bool:
        try:
            await list_erasures(self._database, project_id)
        except NotFound:  # is deleted, and purged soon
            return False
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


def path_of_budget(budget: Budget) -> str | None:
    """Returns under which path the sums are kept that a budget counts, `None` where none has to be.

    Other sums know models, environments and users, and outlive calls as well.
    """
    if budget.scope == "metadata":
        return path_of(budget.metadata_key)
    return API_KEYS if budget.scope == "key" else None
