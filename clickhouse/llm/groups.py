"""Traces grouped by any dimensions: the largest groups first, then what is dear for those alone."""

import asyncio
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from clickhouse.client import Warehouse
from clickhouse.llm import rollup_sql, rollups
from clickhouse.llm.filters import TraceFilter
from clickhouse.llm.group_measures import (
    Key,
    Measured,
    Only,
    ask,
    measure,
    only_of,
)
from clickhouse.llm.key_days import scope_of
from clickhouse.llm.rollups import METADATA, Scope, Sums
from clickhouse.queries.periods import PERIODS, Label, Period, Periods
from clickhouse.queries.values import cents_sum, quotient
from clickhouse.tags import read_tag
from schemas.llm.answers import Bucket, Group, SummedGroup, TokenTotals
from schemas.projects import ProjectContext
from schemas.zones import Clock

# Sort expressions over the sums of a group, by the name that `order` gives.
ORDERS: Mapping[str, str] = {
    "cost": "s_counted",
    "requests": "s_requests",
    "errors": "s_errors",
    "error_rate": "s_errors / s_requests",
    "tokens": "s_input + s_output",
    "input_tokens": "s_input",
    "output_tokens": "s_output",
    "latency": "s_latency_ns / s_requests",
    "unpriced": "s_unpriced",
}
KEPT_S = 5.0
"""For so long a build that was found is there for sure (`processors.llm.key_days.SPARED_S`), though
another may have replaced it. An answer of many parts takes longer, and looks again."""


class Grouping(NamedTuple):
    """How to group: dimensions, `order` (a key of `ORDERS` or `key`), how many, which buckets.

    With `fill`, buckets without data are there too. With `summed`, a key of `ORDERS`, `sum_groups`
    adds up what this order and `order` need, and leaves the other sums at 0.
    """

    names: tuple[str, ...]
    order: str = "cost"
    ascending: bool = False
    limit: int = 100
    interval: Period | None = None
    fill: bool = False
    summed: str | None = None


class Ranked(NamedTuple):
    """The first groups in the order asked for, ties by key: what `read_groups` reads some of."""

    scoped: Scope
    grouping: Grouping
    keys: list[Key]
    hashes: list[int]
    sums: Mapping[Key, Sums]
    """Of the groups, where the ranking added them all up; else empty."""
    scoped_s: float
    """When it was looked up which days are kept, on the monotonic clock."""

    def chunks(self, at_once: int) -> list[slice]:
        """Returns the groups in chunks of so many."""
        return [slice(n, n + at_once) for n in range(0, len(self.keys), at_once)]


async def rank_groups(
    warehouse: Warehouse,
    project: ProjectContext,
    wanted: TraceFilter,
    grouping: Grouping,
    *,
    base_only: bool = False,
) -> Ranked:
    """Returns the first groups, by their keys."""
    names, began = grouping.names, time.monotonic()
    scoped = await scope_of(warehouse, project, wanted, names=names, base_only=base_only)
    values = rollups.values_of(scoped) | {"limit": grouping.limit}
    answer = await warehouse.query(rank_statement(scoped, grouping), values)
    width = len(names)
    keys: list[Key] = [tuple(row[:width]) for row in answer.rows]
    sums: dict[Key, Sums] = {}
    if adds_all(scoped):
        sums = {key: Sums(*row[width:-1]) for key, row in zip(keys, answer.rows, strict=True)}
    return Ranked(scoped, grouping, keys, [row[-1] for row in answer.rows], sums, began)


async def read_groups(
    warehouse: Warehouse, project: ProjectContext, ranked: Ranked, chosen: slice
) -> list[Group]:
    """Returns some of the ranked groups with all their numbers."""
    scoped, grouping = ranked.scoped._replace(project=project), ranked.grouping
    names, keys = grouping.names, ranked.keys[chosen]
    if scoped.kept is not None and time.monotonic() - ranked.scoped_s > KEPT_S:
        scoped = await scope_of(warehouse, project, scoped.wanted, names=names)
    are_all = len(keys) == len(ranked.keys) < grouping.limit
    only = Only("", {}) if are_all else only_of(names, keys, ranked.hashes[chosen])
    found, buckets = await asyncio.gather(
        measure(warehouse, scoped, names, only, ranked.sums),
        _buckets_of(warehouse, scoped, grouping, only),
    )
    return [
        group_of(
            key_texts(scoped.clock, names, key),
            found[key],
            buckets=buckets.get(key, []) if buckets is not None else None,
        )
        for key in keys
        if key in found
    ]


async def sum_groups(
    warehouse: Warehouse,
    project: ProjectContext,
    wanted: TraceFilter,
    grouping: Grouping,
    *,
    base_only: bool = False,
) -> list[SummedGroup]:
    """Returns the first groups in the order asked for, without sessions and percentiles."""
    names = grouping.names
    scoped = await scope_of(warehouse, project, wanted, names=names, base_only=base_only)
    statement = ranked_sums_statement(scoped, grouping)
    values = rollups.values_of(scoped) | {"limit": grouping.limit}
    answer = await warehouse.query(statement, values)
    found, chosen = [], _summed(grouping)
    for row in answer.rows:
        texts = key_texts(scoped.clock, names, tuple(row[: len(names)]))
        sums = Sums(**dict(zip(chosen, row[len(names) :], strict=True)))
        found.append(SummedGroup(key=texts.key, start=texts.start, **shared(sums)))
    return found


