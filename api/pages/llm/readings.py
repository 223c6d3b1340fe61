"""What pages of `llm` ask of the store: by the query functions of the API, in one turn each."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from api.pages.llm.measures import Measure
from api.pages.llm.wanted import Wanted
from api.pages.parts.charts import Mark
from api.pages.parts.texts import us_of
from clickhouse.client import Warehouse
from clickhouse.llm.analytics import analyse
from clickhouse.llm.cells import Crossing, cross_groups
from clickhouse.llm.differences import Figures, Side, compare_groups, find_keys
from clickhouse.llm.filters import TraceFilter
from clickhouse.llm.groups import Grouping, rank_groups, read_groups, sum_groups
from clickhouse.llm.key_days import scope_of
from clickhouse.llm.releases import find_releases
from clickhouse.llm.rollups import METADATA
from clickhouse.llm.traces import count_traces
from schemas.llm.answers import AnalyticsAnswer, Group, SummedGroup

MOST_MOMENTS = 2_000
MOST_CELLS = 5_000
"""Groups times buckets of one chart."""
COMPARED: tuple[str, ...] = ("model", "user", "environment")
MOST_SUMMED = 200
MOST_COMPARED = 1_000_000
"""Calls of a range and of the time before that are looked at one by one."""
MOST_MARKED = 500_000
"""Calls of a range that are looked at for their releases."""
PLAIN = re.compile(r'[^\s:"]{1,100}')
"""A key that the filter can ask for."""

Numbers: TypeAlias = Group | SummedGroup
Moments: TypeAlias = Mapping[int, Numbers]
"""Of each bucket that has data, by its first moment."""
Key: TypeAlias = tuple[str | None, ...]


async def totals_of(store: Warehouse, wanted: Wanted, narrowed: TraceFilter) -> AnalyticsAnswer:
    """Returns the totals of a range."""
    return await analyse(store, wanted.project, narrowed, period="day", base_only=wanted.is_fine)


async def groups_of(
    store: Warehouse, wanted: Wanted, narrowed: TraceFilter, grouping: Grouping
) -> list[Group]:
    """Returns the first groups with all their numbers."""
    ranked = await rank_groups(store, wanted.project, narrowed, grouping, base_only=wanted.is_fine)
    if not ranked.keys:
        return []
    return await read_groups(store, wanted.project, ranked, slice(None))


async def sums_of(
    store: Warehouse, wanted: Wanted, narrowed: TraceFilter, grouping: Grouping
) -> list[SummedGroup]:
    """Returns the first groups with what adds up: one statement."""
    return await sum_groups(store, wanted.project, narrowed, grouping, base_only=wanted.is_fine)


async def as_needed(
    store: Warehouse,
    wanted: Wanted,
    narrowed: TraceFilter,
    grouping: Grouping,
    measure: Measure,
) -> Sequence[Numbers]:
    """Returns the first groups with as many of their numbers as a measure needs, others at 0."""
    if measure.is_spread:
        return await groups_of(store, wanted, narrowed, grouping)
    return await sums_of(store, wanted, narrowed, grouping._replace(summed=measure.order))


async def moments_of(
    store: Warehouse, wanted: Wanted, narrowed: TraceFilter, measure: Measure
) -> Moments:
    """Returns the numbers of each bucket of a range, as many as a measure needs."""
    grouping = Grouping((wanted.range.bucket,), "key", True, MOST_MOMENTS)
    ask = groups_of if measure.is_spread else sums_of
    return {
        us_of(one.start): one for one in await ask(store, wanted, narrowed, grouping) if one.start
    }


async def groups_and_cells(
    store: Warehouse, wanted: Wanted, grouping: Grouping, measure: Measure
) -> tuple[list[Group], Mapping[Key, Moments]]:
    """Returns the first groups, and the numbers of each bucket of those with most calls.

    Where no rollup knows the groups, both at once, as far as a table of `measure` shows them.
    """
    names, period = grouping.names, wanted.range.bucket
    scoped = await scope_of(
        store, wanted.project, wanted.filter, names=(*names, period), base_only=wanted.is_fine
    )
    if scoped.table == "base" and not measure.is_spread:
        crossing = Crossing(grouping, period, MOST_CELLS)
        crossed = await cross_groups(store, scoped, crossing)
        return crossed.groups, _by_group(crossed.cells, names)
    finer = Grouping((*names, period), "requests", False, MOST_CELLS)
    groups, cells = await asyncio.gather(
        groups_of(store, wanted, wanted.filter, grouping),
        as_needed(store, wanted, wanted.filter, finer, measure),
    )
    return groups, _by_group(cells, names)


def _by_group(found: Sequence[Numbers], names: Sequence[str]) -> Mapping[Key, Moments]:
    cells: dict[Key, dict[int, Numbers]] = {}
    for one in found:
        if one.start:
            key = tuple(one.key[name] for name in names)
            cells.setdefault(key, {})[us_of(one.start)] = one
    return cells


async def both_sums(
    store: Warehouse, wanted: Wanted, grouping: Grouping
) -> tuple[list[SummedGroup], list[SummedGroup]]:
    """Returns the groups of a range, and of the time before."""
    now, before = await asyncio.gather(
        sums_of(store, wanted, wanted.filter, grouping),
        sums_of(store, wanted, wanted.before, grouping),
    )
    return now, before


async def marks_of(store: Warehouse, wanted: Wanted) -> list[Mark]:
    """Returns where a release is seen first in a range, unless it was there from the beginning.

    None of a range with very many calls: no rollup knows their releases.
    """
    if await count_traces(store, wanted.project, wanted.filter) > MOST_MARKED:
        return []
    releases = await find_releases(store, wanted.project, wanted.filter)
    known_us = wanted.range.first_us + wanted.range.length_us // 50
    return [
        Mark(one.first_us, f"Release {one.name}") for one in releases if one.first_us > known_us
    ]


async def sides_of(store: Warehouse, wanted: Wanted) -> dict[str, Side]:
    """Returns each dimension in a range and in the time before.

    Where the calls of both are few, from them: with p95, and with keys of the metadata. Else from
    rollups, which know neither; and users always, of whom there may be many.
    """
    calls, earlier, keys = await asyncio.gather(
        count_traces(store, wanted.project, wanted.filter),
        count_traces(store, wanted.project, wanted.before),
        find_keys(store, wanted.project, wanted.filter),
    )
    asks = dict.fromkeys(COMPARED, _summed_side)
    if calls + earlier <= MOST_COMPARED:
        tags = [METADATA + key for key in keys if PLAIN.fullmatch(key)]
        asks |= dict.fromkeys(("model", "environment", *tags), _side)
    sides = await asyncio.gather(*(ask(store, wanted, name) for name, ask in asks.items()))
    return dict(zip(asks, sides, strict=True))


async def _side(store: Warehouse, wanted: Wanted, name: str) -> Side:
    return await compare_groups(store, wanted.project, wanted.filter, wanted.before, name)


async def _summed_side(store: Warehouse, wanted: Wanted, name: str) -> Side:
    grouping = Grouping((name,), "requests", False, MOST_SUMMED)
    both = await both_sums(store, wanted, grouping)
    now, before = (
        {one.key[name]: Figures(one.requests, one.errors, one.cost_cents or 0.0) for one in groups}
        for groups in both
    )
    return Side(now, before)
