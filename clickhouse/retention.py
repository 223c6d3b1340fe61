"""Deletes what is too old, and what belonged to a deleted project, from every table alike.

It goes by `received_date`: the day that the edge received an item, whatever time its sender wrote
into it. Each table is cut at the days of its kind (`schemas.retention`). Sums of calls, of agent
spans and of errors outlive their rows: `clickhouse.llm.rollups` reads those of the first two so
that they are not counted twice.
What rules leave of a day is deleted by `clickhouse.thinning`. The day of today is the caller's, in
UTC: an engine's own `today()` is that of its machine's zone.

Statements are few however many projects there are: a page of some thousand projects is looked at
with one, and cut with one.
"""

import time
from collections.abc import Callable, Collection, Mapping, Set
from datetime import date, timedelta
from typing import Protocol

from msgspec import Struct

from clickhouse.client import Warehouse
from schemas.projects import ProjectId
from schemas.retention import KIND_OF, OF_TRACES, SUMS, TABLES_OF, InForce

FIRST_DAY = date(1970, 1, 1)
LAST_DAY = date(2149, 6, 6)
"""Of the type Date."""
PAGE_PROJECTS = 5_000
"""Named in one statement: some 320 KB where it goes by HTTP, of the 1 MB that a server takes."""
LASTING: Mapping[str, int] = {
    "asked_keys": 90,
    "check_days": 400,
    "deployments": 400,
    "uptime_days": 400,
}
"""Sums of monitors by day, deployments, and what was asked for: they outlive events. For how many
days."""
TABLES = """
SELECT DISTINCT table
FROM system.columns
WHERE database = currentDatabase() AND name = 'received_date' AND table NOT LIKE '.%'
    AND table IN (SELECT name FROM system.tables WHERE database = currentDatabase()
        AND engine NOT LIKE '%View')
ORDER BY table
"""
OLDEST = """
SELECT project_id, min(received_date)
FROM {table:Identifier}
WHERE project_id >= {first:String}
GROUP BY project_id
ORDER BY project_id
LIMIT {limit:UInt32}
"""
CUT = """
DELETE FROM {table:Identifier}
WHERE project_id IN {projects:Array(String)}
    AND received_date < transform(
        toString(project_id), {projects:Array(String)}, {before:Array(Date)}, {never:Date})
"""
NEWEST = "SELECT max(received_date) FROM {table:Identifier}"
COUNT = """
SELECT project_id::String, count()
FROM {table:Identifier}
WHERE project_id IN {projects:Array(String)}
    AND received_date < transform(
        toString(project_id), {projects:Array(String)}, {before:Array(Date)}, {never:Date})
GROUP BY project_id
"""
COUNTED = frozenset(table for tables in TABLES_OF.values() for table in tables.rows)
"""Tables of which people are told how much went."""
WORK_DAYS: Mapping[str, int] = {"thinned_traces": 2}
"""What a broken run left."""
HELD = """
SELECT count()
FROM {table:Identifier}
WHERE project_id IN {projects:Array(String)}
"""
PURGE = "DELETE FROM {table:Identifier} WHERE project_id IN {projects:Array(String)}"


class Keeping(Struct, frozen=True):
    """For how long rows are kept."""

    today: date | None
    """In UTC; `None` where nobody knows for sure: then no row is too old."""
    default_days: int
    own_days: Mapping[ProjectId, int]
    """Of projects that have a setting of their own."""
    purged: Set[ProjectId] = frozenset()
    """Projects of which nothing is kept."""
    policies: Mapping[ProjectId, InForce] = {}
    """What projects have set by kind and by rule."""
    sums_days: int = 0
    """Of sums, where a project says nothing else; at least so long as their rows."""
    window_days: int = 0
    """Within which a resent id is known by its row. Sums do not outlive rows that are younger:
    who sends such a one again would be counted twice."""

    def first_kept(self, project_id: ProjectId, table: str = "") -> date:
        """Returns the first day whose rows stay."""
        if project_id in self.purged:
            return LAST_DAY
        if self.today is None:
            return FIRST_DAY
        days = self.days_of(project_id, table)
        # Keeping for longer than days are counted is keeping everything.
        return self.today - timedelta(days=min(days, (self.today - FIRST_DAY).days))

    def days_of(self, project_id: ProjectId, table: str = "") -> int:
        """Returns for how many days a table keeps rows of a project."""
        if table in WORK_DAYS:
            return WORK_DAYS[table]
        usual = self.usual_days(project_id)
        kind = KIND_OF.get(table)
        if kind is None:
            return max(usual, LASTING.get(table, 0))
        policy = self.policy_of(project_id)
        rows = policy.days_of(kind, usual)
        if table not in SUMS or rows <= self.window_days:
            return rows
        return max(rows, policy.sums_days(self.sums_days))

    def usual_days(self, project_id: ProjectId) -> int:
        """Returns the days of what has none of its own."""
        return self.own_days.get(project_id, self.default_days)

    def policy_of(self, project_id: ProjectId) -> InForce:
        """Returns by what rows go."""
        return self.policies.get(project_id, InForce())

    def outlived(self, table: str, due: Mapping[ProjectId, date]) -> dict[ProjectId, date]:
        """Returns of which projects readers must learn that rows go whose sums stay.

        Answers over calls and agent spans take the ends of a range from rows. Those over errors are
        of sums alone, or of rows alone.
        """
        kind = KIND_OF.get(table)
        if kind not in OF_TRACES or table not in TABLES_OF[kind].rows or not TABLES_OF[kind].sums:
            return {}
        sums = TABLES_OF[kind].sums[0]
        return {
            project_id: before
            for project_id, before in due.items()
            if project_id not in self.purged and self.first_kept(project_id, sums) < before
        }