def adds_all(scoped: Scope) -> bool:
    """Whether a ranking adds up all sums: where groups are few, another pass would cost more."""
    return scoped.table in ("hourly", "days")


def rank_statement(scoped: Scope, grouping: Grouping) -> str:
    """Returns a statement that yields the first groups' keys, sums and hashes.

    Of the sums it adds up what the order needs and no more, but for `adds_all`.
    """
    keys = rollup_sql.key_names(grouping.names)
    measures: Sequence[str] = ["requests", *sums_in(ordered(grouping))]
    if adds_all(scoped):
        measures = Sums._fields
    columns = rollups.sums(scoped, measures).plus(f"{rollup_sql.key_hash(keys)} AS hash")
    return rollups.statement(scoped, grouping.names, columns, ending=_ending(grouping))


def ranked_sums_statement(scoped: Scope, grouping: Grouping) -> str:
    """Returns a statement that yields the first groups' keys and their sums, in `Sums`' order."""
    columns = rollups.sums(scoped, _summed(grouping))
    return rollups.statement(scoped, grouping.names, columns, ending=_ending(grouping))


def _summed(grouping: Grouping) -> Sequence[str]:
    if grouping.summed is None:
        return Sums._fields
    needed = {"requests", *sums_in(ordered(grouping)), *sums_in(ORDERS[grouping.summed])}
    return [name for name in Sums._fields if name in needed]


def sums_in(order: str) -> list[str]:
    return re.findall(r"s_(\w+)", order)


def _ending(grouping: Grouping) -> str:
    grouped = f"{rollup_sql.grouped(rollup_sql.key_names(grouping.names))}\n{rollup_sql.NOT_EMPTY}"
    return f"{grouped}\nORDER BY {ordered(grouping)}\nLIMIT {{limit:UInt32}}"


def ordered(grouping: Grouping) -> str:
    keys = rollup_sql.key_names(grouping.names)
    direction = "ASC" if grouping.ascending else "DESC"
    if grouping.order == "key":
        return ", ".join(f"{key} {direction}" for key in keys)
    return f"{ORDERS[grouping.order]} {direction}, {', '.join(keys)}"


async def _buckets_of(
    warehouse: Warehouse, scoped: Scope, grouping: Grouping, only: Only
) -> dict[Key, list[Bucket]] | None:
    interval = grouping.interval
    if interval is None:
        return None
    names = (*grouping.names, interval)
    base_only = scoped.table == "base"
    project, wanted = scoped.project, scoped.wanted
    scoped = await scope_of(warehouse, project, wanted, names=names, base_only=base_only)
    scoped = scoped._replace(only=only.clause)
    statement = rollups.statement(scoped, names, rollups.sums(scoped))
    answer = await ask(warehouse, scoped, statement, only)
    width = len(grouping.names)
    periods = Periods(scoped.clock, interval)
    every = periods.keys(*rollups.range_of(scoped)) if grouping.fill else []
    found: dict[Key, dict[int, Sums]] = {}
    for row in (row for row in answer.rows if row[width + 1]):  # some are billed
        sums = found.setdefault(tuple(row[:width]), dict.fromkeys(every, Sums()))
        sums[row[width]] = Sums(*row[width + 1 :])
    return {
        key: [_bucket(periods.label(start), sums[start]) for start in sorted(sums)]
        for key, sums in found.items()
    }


class _KeyTexts(NamedTuple):
    """A group's key as an answer shows it, and the first moment of its period."""

    key: dict[str, str | None]
    start: str | None


def key_texts(clock: Clock, names: tuple[str, ...], key: Key) -> _KeyTexts:
    texts: dict[str, str | None] = {}
    labels: dict[Period, Label] = {}
    for name, value in zip(names, key, strict=True):
        if name in PERIODS:
            labels[name] = Periods(clock, name).label(value)
            texts[name] = labels[name].period
        else:
            texts[name] = read_tag(value) if name.startswith(METADATA) else value or None
    finest = min(labels, key=PERIODS.index, default=None)
    return _KeyTexts(texts, None if finest is None else labels[finest].start)


def tokens(sums: Sums) -> TokenTotals:
    """Returns the token sums in the answer's form."""
    return TokenTotals(
        input=sums.input,
        output=sums.output,
        total=sums.input + sums.output,
        cache_read=sums.cache_read,
        cache_write=sums.cache_write,
        reasoning=sums.reasoning,
    )


def group_of(shown: _KeyTexts, found: Measured, *, buckets: list[Bucket] | None) -> Group:
    p50, p90, p95, p99 = found.spread
    return Group(
        key=shown.key,
        start=shown.start,
        **shared(found.sums),
        sessions=found.sessions,
        p50=p50,
        p90=p90,
        p95=p95,
        p99=p99,
        buckets=buckets,
    )


def _bucket(label: Label, sums: Sums) -> Bucket:
    return Bucket(period=label.period, start=label.start, **shared(sums))


def shared(sums: Sums) -> dict[str, Any]:
    return {
        "requests": sums.requests,
        "errors": sums.errors,
        "error_rate": quotient(sums.errors * 100, sums.requests),
        "tokens": tokens(sums),
        "cost_cents": cents_sum(sums.counted),
        "reported_cost_cents": cents_sum(sums.reported),
        "computed_cost_cents": cents_sum(sums.computed),
        "unpriced_requests": sums.unpriced,
        "avg_latency": quotient(sums.latency_ns, sums.requests * 1_000_000),
    }
