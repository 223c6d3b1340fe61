"""Groups of base rows and each of their buckets: two passes, where each of them took its own."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from clickhouse.client import Warehouse
from clickhouse.llm import rollup_sql, rollups
from clickhouse.llm.group_measures import MOST_ROWS, Key, Measured, Only, only_of
from clickhouse.llm.groups import ORDERS, Grouping, group_of, key_texts, shared, sums_in
from clickhouse.llm.rollups import SPREAD, RollupColumns, Scope, Sums
from clickhouse.queries.periods import Period
from clickhouse.queries.quantiles import Quantiles, milliseconds
from schemas.llm.answers import Group, SummedGroup

SHOWN = ("requests", "errors", "input", "output", "counted")


class Crossed(NamedTuple):
    """The first groups, without sessions, and the buckets with most traces of all groups."""

    groups: list[Group]
    cells: list[SummedGroup]


class Crossing(NamedTuple):
    """Groups in their order, and the buckets that each is parted into."""

    grouping: Grouping
    period: Period
    most_cells: int

    @property
    def names(self) -> tuple[str, ...]:
        """The dimensions of a bucket of a group."""
        return (*self.grouping.names, self.period)

    @property
    def summed(self) -> list[str]:
        """What is added up of a bucket, in the order of `Sums`."""
        needed = {"requests", *sums_in(ORDERS[self.grouping.order])}
        return [name for name in Sums._fields if name in needed]


async def cross_groups(warehouse: Warehouse, scoped: Scope, crossing: Crossing) -> Crossed:
    """Returns groups and buckets of a scope of base rows, on the clock of its buckets.

    Of a bucket it adds up what the order of the groups needs; of a group `SHOWN` as well, and its
    percentiles. All other numbers are 0.
    """
    grouping, width = crossing.grouping, len(crossing.grouping.names)
    values = rollups.values_of(scoped) | {"most": max(crossing.most_cells, grouping.limit)}
    statement = crossing_statement(scoped, crossing)
    rows = (await warehouse.query(statement, values, max_result_rows=MOST_ROWS)).rows
    ranked = [row for row in rows if row[-1]][: grouping.limit]
    keys: list[Key] = [tuple(row[:width]) for row in ranked]
    only = Only("", {})
    if len(keys) >= grouping.limit:
        only = only_of(grouping.names, keys, [row[-2] for row in ranked])
    found = await _measure(warehouse, scoped, crossing, only) if keys else {}
    return Crossed(
        [
            group_of(key_texts(scoped.clock, grouping.names, key), found[key], buckets=None)
            for key in keys
            if key in found
        ],
        [_cell(scoped, crossing, row) for row in rows if not row[-1]],
    )


def crossing_statement(scoped: Scope, crossing: Crossing) -> str:
    """Returns a statement that yields keys, sums, the groups' hash, and whether it is a group."""
    keys = rollup_sql.key_names(crossing.names)
    groups = keys[:-1]
    columns = rollups.sums(scoped, crossing.summed)
    columns = columns.plus(f"{rollup_sql.key_hash(groups)} AS hash")
    columns = columns.plus(f"grouping({keys[-1]}) AS is_group")
    first = ORDERS[crossing.grouping.order]
    ending = f"""GROUP BY GROUPING SETS (({", ".join(groups)}), ({", ".join(keys)}))
{rollup_sql.NOT_EMPTY}
ORDER BY is_group DESC, if(is_group = 1, {first}, NULL) DESC,
    if(is_group = 1, NULL, s_requests) DESC, {", ".join(keys)}
LIMIT {{most:UInt32}} BY is_group"""
    return rollups.statement(scoped, crossing.names, columns, ending=ending)


async def _measure(
    warehouse: Warehouse, scoped: Scope, crossing: Crossing, only: Only
) -> dict[Key, Measured]:
    names = crossing.grouping.names
    wanted = {*SHOWN, *crossing.summed}
    chosen = [name for name in Sums._fields if name in wanted]
    scoped = scoped._replace(only=only.clause)
    columns = RollupColumns([*rollups.sums(scoped, chosen).flat, SPREAD], [], [], [])
    statement = rollups.statement(scoped, names, columns)
    values = rollups.values_of(scoped) | only.values
    answer = await warehouse.query(statement, values, max_result_rows=MOST_ROWS)
    return {
        tuple(row[: len(names)]): Measured(
            Sums(**dict(zip(chosen, row[len(names) : -1], strict=True))),
            0,
            milliseconds(Quantiles(*row[-1])),
        )
        for row in answer.rows
    }


def _cell(scoped: Scope, crossing: Crossing, row: Sequence[Any]) -> SummedGroup:
    width = len(crossing.names)
    sums = Sums(**dict(zip(crossing.summed, row[width:-2], strict=True)))
    texts = key_texts(scoped.clock, crossing.names, tuple(row[:width]))
    return SummedGroup(key=texts.key, start=texts.start, **shared(sums))
