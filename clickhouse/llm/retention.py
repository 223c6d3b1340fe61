"""Which users came back: by the period in which they were first seen, and the periods after it.

A user was first seen in the period of their oldest call that is kept and fits the filter, whenever
that was. Sums of calls that retention has deleted count, where they know what the filter asks for.
Who was first seen before counts as new with the oldest call that is left.
"""

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from clickhouse.client import Warehouse
from clickhouse.llm import rollup_sql, rollups
from clickhouse.llm.filters import TraceFilter
from clickhouse.llm.subjects import USER
from clickhouse.queries.periods import WIDTHS_US, Periods
from schemas.projects import ProjectContext
from schemas.zones import DAY_US, HOUR_US, clock_of

MOST_PERIODS = 52
RetentionPeriod = Literal["day", "week", "month"]
LONGEST_US: Mapping[RetentionPeriod, int] = {
    "day": 26 * HOUR_US,
    "week": WIDTHS_US["week"] + 2 * HOUR_US,
    "month": 32 * DAY_US,
}
"""Of a period, where clocks are set back within it."""
OLDEST = """
SELECT toUnixTimestamp64Micro(timestamp)
FROM traces
WHERE project_id = {project_id:String} AND billing = ''
ORDER BY timestamp
LIMIT 1
"""
OLDEST_SUM = """
SELECT toUnixTimestamp64Micro(bucket)
FROM session_sums
WHERE project_id = {project_id:String} AND requests != 0
ORDER BY bucket
LIMIT 1
"""
RETAINED = """
SELECT first, at, count()
FROM (
    SELECT min(k1) AS first, groupArray(k1) AS ats
    FROM (
{seen}
    )
    GROUP BY k0
    HAVING first >= {first_key:Int64}
)
ARRAY JOIN ats AS at
GROUP BY first, at
ORDER BY first, at
LIMIT {limit:UInt32}
"""


class Cohort(Struct, frozen=True):
    """Who was first seen in one period."""

    period: str
    """Its first local day."""
    begin_us: int
    seen: list[int]
    """How many of them had a call in that period, in the next, and so on; the first is all."""


class Retention(Struct, frozen=True):
    """Cohorts, the oldest first, up to the period of `until`, which may not be over."""

    kept_from_us: int | None
    """The begin of the oldest call that is kept, or of the hour of the oldest sum; `None` where
    there is none."""
    cohorts: list[Cohort]


async def read_retention(
    warehouse: Warehouse,
    project: ProjectContext,
    wanted: TraceFilter,
    period: RetentionPeriod,
    *,
    count: int,
) -> Retention:
    """Returns the last `count` periods that end with that of `wanted.to_us`, on the project's
    clock; only calls that match `wanted` count, whose range begins with all that is kept.
    """
    assert 1 <= count <= MOST_PERIODS
    until = wanted.to_us
    assert until is not None
    names = (USER.dimension, period)
    kept_from = await _kept_from(warehouse, project, wanted, names)
    if kept_from is None or kept_from > until:
        return Retention(kept_from, [])
    wanted = replace(wanted, from_us=kept_from)
    first_us = until - count * LONGEST_US[period]
    periods = Periods(clock_of(project.time_zone, first_us, until), period)
    keys = periods.keys(first_us, until)[-count:]
    scoped = rollups.scope(project, wanted, names=names)
    scoped = scoped._replace(only=f" AND {USER.is_set}")
    ending = f"GROUP BY k0, k1\n{rollup_sql.NOT_EMPTY}"
    seen = rollups.statement(scoped, names, rollups.sums(scoped, ("requests",)), ending=ending)
    values = rollups.values_of(scoped) | {"first_key": keys[0], "limit": MOST_PERIODS**2}
    found = await warehouse.query(RETAINED.replace("{seen}", seen), values)
    counts = {(row[0], row[1]): row[2] for row in found.rows}
    return Retention(kept_from, [_cohort(periods, keys, counts, at) for at in range(len(keys))])


async def _kept_from(
    warehouse: Warehouse, project: ProjectContext, wanted: TraceFilter, names: tuple[str, ...]
) -> int | None:
    """Returns the begin of what there is to answer from: of sums, where rows of them are gone."""
    of_project = {"project_id": project.project_id}
    rows_from = project.rows_from_us
    if rows_from is not None:
        found = (await warehouse.query(OLDEST_SUM, of_project)).rows
        if found and found[0][0] < min(rows_from, wanted.to_us or rows_from):
            asked = replace(wanted, from_us=found[0][0])
            if rollups.scope(project, asked, names=names).table != "base":
                return int(found[0][0])
    found = (await warehouse.query(OLDEST, of_project)).rows
    return int(found[0][0]) if found else None


def _cohort(
    periods: Periods, keys: list[int], counts: Mapping[tuple[int, int], int], at: int
) -> Cohort:
    seen = [counts.get((keys[at], key), 0) for key in keys[at:]]
    return Cohort(periods.label(keys[at]).period, periods.begin(keys[at]), seen)
