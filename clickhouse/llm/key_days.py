"""Which days the table `key_days` answers for: sums by users, API keys or one key of metadata.

A day is kept where its sums are those of trace_sums at this moment, and all of its rows are there.
What has come late, was priced anew or taken back is therefore never missed: such a day is read from
the calls until `clickhouse.llm.keep_days` has built it anew.

Who asks for a key has it kept from then on: that is noted, once a day.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import Any, NamedTuple

from msgspec.structs import replace

from clickhouse.client import Warehouse
from clickhouse.failures import WarehouseError
from clickhouse.kept_days import API_KEYS, USERS
from clickhouse.llm import rollups
from clickhouse.llm.filters import TraceFilter
from clickhouse.llm.rollup_sql import GRAINS, Kept
from clickhouse.llm.rollups import DIMENSIONS, METADATA, Scope
from clickhouse.queries.hours import whole_periods
from clickhouse.queries.outlived import Outlived, outlived_hours
from clickhouse.queries.periods import PERIODS
from clickhouse.tags import path_of
from schemas.projects import ProjectContext
from schemas.retention import first_received
from schemas.zones import DAY_US

NAMED = (("user", USERS), ("api_key", API_KEYS))
LEAST_DAYS = 2
"""Whole days of a range: of fewer the calls are as fast."""
LATE_DAYS = 31
"""Calls that come in later than so many days after their own time are read from the calls."""
SUMMED = (
    *("requests", "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens"),
    *("reasoning_tokens", "reported_cost", "computed_cost", "reported_first_cost"),
    *("computed_first_cost", "unpriced", "latency_ns"),
)
"""Columns that trace_sums and key_days have alike."""
_SUMS = ",\n    ".join(f"sum({column})" for column in SUMMED)
# Sums of the seals, and how many rows there are beside each: of these few columns are read.
BUILDS = """
SELECT
    day, build, sum(counted), max(sealed), countIf(kind = 'seal'),
    countIf(kind = 'refused'), max(owned),
    {sums}
FROM (
    SELECT
        received_date AS day, build, toString(grain) AS kind, 0 AS counted, rows AS sealed,
        owner AS owned,
        {columns}
    FROM key_days
    WHERE project_id = {project_id:String}
        AND path = {path:String}
        AND grain NOT IN {grains}
        AND received_date >= {first:Date}
        AND received_date <= {last:Date}
    UNION ALL
    SELECT
        received_date AS day, build, 'sums' AS kind, count() AS counted, 0 AS sealed,
        0 AS owned,
        {zeros}
    FROM key_days
    WHERE project_id = {project_id:String}
        AND path = {path:String}
        AND grain IN {grains}
        AND received_date >= {first:Date}
        AND received_date <= {last:Date}
    GROUP BY received_date, build
)
GROUP BY day, build
ORDER BY day, build
LIMIT 10000
"""
BUILDS = (
    BUILDS.replace("{sums}", _SUMS)
    .replace("{grains}", GRAINS)
    .replace("{columns}", ", ".join(SUMMED))
    .replace("{zeros}", ", ".join(f"0 AS {column}" for column in SUMMED))
)
DAYS = """
SELECT
    received_date,
    {sums}
FROM trace_sums
WHERE project_id = {project_id:String}
    AND grain = 'day'
    AND received_date >= {first:Date}
    AND received_date <= {last:Date}
GROUP BY received_date
ORDER BY received_date
LIMIT 10000
""".replace("{sums}", _SUMS)
CALLS = """
SELECT received_date, count()
FROM traces
WHERE project_id = {project_id:String}
    AND received_at >= toDateTime64({first:Date}, 6, 'UTC')
    AND received_at < toDateTime64({last:Date} + 1, 6, 'UTC')
    AND billing = ''
GROUP BY received_date
ORDER BY received_date
LIMIT 10000
"""
MOST_NOTED = 32
"""Paths of a project that are noted in a day: names of keys are whatever somebody asks for."""
ASKED = """
SELECT countIf(path = {path:String}), uniqExact(path)
FROM asked_keys
WHERE project_id = {project_id:String}
    AND received_date = {today:Date}
