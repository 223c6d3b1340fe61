"""What pages of `llm` ask of the store: by the query functions of the API, in one turn each."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from api.pages.llm.measures import Measure
from api.pages.llm.wanted import Wanted
from api.pages.parts.texts import us_of
from clickhouse.client import Warehouse
from clickhouse.llm.analytics import analyse
from clickhouse.llm.filters import TraceFilter
from clickhouse.llm.groups import Grouping, rank_groups, read_groups, sum_groups
from schemas.llm.answers import AnalyticsAnswer, Group, SummedGroup

MOST_MOMENTS = 2_000
MOST_CELLS = 5_000
"""Groups times buckets of one chart."""

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


async def cells_of(
    store: Warehouse, wanted: Wanted, names: Sequence[str], measure: Measure
) -> Mapping[Key, Moments]:
    """Returns the numbers of each bucket of each group, of the groups with most calls."""
    grouping = Grouping((*names, wanted.range.bucket), "requests", False, MOST_CELLS)
    cells: dict[Key, dict[int, Numbers]] = {}
    for one in await as_needed(store, wanted, wanted.filter, grouping, measure):
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
