"""Thins the traces of days as the rules of their projects say: one day of one project at a time.

The order of a day's life: the store notes which traces go; the control plane notes the run (whoever
is first, where two processes are at it); from then on rows of that day may be incomplete, which is
said to readers; the rows are deleted; the day is done, and what went is counted with that. A day
that was begun is finished first, by whoever comes next. Each step may be repeated.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import date, timedelta
from typing import NamedTuple
from uuid import uuid4

import msgspec
import structlog

from clickhouse import thinning as rows
from clickhouse.client import Warehouse
from clickhouse.failures import QueryTooExpensive
from clickhouse.retention import Keeping
from clickhouse.thinning import Run
from controlplane.database import Database
from controlplane.failures import NotFound
from controlplane.projects import project_settings
from controlplane.thinning import (
    Removed,
    Thinned,
    advance_rows_from,
    begin_day,
    end_day,
    forget_days,
    list_thinned,
    note_removed,
)
from schemas import metrics
from schemas.projects import CostPreference, ProjectId
from schemas.retention import AHEAD_DAYS, KIND_OF, WINDOW_DAYS, KeptKind, Stage

SETTLE_S = 3.0
"""After readers were told that rows go, until every process knows: they ask again every 2 s."""
REMOVED_BY_AGE = "days"
KeepSums = Callable[[Mapping[ProjectId, date]], Awaitable[Collection[ProjectId]]]
"""Keeps the sums of rows that came in before these days and are about to go, as nobody can add them
up afterwards. Returns of which projects they must stay for now."""
Keepers = Mapping[KeptKind, KeepSums]
NO_KEEPERS: Keepers = {}

log = structlog.get_logger(__name__)


class Cutting:
    """Tells readers of rows that go for their age while sums stay, and counts what went."""

    def __init__(
        self, database: Database, today: date, *, settle_s: float, keepers: Keepers
    ) -> None:
        self._database = database
        self._today = today
        self._settle_s = settle_s
        self._keepers = keepers

    async def before_cut(self, days: Mapping[ProjectId, date]) -> Collection[ProjectId]:
        """Has their sums kept, says to readers which rows go, and waits until they know.

        Returns the projects whose rows must stay for now. Sums of every kind are kept, whichever
        goes: readers know one day for all of them, and sums of days before it are not made.
        """
        held: set[ProjectId] = set()
        for keep in self._keepers.values() if days else ():
            held.update(await keep(days))
        going = {project_id: day for project_id, day in days.items() if project_id not in held}
        await tell_readers(self._database, going, self._settle_s)
        return held

    async def after_cut(self, table: str, counts: Mapping[ProjectId, int]) -> None:
        """Notes how many rows went."""
        kind = KIND_OF[table]
        metrics.RETENTION_REMOVED.labels(kind, REMOVED_BY_AGE).inc(sum(counts.values()))
        lines = {
            project_id: Removed(self._today, kind, REMOVED_BY_AGE, count)
            for project_id, count in counts.items()
        }
        await note_removed(self._database, lines)


class Thinning:
    """Works on the days that are due; one a process, in one process of an installation."""

    def __init__(
        self,
        database: Database,
        warehouse: Warehouse,
        *,
        settle_s: float = SETTLE_S,
        keepers: Keepers = NO_KEEPERS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._warehouse = warehouse
        self._settle_s = settle_s
        self._keepers = keepers
        self._clock = clock
        self._last_project = ProjectId("")
        """Behind which the next run begins: no project keeps the others waiting."""

    async def run(self, keeping: Keeping, *, limit_s: float) -> bool:
        """Thins days until all are done or the time is over; tells whether all are.

        No day begins after `limit_s`. Nothing is thinned where nobody knows the date.
        """
        if keeping.today is None or not keeping.policies:
            return True
        store, deadline = self._warehouse.aside, self._clock() + limit_s
        waiting, is_all = 0, True
        for project_id in sorted(
            keeping.policies, key=lambda one: (one <= self._last_project, one)
        ):
            self._last_project = project_id
            due = await self._due(store, keeping, project_id)
            for number, (day, stage) in enumerate(due.items()):
                if self._clock() >= deadline:
                    waiting, is_all = waiting + len(due) - number, False
                    break
                await self._thin(Day(store, project_id, day, keeping.today), stage)
        metrics.RETENTION_WAITING.set(waiting)
        return is_all

    async def _due(
        self, store: Warehouse, keeping: Keeping, project_id: ProjectId
    ) -> dict[date, Stage]:
        """Returns the days that are not as the rules say, the oldest first, and how they say."""
        assert keeping.today is not None
        usual, policy = keeping.usual_days(project_id), keeping.policy_of(project_id)
        least = max(keeping.window_days, WINDOW_DAYS)
        if not any(one.rules or one.sample_from_days for one in policy.policies):
            return {}
        done = await list_thinned(self._database, project_id)
        before = keeping.today - timedelta(days=least)
        days = await rows.list_days(store, project_id, before)
        await forget_days(self._database, project_id, days[0] if days else keeping.today)
        found = {}
        for day in days:
            stage = policy.stage_of(usual, (keeping.today - day).days)
            known = done.get(day)
            if known is not None and not known.is_done:
                found[day] = msgspec.json.decode(known.stage, type=Stage)
            elif stage is not None and (known is None or known.stage != stage.text):
                found[day] = stage
        return found

    async def _thin(self, at: "Day", stage: Stage) -> None:
        ends = {at.project_id: at.day + timedelta(days=1)}
        try:
            settings = await project_settings(self._database, at.project_id)
            if any([await keep(ends) for keep in self._keepers.values()]):
                log.info("a day is thinned later: its sums are not kept yet", **at.named)
                return
            begun = await self._begin(at, stage, settings.cost_preference)
        except NotFound:
            return
        except QueryTooExpensive as error:
            reason = str(error)[:300]
            log.error("a day was not thinned", **at.named, reason=reason)
            return
        if begun is None or begun.is_done:
            return
        stage = msgspec.json.decode(begun.stage, type=Stage)
        run = Run(at.project_id, at.day, begun.run_id, stage, settings.cost_preference)
        await tell_readers(self._database, ends, self._settle_s)
        await rows.delete(at.store, run)
        if await end_day(self._database, at.project_id, begun, at.today, stage.name):
            for kind, count in begun.counts.items():
                metrics.RETENTION_REMOVED.labels(kind, stage.name).inc(count)
            log.info("a day was thinned", **at.named, **begun.counts)
        await rows.forget(at.store, run)

    async def _begin(self, at: "Day", stage: Stage, preference: CostPreference) -> Thinned | None:
        """Returns the run of a day that is under way, or one that is new."""
        known = (await list_thinned(self._database, at.project_id)).get(at.day)
        if known is not None and not known.is_done:
            if any(known.counts.values()):
                was = msgspec.json.decode(known.stage, type=Stage)
                old = Run(at.project_id, at.day, known.run_id, was, preference)
                await rows.mark_again(at.store, old, at.today)
            return known
        run = Run(at.project_id, at.day, str(uuid4()), stage, preference)
        counts = await rows.mark(at.store, run, at.today)
        new = Thinned(at.day, stage.text, run.run_id, counts, is_done=False)
        begun = await begin_day(self._database, at.project_id, new)
        if begun is None or begun.run_id != run.run_id:
            await rows.forget(at.store, run)
        return begun


class Day(NamedTuple):
    """A day of a project that is thinned."""

    store: Warehouse
    project_id: ProjectId
    day: date
    today: date

    @property
    def named(self) -> dict[str, str]:
        """What stands in lines of the log."""
        return {"project_id": self.project_id, "day": str(self.day)}


async def tell_readers(database: Database, days: Mapping[ProjectId, date], settle_s: float) -> None:
    """Says that rows which came in before these days may be gone; returns when readers know."""
    if not days:
        return
    ahead = timedelta(days=AHEAD_DAYS)
    if await advance_rows_from(database, {one: day + ahead for one, day in days.items()}):
        await asyncio.sleep(settle_s)
