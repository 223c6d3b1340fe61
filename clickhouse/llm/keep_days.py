"""Builds the days of `key_days` from the calls; which of them count says `clickhouse.llm.key_days`.

A build may be broken off at any moment: it counts once it has its seal. May run in one process of
an installation at a time; builds of two would do no harm but be twice the work.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from clickhouse.client import Warehouse
from clickhouse.failures import QueryTooExpensive
from clickhouse.kept_days import API_KEYS, USERS
from clickhouse.llm.key_days import SUMMED
from clickhouse.llm.rollup_sql import GRAINS, MEASURES
from clickhouse.queries.quantiles import EMPTY, SKETCH
from clickhouse.tags import path_sql
from schemas.projects import ProjectId

MOST_ROWS = 300_000
"""Of one build. A day with more combinations of values is refused: it is read from its calls."""
MOST_FEW = 64
"""Latencies of a row that are kept as they are: a sketch of as many takes as much space."""
BUILD_SETTINGS: dict[str, Any] = {
    "max_rows_to_group_by": MOST_ROWS,
    "group_by_overflow_mode": "throw",
    "max_memory_usage": 2 << 30,
    "max_execution_time": 240,
    "max_threads": 1,
    "max_insert_block_size": 1_000_000,
    "min_insert_block_size_rows": 1_000_000,
    "min_insert_block_size_bytes": 1 << 30,
}
STATE = f"quantilesDDState{SKETCH}"
COUNTED = {name: total for name, total, _ in MEASURES}
SUMS = (
    *("requests", "input", "output", "cache_read", "cache_write", "reasoning", "reported"),
    "computed",
)
FIRST_COSTS = (
    "sum(coalesce(t.reported_cost, t.computed_cost, 0))",
    "sum(coalesce(t.computed_cost, t.reported_cost, 0))",
)
OWNER = "if(uniqUpTo(1)(t.user_id) = 1 AND any(t.user_id) != '', sipHash64(any(t.user_id)), 0)"
"""Of the calls that are added up in one row, where they are one user's: of metadata, which may say
who that is."""
BUILD = """
INSERT INTO key_days (
    project_id, path, grain, received_date, build, bucket, user_id, tag, provider,
    model_requested, status, environment, owner, {summed}, latency, few, sessions)
SELECT
    {project_id:String}, {path:String}, if(length(latencies) > {most_few}, 'many', 'few'),
    {day:Date}, {build:UInt64}, bucket, k_user, k_tag, provider, model_requested, status,
    environment, owner, {shorts},
    if(length(latencies) > {most_few}, arrayReduce('{state}', latencies), {empty}),
    if(length(latencies) > {most_few}, [], latencies),
    arrayFilter(one -> one != 0, arrayDistinct(hashes))
FROM (
    SELECT
        fromUnixTimestamp64Micro(toUnixTimestamp64Micro(timestamp)
            - positiveModulo(toUnixTimestamp64Micro(timestamp), 86400000000), 'UTC') AS bucket,
        {user} AS k_user, {tag} AS k_tag, provider, model_requested, status, environment,
        {owner} AS owner,
        {sums},
        groupArray(t.latency_ns) AS latencies,
        groupArray(t.session_hash) AS hashes
    FROM traces AS t
    WHERE project_id = {project_id:String}
        AND received_at >= toDateTime64({day:Date}, 6, 'UTC')
        AND received_at < toDateTime64({day:Date} + 1, 6, 'UTC')
        AND billing = ''
    GROUP BY bucket, k_user, k_tag, provider, model_requested, status, environment
)
"""
OF_BUILD = """project_id = {project_id:String}
    AND path = {path:String}
    AND received_date = {day:Date}"""
SEAL = """
INSERT INTO key_days (
    project_id, path, grain, received_date, build, owner, rows, {summed})
SELECT
    {project_id:String}, {path:String}, 'seal', {day:Date}, {build:UInt64}, 1, count(), {totals}
FROM key_days
WHERE {of_build}
    AND build = {build:UInt64}
    AND grain IN {grains}
"""
REFUSE = """
INSERT INTO key_days (
    project_id, path, grain, received_date, build, rows, {summed})
SELECT
    {project_id:String}, {path:String}, 'refused', {day:Date}, {build:UInt64}, 0, {totals}
FROM trace_sums
WHERE project_id = {project_id:String}
    AND received_date = {day:Date}
    AND grain = 'day'
"""
DROP = """
DELETE FROM key_days
WHERE {of_build}
    AND build IN {builds:Array(UInt64)}
"""
DESTROY = "ALTER TABLE key_days DELETE WHERE {of_build} AND build = {build:UInt64}"
NAMED = {
    "{summed}": ", ".join(SUMMED),
    "{shorts}": ", ".join(f"s_{column}" for column in SUMMED),
    "{totals}": ", ".join(f"sum({column})" for column in SUMMED),
    "{sums}": ",\n        ".join(
        f"{total} AS s_{column}"
        for total, column in zip(
            (
                *(COUNTED[name] for name in SUMS),
                *FIRST_COSTS,
                COUNTED["unpriced"],
                COUNTED["latency_ns"],
            ),
            SUMMED,
            strict=True,
        )
    ),
    "{of_build}": OF_BUILD,
    "{grains}": GRAINS,
    "{most_few}": str(MOST_FEW),
    "{state}": STATE,
    "{empty}": EMPTY,
}


class Day(NamedTuple):
    """What is built at a time: a day of a project under one path."""

    project_id: ProjectId
    path: str
    day: date

    @property
    def values(self) -> dict[str, Any]:
        """What statements bind."""
        return {"project_id": self.project_id, "path": self.path, "day": self.day}


async def build(store: Warehouse, day: Day, number: int) -> bool:
    """Builds a day without its seal; tells whether it has few enough values."""
    user, tag, owner = "''", "''", "0"
    if day.path == USERS:
        user = "user_id::String"
    elif day.path == API_KEYS:
        tag = "api_key::String"
    else:
        tag, owner = path_sql(day.path), OWNER
    sql = _filled(BUILD).replace("{user}", user).replace("{tag}", tag).replace("{owner}", owner)
    try:
        await store.command(sql, day.values | {"build": number}, **BUILD_SETTINGS)
    except QueryTooExpensive:
        return False
    return True


async def seal(store: Warehouse, day: Day, number: int) -> None:
    """Makes a build count."""
    await store.command(_filled(SEAL), day.values | {"build": number})


async def refuse(store: Warehouse, day: Day, number: int) -> None:
    """Notes that a day has too many values, so that it is not tried again and again."""
    await store.command(_filled(REFUSE), day.values | {"build": number})


async def destroy(store: Warehouse, day: Day, number: int, settings: Mapping[str, Any]) -> None:
    """Deletes a build off the disk too, which rows that are marked as deleted stay on."""
    await store.command(_filled(DESTROY), day.values | {"build": number}, **settings)


async def drop_builds(store: Warehouse, day: Day, numbers: Sequence[int]) -> None:
    """Deletes builds that count no longer, or never did."""
    await store.command(_filled(DROP), day.values | {"builds": list(numbers)})


def _filled(sql: str) -> str:
    for place, meaning in NAMED.items():
        sql = sql.replace(place, meaning)
    return sql