"""
NOTE = """
INSERT INTO asked_keys (project_id, path, received_date)
SELECT {project_id:String}, {path:String}, {today:Date}
"""


class Build(NamedTuple):
    """One build of a day, sealed or not."""

    day: date
    number: int
    is_whole: bool
    """Whether it has a seal, and all of its rows are there."""
    is_refused: bool
    says_whose: bool
    """Whether an erased person can be left out. Those of older versions go as a whole then."""
    sums: tuple[Any, ...]
    """Of `SUMMED`, as the seal has them."""

    @property
    def counts(self) -> bool:
        """Whether it may be read."""
        return self.is_whole and not self.is_refused

    @property
    def is_as_new(self) -> bool:
        """Whether a build of now would be no better."""
        return self.is_whole and self.says_whose

    def is_older(self, seconds: float, now: float) -> bool:
        """Whether it was begun longer ago than that; `now` in seconds since 1970."""
        return now - self.number / 1_000_000 > seconds


async def scope_of(
    warehouse: Warehouse,
    project: ProjectContext,
    wanted: TraceFilter,
    *,
    names: Iterable[str],
    base_only: bool = False,
) -> Scope:
    """Picks the smallest table, as `rollups.scope` does, with the kept days where they help."""
    names = tuple(names)
    plain = rollups.scope(project, wanted, names=names, base_only=base_only)
    path = None if base_only else path_for(wanted, names)
    if path is None:
        return plain
    from_us, to_us = rollups.range_of(plain)
    outlived = outlived_hours(project, from_us, to_us)
    first_day, last_day = _whole_days(outlived, from_us, to_us)
    is_timed = not plain.clock.is_utc and not set(PERIODS).isdisjoint(names)
    least_days = LEAST_DAYS if outlived is None else 1
    if is_timed or last_day - first_day < least_days * DAY_US:
        return plain
    _, kept = await asyncio.gather(
        _note(warehouse, project, path), find_kept(warehouse, project, path, (from_us, to_us))
    )
    if kept is None:
        return plain
    if path != USERS:
        plain = plain._replace(first_us=first_day, last_us=last_day)
    return plain._replace(table="days", kept=kept, first_day_us=first_day, last_day_us=last_day)


def path_for(wanted: TraceFilter, names: Sequence[str]) -> str | None:
    """Returns under which path sums may be kept that know what is asked, `None` for none."""
    needed = {*names, *(name for name in DIMENSIONS if getattr(wanted, name, None) is not None)}
    needed |= {name for name, _ in wanted.without}
    keys = {key for key, _ in wanted.metadata}
    keys |= {name.removeprefix(METADATA) for name in needed if name.startswith(METADATA)}
    finer = ("session_id", "hour", "minute", "prompt", "prompt_version")
    is_finer = not needed.isdisjoint(finer)
    if is_finer or len(wanted.metadata) > 1 or replace(wanted, metadata=()).reads_rows:
        return None
    paths = {path_of(key) for key in keys}
    paths |= {path for name, path in NAMED if name in needed}
    return paths.pop() if len(paths) == 1 else None


async def find_kept(
    warehouse: Warehouse, project: ProjectContext, path: str, range_us: tuple[int, int]
) -> Kept | None:
    """Returns the kept days on which calls of a range of time may have come in."""
    first, last = _day(range_us[0], -1), _day(range_us[1], LATE_DAYS)
    days, builds = await asyncio.gather(
        sums_of_days(warehouse, project, first, last),
        builds_of(warehouse, project, path, first, last),
    )
    gone = _first_received(project)
    found = {
        day: _best(mine, days.get(day))
        for day, mine in groupby((one for one in builds if one.counts), key=lambda one: one.day)
    }
    found = {
        day: one
        for day, one in found.items()
        # Of users other sums know the days that are left out.
        if _is_of(one, days) or (day < gone and path != USERS)
    }
    unsure = {
        day: sums[0]
        for day, sums in days.items()
        if day < gone and sums[0] and (day not in found or found[day].sums != sums)
    }
    if unsure and path != USERS:
        # Of agent spans more may be gone than of calls: these are read, where all are there.
        calls = await calls_of_days(warehouse, project, min(unsure), max(unsure))
        unsure = {day: count for day, count in unsure.items() if calls.get(day) != count}
        found = {day: one for day, one in found.items() if day in unsure or _is_of(one, days)}
    numbers = tuple(one.number for one in found.values())
    return Kept(path, tuple(found), numbers, bool(unsure)) if found else None


def _is_of(one: Build, days: Mapping[date, tuple[Any, ...]]) -> bool:
    """Tells whether a build has the sums of its day."""
    return one.sums == days.get(one.day)


def _best(builds: Iterable[Build], sums: tuple[Any, ...] | None) -> Build:
    """Returns the newest build that has the sums of its day, else the one with most calls.

    The latter counts where calls are gone: costs of some that are left may be other ones by now.
    """
    return max(builds, key=lambda one: (one.sums == sums, one.sums[0], one.number))


async def sums_of_days(
    warehouse: Warehouse, project: ProjectContext, first: date, last: date
) -> dict[date, tuple[Any, ...]]:
    """Returns what the calls of a project add up to, by the day on which they came in."""
    values = {"project_id": project.project_id, "first": first, "last": last}
    rows = (await warehouse.query(DAYS, values)).rows
    return {row[0]: tuple(row[1:]) for row in rows}


async def calls_of_days(
    warehouse: Warehouse, project: ProjectContext, first: date, last: date
) -> dict[date, int]:
    """Returns how many calls are there that count, by the day on which they came in."""
    values = {"project_id": project.project_id, "first": first, "last": last}
    return {row[0]: row[1] for row in (await warehouse.query(CALLS, values)).rows}


async def builds_of(
    warehouse: Warehouse, project: ProjectContext, path: str, first: date, last: date
) -> list[Build]:
    """Returns the builds of a path by their days, the newest of each day last."""
    values = {"project_id": project.project_id, "path": path, "first": first, "last": last}
    rows = (await warehouse.query(BUILDS, values)).rows
    return [
        Build(
            day=row[0],
            number=row[1],
            is_whole=row[4] + row[5] == 1 and row[2] == row[3],
            is_refused=row[5] == 1,
            says_whose=row[5] == 1 or row[6] == 1,
            sums=tuple(row[7:]),
        )
        for row in rows
    ]


async def _note(warehouse: Warehouse, project: ProjectContext, path: str) -> None:
    """Notes that a key is asked for. An answer never fails for it."""
    values = {"project_id": project.project_id, "path": path, "today": datetime.now(UTC).date()}
    with suppress(WarehouseError):
        [(known, noted)] = (await warehouse.query(ASKED, values)).rows
        if not known and noted < MOST_NOTED:
            await warehouse.command(NOTE, values)


def _whole_days(outlived: Outlived | None, from_us: int, to_us: int) -> tuple[int, int]:
    """Returns the begin of the first whole day of a range and the end of the last one.

    An end in a time of which rows are gone is moved outwards to the hour, as for other sums.
    """
    if outlived is not None:
        from_us, to_us = outlived.first_us, (outlived.last_us or to_us + 1) - 1
    return whole_periods(from_us, to_us, DAY_US)


def _first_received(project: ProjectContext) -> date:
    """Returns from which day of receipt on rows are whole."""
    if project.rows_from_us is None:
        return date(1970, 1, 1)
    return first_received(_day(project.rows_from_us, 0))


def _day(us: int, beside: int) -> date:
    """Returns the day of a moment, so many days later, within what the type Date holds."""
    day = us // DAY_US + beside
    return date(1970, 1, 1) + timedelta(days=min(max(day, 0), 65_535))