class Watcher(Protocol):
    """Is told of what is cut."""

    async def before_cut(self, days: Mapping[ProjectId, date]) -> Collection[ProjectId]:
        """Learns of which projects rows of earlier days go whose sums stay, before they do.

        Returns those whose rows must not go yet.
        """
        ...

    async def after_cut(self, table: str, counts: Mapping[ProjectId, int]) -> None:
        """Learns how many rows went."""
        ...


class Expiry:
    """Deletes rows that are kept no longer; a run that is out of time is continued by the next."""

    def __init__(
        self,
        warehouse: Warehouse,
        *,
        page_projects: int = PAGE_PROJECTS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._warehouse = warehouse
        self._page_projects = page_projects
        self._clock = clock
        self._watcher: Watcher | None = None
        self._place = ("", "")
        """The table and the first project of the page that comes next."""

    async def run(
        self, keeping: Keeping, *, limit_s: float, watcher: Watcher | None = None
    ) -> bool:
        """Goes on where the last run stopped; tells whether it came through to the end.

        No statement begins after `limit_s`.
        """
        self._watcher = watcher
        deadline = self._clock() + limit_s
        started, first = self._place
        for table in await tables_with_data(self._warehouse):
            if table < started:
                continue
            page: str | None = first if table == started else ""
            while page is not None:
                self._place = (table, page)
                if self._clock() >= deadline:
                    return False
                page = await self._cut_page(table, page, keeping)
        self._place = ("", "")
        return True

    async def _cut_page(self, table: str, first: str, keeping: Keeping) -> str | None:
        """Cuts the rows of a page of projects; returns where the next page begins."""
        values = {"table": table, "first": first, "limit": self._page_projects}
        answer = await self._warehouse.query(OLDEST, values)
        due = {
            ProjectId(project_id): keeping.first_kept(project_id, table)
            for project_id, oldest in answer.rows
            if oldest < keeping.first_kept(project_id, table)
        }
        if due:
            await self._cut(table, due, keeping)
        # A full page begins with the last project of the one before, which is cut by then.
        return answer.rows[-1][0] if len(answer.rows) == self._page_projects else None

    async def _cut(self, table: str, due: Mapping[ProjectId, date], keeping: Keeping) -> None:
        counts: dict[ProjectId, int] = {}
        if self._watcher is not None:
            held = await self._watcher.before_cut(keeping.outlived(table, due))
            due = {one: before for one, before in due.items() if one not in held}
        if not due:
            return
        values = {"projects": list(due), "before": list(due.values()), "never": FIRST_DAY}
        if self._watcher is not None and table in COUNTED:
            found = await self._warehouse.query(COUNT, {"table": table, **values})
            counts = {ProjectId(one): count for one, count in found.rows}
        await self._warehouse.command(CUT, {"table": table, **values})
        if self._watcher is not None and counts:
            await self._watcher.after_cut(table, counts)


async def purge_projects(warehouse: Warehouse, project_ids: Collection[ProjectId]) -> None:
    """Deletes every row of some projects, at most a page of them, from every table."""
    for table in await tables_with_data(warehouse):
        values = {"table": table, "projects": sorted(project_ids)}
        # A deletion rewrites parts: look first.
        if (await warehouse.query(HELD, values)).rows[0][0]:
            await warehouse.command(PURGE, values)


async def newest_day(warehouse: Warehouse) -> date | None:
    """Returns the last day on which anything was received, `None` where nothing was."""
    newest = FIRST_DAY
    for table in await tables_with_data(warehouse):
        if table in LASTING:
            continue  # its days are not those on which something was received
        newest = max(newest, (await warehouse.query(NEWEST, {"table": table})).rows[0][0])
    return None if newest == FIRST_DAY else newest


async def tables_with_data(warehouse: Warehouse) -> list[str]:
    """Returns every table that holds rows of projects, rollups included, by name."""
    return [row[0] for row in (await warehouse.query(TABLES)).rows]
