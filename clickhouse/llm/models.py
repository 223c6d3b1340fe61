"""Which models a project used: from the rollup of traces, and from the answers among its spans."""

import asyncio
from typing import Any, NamedTuple

from clickhouse.client import Warehouse
from clickhouse.llm import rollups
from clickhouse.llm.filters import SpanFilter, TraceFilter, condition
from clickhouse.llm.groups import tokens
from clickhouse.llm.rollup_sql import COUNTED_SUM
from clickhouse.llm.rollups import Sums
from clickhouse.queries.values import cents_sum, text_or_none
from schemas.llm.models import ModelUse
from schemas.projects import ProjectContext
from schemas.times import iso_ms
from schemas.zones import HOUR_US

MOST_MODELS = 1_000
MOST_UNPRICED = 1_000
MOST_BESIDE = 100_000
"""Names that share a moment with those asked for."""
ID_OF = {"traces": "trace_id", "spans": "span_id"}
ENDING = """GROUP BY k0, k1
HAVING s_requests != 0
ORDER BY s_counted DESC, s_requests DESC, k0, k1
LIMIT {limit:UInt32}"""
SPANS = """
SELECT
    ifNull(provider::Nullable(String), '') AS k0,
    model::String AS k1,
    count() AS s_requests,
    countIf(status = 'error'),
    sum(toUInt128(ifNull(t.input_tokens, 0))),
    sum(toUInt128(ifNull(t.output_tokens, 0))),
    sum(toUInt128(ifNull(t.cache_read_tokens, 0))),
    sum(toUInt128(ifNull(t.cache_write_tokens, 0))),
    sum(toUInt128(ifNull(t.reasoning_tokens, 0))),
    sum(ifNull(t.reported_cost, 0)),
    sum(ifNull(t.computed_cost, 0)),
    countIf(t.reported_cost IS NULL AND t.computed_cost IS NULL),
    0,
    {counted} AS s_counted,
    min(toUnixTimestamp64Micro(t.timestamp)),
    max(toUnixTimestamp64Micro(t.timestamp))
FROM spans AS t
WHERE {where}
    AND kind = 'llm_response'
    AND model IS NOT NULL
{ending}
"""
UNPRICED = """
SELECT
    {provider},
    {used},
    {requested},
    input_tokens IS NOT NULL OR output_tokens IS NOT NULL AS is_counted,
    {columns}
FROM {table}
WHERE {where}
    AND computed_cost IS NULL
    AND reported_cost IS NULL{more}
GROUP BY ALL
ORDER BY {order}
LIMIT {limit:UInt32}
"""
# Ids are read of single moments alone: those of 10 M traces took two thirds of the time.
CALLS = ("count() AS calls, any(toUnixTimestamp64Micro(timestamp)) AS at_us", "calls DESC")
OF_MOMENTS = "\n    AND toUnixTimestamp64Micro(timestamp) IN {moments:Array(Int64)}"
UNPRICED_TRACES = (
    UNPRICED.replace("{table}", "traces")
    .replace("{provider}", "provider::String")
    .replace("{used}", "ifNull(model_used::Nullable(String), '')")
    .replace("{requested}", "model_requested::String")
    .replace("{more}", "")
)
UNPRICED_SPANS = (
    UNPRICED.replace("{table}", "spans")
    .replace("{provider}", "ifNull(provider::Nullable(String), '')")
    .replace("{used}", "''")
    .replace("{requested}", "model::String")
    .replace("{more}", "\n    AND kind = 'llm_response'\n    AND model IS NOT NULL")
)


class Unpriced(NamedTuple):
    """Calls by one name whose cost is unknown."""

    seen_in: str
    provider: str
    used: str
    requested: str
    is_counted: bool
    """Whether they have token counts."""
    calls: int
    example: str
    """The id of one of them; empty where it has been deleted meanwhile."""


async def find_models(
    warehouse: Warehouse, project: ProjectContext, from_us: int, to_us: int
) -> list[ModelUse]:
    """Returns the models of a range, without reasons, in no order."""
    traces, spans = await asyncio.gather(
        _of_traces(warehouse, project, TraceFilter(from_us=from_us, to_us=to_us)),
        _of_spans(warehouse, project, SpanFilter(from_us=from_us, to_us=to_us)),
    )
    return [*traces, *spans]


