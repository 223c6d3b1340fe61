"""How much of each kind a project has stored, by day, and what a policy would delete of it."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

from clickhouse.client import Warehouse
from clickhouse.failures import QueryTooExpensive
from clickhouse.retention import FIRST_DAY
from clickhouse.thinning import DELETED, GOING, Run, going
from schemas.projects import ProjectContext
from schemas.retained import Stored
from schemas.retention import KINDS, OF_TRACES, TABLES_OF, WINDOW_DAYS, InForce, KeptKind, Stage

MOST_DAYS = 10_000
DAYS = """
SELECT received_date, count()
FROM {table:Identifier}
WHERE project_id = {project_id:String}
GROUP BY received_date
ORDER BY received_date
LIMIT {most:UInt32}
"""
ROW_BYTES = """
SELECT table, sum(bytes_on_disk) / sum(rows)
FROM system.parts
WHERE database = currentDatabase() AND active AND table IN {tables:Array(String)} AND rows > 0
GROUP BY table
"""
PREVIEW_SETTINGS: dict[str, Any] = {"max_execution_time": 20}


class Gone(NamedTuple):
    """How many rows of a kind would go; `None` where they are too many to count."""

    rows: int | None
    bytes: int | None


class _Stretch(NamedTuple):
    """Days of one stage."""

    first: date
    last: date
    stage: Stage


async def stored_of(warehouse: Warehouse, project: ProjectContext) -> dict[KeptKind, Stored]:
    """Returns what is stored of each kind."""
    tables = [table for of in TABLES_OF.values() for table in of.rows]
    found = await warehouse.query(ROW_BYTES, {"tables": tables})
    sizes = {str(table): float(size) for table, size in found.rows}
    return {kind: await _stored(warehouse, project, kind, sizes) for kind in KINDS}


async def going_of(
    warehouse: Warehouse,
    project: ProjectContext,
    stored: Mapping[KeptKind, Stored],
    policy: InForce,
    within: "Within",
) -> dict[KeptKind, Gone]:
    """Returns what a policy would delete if it was in force."""
    found: dict[KeptKind, Gone] = {}
    for kind, rows in stored.items():
        most = policy.days_of(kind, within.usual_days)
        count = sum(number for day, number in rows.days.items() if within.age(day) > most)
        found[kind] = Gone(count, rows.bytes_of(count))
    try:
        thinned = await _thinned(warehouse, project, stored, policy, within)
    except QueryTooExpensive:
        return found | dict.fromkeys(OF_TRACES, Gone(None, None))
    for kind, more in thinned.items():
        count = (found[kind].rows or 0) + more
        found[kind] = Gone(count, stored[kind].bytes_of(count))
    return found


class Within(NamedTuple):
    """What a policy stands within: the date, and what is beside it."""

    today: date
    usual_days: int
    window_days: int

    def age(self, day: date) -> int:
        """Returns how many days ago a day was."""
        return (self.today - day).days

    def first_kept(self, days: int) -> date:
        """Returns the first day that is no older than so many days."""
        return self.today - timedelta(days=min(days, self.age(FIRST_DAY)))


async def _stored(
    warehouse: Warehouse, project: ProjectContext, kind: KeptKind, sizes: Mapping[str, float]
) -> Stored:
    days: dict[date, int] = {}
    total = 0.0
    for table in TABLES_OF[kind].rows:
        values = {"table": table, "project_id": project.project_id, "most": MOST_DAYS}
        for day, count in (await warehouse.query(DAYS, values)).rows:
            days[day] = days.get(day, 0) + int(count)
            total += int(count) * sizes.get(table, 0.0)
    rows = sum(days.values())
    return Stored(days, total / rows if rows else 0.0)


async def _thinned(
    warehouse: Warehouse,
    project: ProjectContext,
    stored: Mapping[KeptKind, Stored],
    policy: InForce,
    within: Within,
) -> dict[KeptKind, int]:
    days = sorted({day for kind in OF_TRACES for day in stored[kind].days})
    found = dict.fromkeys(OF_TRACES, 0)
    # What is older goes for its age, and is counted there.
    kept = {kind: within.first_kept(policy.days_of(kind, within.usual_days)) for kind in OF_TRACES}
    # At most one for each age at which a rule, a kind or the sample begins or ends.
    for stretch in _stretches(days, policy, within):
        run = Run(project.project_id, stretch.last, "", stretch.stage, project.cost_preference)
        counts = await asyncio.gather(
            *(_count(warehouse, run, stretch.first, kind, oldest=kept[kind]) for kind in OF_TRACES)
        )
        for kind, count in zip(OF_TRACES, counts, strict=True):
            found[kind] += count
    return found


def _stretches(days: Sequence[date], policy: InForce, within: Within) -> Iterator[_Stretch]:
    current: _Stretch | None = None
    for day in days:
        stage = None
        if within.age(day) > max(within.window_days, WINDOW_DAYS):
            stage = policy.stage_of(within.usual_days, within.age(day))
        if current is not None and current.stage == stage:
            current = current._replace(last=day)
            continue
        if current is not None:
            yield current
        current = None if stage is None else _Stretch(day, day, stage)
    if current is not None:
        yield current


async def _count(
    warehouse: Warehouse, run: Run, first: date, kind: KeptKind, *, oldest: date
) -> int:
    found = going(run, DELETED[kind][0], kind, first)
    if found is None:
        return 0
    sql, values = found
    values["first"] = first - timedelta(days=WINDOW_DAYS)
    values["oldest"] = max(values["first"], oldest)
    answer = await warehouse.query(GOING.replace("{going}", sql), values, **PREVIEW_SETTINGS)
    return int(answer.rows[0][0])
