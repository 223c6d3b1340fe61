"""All numbers of groups of traces whose keys are known: sums, distinct sessions and percentiles."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from clickhouse.client import QueryResult, Warehouse
from clickhouse.llm import rollup_sql, rollups
from clickhouse.llm.rollups import Scope, Sums
from clickhouse.queries.outlived import outlived_hours
from clickhouse.queries.quantiles import UNMEASURED, Percentiles, Quantiles, milliseconds

# More is refused: sums over rows that a LIMIT cut off would be wrong.
MOST_ROWS = 500_000
MOST_TEXT = 50_000
"""Characters of group names in one statement."""

SESSION = "session_id"
Key = tuple[Any, ...]


class Measured(NamedTuple):
    """All numbers of one group."""

    sums: Sums
    sessions: int
    spread: Percentiles


class Only(NamedTuple):
    """A restriction of a statement to some groups, by the hash of their keys."""

    clause: str
    values: dict[str, Any]


def only_of(names: tuple[str, ...], keys: Sequence[Key], hashes: list[int]) -> Only:
    """Restricts a statement to some groups, or, by hashes that are alike, to some more.

    By each text of theirs first: the engine looks at the few of a dictionary, or into an index,
    where it had to work out a hash of every row. Of hashes cityHash64: sipHash64 took two thirds of
    some statements. Who makes them collide only has more groups read.
    """
    clause, values = "", {}
    for place, name in enumerate(names):
        texts = sorted({key[place] for key in keys}) if name in rollups.DIMENSIONS else []
        if 0 < sum(map(len, texts)) <= MOST_TEXT:
            clause += f" AND k{place} IN {{only{place}:Array(String)}}"
            values[f"only{place}"] = texts
    if values and len(names) == 1:
        return Only(clause, values)
    hashed = rollup_sql.key_hash(rollup_sql.key_names(names))
    clause += f" AND {hashed} IN {{hashes:Array(UInt64)}}"
    return Only(clause, {**values, "hashes": hashes})


async def count_sessions(warehouse: Warehouse, scoped: Scope) -> int:
    """Returns the exact number of distinct sessions."""
    sql = rollups.sessions_statement(scoped, ())
    return int((await warehouse.query(sql, rollups.values_of(scoped))).rows[0][0])


async def measure_latency(warehouse: Warehouse, scoped: Scope) -> Percentiles:
    """Returns p50, p90, p95 and p99 of latency in milliseconds."""
    return (await _spreads_of(warehouse, scoped, (), Only("", {}))).get((), UNMEASURED)


async def measure(
    warehouse: Warehouse,
    scoped: Scope,
    names: tuple[str, ...],
    only: Only,
    known: Mapping[Key, Sums],
) -> dict[Key, Measured]:
    """Returns all numbers of some groups: in one pass where no rollup has the sums."""
    scoped = scoped._replace(only=only.clause)
    width = len(names)
    if scoped.table == "base":
        statement = rollups.statement(scoped, names, rollups.full(scoped))
        answer = await ask(warehouse, scoped, statement, only)
        return {
            tuple(row[:width]): Measured(
                Sums(*row[width:-2]), int(row[-2]), milliseconds(Quantiles(*row[-1]))
            )
            for row in answer.rows
        }
    sums, sessions, spreads = await asyncio.gather(
        _sums_of(warehouse, scoped, names, only, known),
        _sessions_of(warehouse, scoped, names, only),
        _spreads_of(warehouse, scoped, names, only),
    )
    if SESSION in names:
        # A group is of one session, or of calls without any.
        sessions = {key: int(key[names.index(SESSION)] != "") for key in sums}
    return {
        key: Measured(each, sessions.get(key, 0), spreads.get(key, UNMEASURED))
        for key, each in sums.items()
    }


async def _sums_of(
    warehouse: Warehouse,
    scoped: Scope,
    names: tuple[str, ...],
    only: Only,
    known: Mapping[Key, Sums],
) -> Mapping[Key, Sums]:
    if known:
        return known
    width = len(names)
    statement = rollups.statement(scoped, names, rollups.sums(scoped))
    answer = await ask(warehouse, scoped, statement, only)
    return {tuple(row[:width]): Sums(*row[width:]) for row in answer.rows}


async def _sessions_of(
    warehouse: Warehouse, scoped: Scope, names: tuple[str, ...], only: Only
) -> dict[Key, int]:
    if SESSION in names:
        return {}
    answer = await ask(warehouse, scoped, rollups.sessions_statement(scoped, names), only)
    return {tuple(row[:-1]): int(row[-1]) for row in answer.rows}


async def _spreads_of(
    warehouse: Warehouse, scoped: Scope, names: tuple[str, ...], only: Only
) -> dict[Key, Percentiles]:
    """Returns percentiles; of groups with few values from the values, if no row is gone."""
    found = await _quantiles_of(warehouse, scoped, names, only)
    few = {key: hashed for key, (hashed, quantiles) in found.items() if quantiles.lacks_values}
    if few and outlived_hours(scoped.project, *rollups.range_of(scoped)) is None:
        among = only_of(names, list(few), list(few.values())) if names else only
        base = scoped._replace(table="base", kept=None, only=among.clause)
        found |= await _quantiles_of(warehouse, base, names, among)
    return {key: milliseconds(quantiles) for key, (_, quantiles) in found.items()}


async def _quantiles_of(
    warehouse: Warehouse, scoped: Scope, names: tuple[str, ...], only: Only
) -> dict[Key, tuple[int, Quantiles]]:
    """Returns the hash and the quantiles of each group."""
    answer = await ask(warehouse, scoped, rollups.spread_statement(scoped, names), only)
    return {tuple(row[:-2]): (row[-1], Quantiles(*row[-2])) for row in answer.rows}


async def ask(warehouse: Warehouse, scoped: Scope, statement: str, only: Only) -> QueryResult:
    """Runs a statement of `rollups`; `only` gives what its condition binds."""
    values = rollups.values_of(scoped) | only.values
    return await warehouse.query(statement, values, max_result_rows=MOST_ROWS)