async def find_unpriced(
    warehouse: Warehouse, project: ProjectContext, from_us: int, to_us: int
) -> list[Unpriced]:
    """Returns the calls whose cost is unknown, by the names that they came with."""
    return [
        *await _unpriced(warehouse, project, TraceFilter(from_us=from_us, to_us=to_us)),
        *await _unpriced(warehouse, project, SpanFilter(from_us=from_us, to_us=to_us)),
    ]


async def _of_traces(
    warehouse: Warehouse, project: ProjectContext, wanted: TraceFilter
) -> list[ModelUse]:
    names = ("provider", "model")
    # By hours also where days have rows of their own: these do not say when within the day.
    scoped = rollups.scope(project, wanted, names=(*names, "hour"))
    columns = rollups.sums(scoped)
    for name, way in (("first", "min"), ("last", "max")):
        moment = "toUnixTimestamp64Micro({time})"
        columns = columns._replace(
            flat=[*columns.flat, f"{way}({moment.format(time='t.timestamp')})"],
            base=[*columns.base, f"{way}({moment.format(time='t.timestamp')}) AS m_{name}"],
            rolled=[*columns.rolled, f"{moment.format(time='bucket')} AS m_{name}"],
            total=[*columns.total, f"{way}(m_{name})"],
        )
    sql = rollups.statement(scoped, names, columns, ending=ENDING)
    answer = await warehouse.query(sql, rollups.values_of(scoped) | {"limit": MOST_MODELS})
    return [_use("traces", row) for row in answer.rows]


async def _of_spans(
    warehouse: Warehouse, project: ProjectContext, wanted: SpanFilter
) -> list[ModelUse]:
    where = condition(project, wanted)
    counted, _ = COUNTED_SUM[project.cost_preference]
    sql = SPANS.replace("{counted}", counted).replace("{where}", where.sql)
    values = where.values | {"limit": MOST_MODELS}
    answer = await warehouse.query(sql.replace("{ending}", ENDING), values)
    return [_use("spans", row) for row in answer.rows]


async def _unpriced(
    warehouse: Warehouse, project: ProjectContext, wanted: TraceFilter | SpanFilter
) -> list[Unpriced]:
    where = condition(project, wanted)
    seen_in = "traces" if isinstance(wanted, TraceFilter) else "spans"
    values = where.values | {"limit": MOST_UNPRICED}
    counted = await warehouse.query(_statement(seen_in, where.sql, *CALLS), values)
    if not counted.rows:
        return []
    ids = f"any({ID_OF[seen_in]})", "1"
    at = values | {"moments": [row[-1] for row in counted.rows], "limit": MOST_BESIDE}
    found = await warehouse.query(_statement(seen_in, where.sql + OF_MOMENTS, *ids), at)
    examples = {tuple(row[:4]): row[4] for row in found.rows}
    return [
        Unpriced(
            seen_in,
            provider,
            used,
            requested,
            is_counted=bool(is_counted),
            calls=calls,
            example=examples.get((provider, used, requested, is_counted), ""),
        )
        for provider, used, requested, is_counted, calls, _ in counted.rows
    ]


def _statement(seen_in: str, where: str, columns: str, order: str) -> str:
    sql = UNPRICED_TRACES if seen_in == "traces" else UNPRICED_SPANS
    return sql.replace("{columns}", columns).replace("{order}", order).replace("{where}", where)


def _use(seen_in: Any, row: Any) -> ModelUse:
    provider, model, *numbers, first_us, last_us = row
    sums = Sums(*numbers)
    return ModelUse(
        provider=text_or_none(provider),
        model=model,
        seen_in=seen_in,
        calls=sums.requests,
        errors=sums.errors,
        tokens=tokens(sums),
        cost_cents=cents_sum(sums.counted),
        computed_cost_cents=cents_sum(sums.computed),
        reported_cost_cents=cents_sum(sums.reported),
        first_seen=iso_ms(first_us - first_us % HOUR_US),
        last_seen=iso_ms(last_us - last_us % HOUR_US),
        unpriced=sums.unpriced,
        unpriced_reasons=[],
    )
