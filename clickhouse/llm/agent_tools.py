"""Tools of agents in a range: how often each was used, failed, and for how long; single uses.

A start and its end are one use; a start without an end is one that is open. Which start an end
belongs to is found as `pairs` says.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

from msgspec import Struct

from clickhouse.client import Warehouse
from clickhouse.llm.agent_filters import AgentFilter, of_events
from clickhouse.llm.pairs import STARTS
from clickhouse.llm.span_analytics import SHORT_US
from clickhouse.queries import quantiles
from clickhouse.queries.periods import Period, Periods, period_sql, period_values
from clickhouse.queries.quantiles import Quantiles, milliseconds
from schemas.projects import ProjectContext
from schemas.zones import clock_of

Order = Literal["slowest", "failed", "latest"]
ORDERS: tuple[Order, ...] = get_args(Order)
MOST_TOOLS = 200
MOST_CELLS = 20_000
"""Tools times buckets."""
PREVIEW_CHARS = 300
USES = """
    SELECT spans.tool AS tool, spans.status AS status, spans.at_us AS at_us,
        spans.pair_role = 'start' AS is_open,
        multiIf(
            spans.duration_ms IS NOT NULL, toUInt64(round(assumeNotNull(spans.duration_ms) * 1e6)),
            runs.has_start AND spans.pair_role = 'end',
            toUInt64(greatest(0, spans.at_us - runs.started_us)) * 1000, 0) AS ns,
        NOT is_open AND (spans.duration_ms IS NOT NULL OR runs.has_start) AS is_measured{columns}
    FROM (
        SELECT ifNull(tool_name, '') AS tool, status, pair_role, pair_hash, duration_ms,
            toUnixTimestamp64Micro(timestamp) AS at_us{columns}
        FROM spans
        WHERE {where}
            AND kind = 'tool_use'
    ) AS spans
    ANY LEFT JOIN (
        SELECT pair_hash, run_us, started_us, is_open AS run_is_open, true AS has_start
        FROM ({starts})
    ) AS runs
        ON spans.pair_hash = runs.pair_hash AND spans.at_us = runs.run_us
    WHERE spans.pair_role != 'start' OR runs.run_is_open
"""
AMONG = """
            AND pair_hash IN (
                SELECT pair_hash
                FROM spans
                WHERE {where}
                    AND kind = 'tool_use'
                    AND pair_role != '')"""
TOOLS = """
SELECT tool, sum(uses) AS used, sum(still_open), sum(failed), sum(total_ns), {quantiles}
FROM (
    SELECT
        tool,
        count() AS uses,
        countIf(is_open) AS still_open,
        countIf(status = 'error') AS failed,
        countIf(is_measured) AS measured,
        sumIf(toUInt128(ns), is_measured) AS total_ns,
        {state} AS state,
        {few} AS few
    FROM ({uses})
    GROUP BY tool
)
GROUP BY tool
ORDER BY used DESC, tool
LIMIT {limit:UInt32}
SETTINGS join_use_nulls = 0
"""
CELLS = """
SELECT tool, {period} AS k0, count()
FROM (
    SELECT ifNull(tool_name, '') AS tool, timestamp
    FROM spans
    WHERE {where}
        AND kind = 'tool_use'
        AND pair_role != 'start'
)
GROUP BY tool, k0
LIMIT {limit:UInt32}
"""
BEFORE = """
SELECT ifNull(tool_name, '') AS tool, count() AS uses, countIf(status = 'error')
FROM spans
WHERE {where}
    AND kind = 'tool_use'
    AND pair_role != 'start'
GROUP BY tool
ORDER BY uses DESC
LIMIT {limit:UInt32}
"""
OF_TOOL = "\n            AND ifNull(tool_name, '') = {tool:String}"
LISTED = """
SELECT tool, span_id, session_id, source::String, ifNull(cwd, ''), at_us, is_open, is_measured, ns,
    status,
    substringUTF8(tool_input, 1, {preview:UInt32}),
    substringUTF8(error, 1, {preview:UInt32})
FROM ({uses})
{narrowed}ORDER BY {order}, span_id
LIMIT {limit:UInt32}
SETTINGS join_use_nulls = 0
"""
ORDERED: Mapping[Order, tuple[str, str]] = {
    "slowest": ("WHERE is_measured\n", "ns DESC, at_us DESC"),
    "failed": ("WHERE status = 'error'\n", "at_us DESC"),
    "latest": ("", "at_us DESC"),
}
BODIES = ", span_id, session_id, source, cwd, tool_input, error"


class ToolFigures(Struct, frozen=True):
    """A tool in a range. Durations are of the uses whose start and end are known."""

    tool: str
    uses: int
    still_open: int
    """Of these uses: begun, and not over yet."""
    failed: int
    measured: int
    total_ms: float
    p50_ms: float
    p95_ms: float


class ToolsBeside(Struct, frozen=True):
    """What the uses of tools were: over time, and before, by tool. Open ones are not in them."""

    cells: Mapping[str, Mapping[int, int]]
    """By tool, then by the first moment of a bucket."""
    before: Mapping[str, tuple[int, int]]
    """Uses, and how many of them failed."""


class ToolUseLine(Struct, frozen=True):
    """One use of a tool; texts of any length are cut."""

    tool: str
    span_id: str
    session_id: str
    source: str
    cwd: str
    at_us: int
    is_open: bool
    duration_ms: float | None
    status: str
    input: str
    error: str


async def list_tools(
    warehouse: Warehouse, project: ProjectContext, wanted: AgentFilter
) -> list[ToolFigures]:
    """Returns the tools of a range, the most used first."""
    where = of_events(project, wanted)
    sql = (
        TOOLS.replace("{uses}", _uses(where.sql, wanted))
        .replace("{quantiles}", quantiles.of_parts("state", "measured", "few"))
        .replace("{state}", quantiles.state_of("ns", "is_measured"))
        .replace("{few}", quantiles.few_of("ns", "is_measured"))
        .replace("{columns}", "")
    )
    answer = await warehouse.query(sql, {**where.values, "limit": MOST_TOOLS})
    return [_figures(row) for row in answer.rows]


async def tools_beside(
    warehouse: Warehouse,
    project: ProjectContext,
    wanted: AgentFilter,
    before: AgentFilter,
    *,
    period: Period,
) -> ToolsBeside:
    """Returns the uses by bucket of the project's clock, and those of the time before."""
    where, earlier = of_events(project, wanted), of_events(project, before)
    clock = clock_of(project.time_zone, wanted.from_us, wanted.to_us)
    sql = CELLS.replace("{period}", period_sql(period, clock, "timestamp"))
    values = {**where.values, **period_values(clock), "limit": MOST_CELLS}
    counted, were = await asyncio.gather(
        warehouse.query(sql.replace("{where}", where.sql), values),
        warehouse.query(
            BEFORE.replace("{where}", earlier.sql), {**earlier.values, "limit": MOST_TOOLS}
        ),
    )
    periods, cells = Periods(clock, period), dict[str, dict[int, int]]()
    for tool, key, uses in counted.rows:
        cells.setdefault(tool, {})[periods.begin(key)] = uses
    return ToolsBeside(cells, {tool: (uses, failed) for tool, uses, failed in were.rows})


async def list_uses(
    warehouse: Warehouse,
    project: ProjectContext,
    wanted: AgentFilter,
    tool: str,
    *,
    order: Order,
    limit: int,
) -> list[ToolUseLine]:
    """Returns the first uses of one tool in an order."""
    where = of_events(project, wanted)
    narrowed, ordered = ORDERED[order]
    sql = (
        LISTED.replace("{uses}", _uses(where.sql + OF_TOOL, wanted))
        .replace("{columns}", BODIES)
        .replace("{narrowed}", narrowed)
        .replace("{order}", ordered)
    )
    values = {**where.values, "tool": tool, "limit": limit, "preview": PREVIEW_CHARS}
    return [_use(row) for row in (await warehouse.query(sql, values)).rows]


def _uses(where: str, wanted: AgentFilter) -> str:
    is_short = wanted.to_us - wanted.from_us <= SHORT_US
    starts = STARTS.replace("{among}", AMONG if is_short else "")
    return USES.replace("{starts}", starts).replace("{where}", where)


def _figures(row: Sequence[Any]) -> ToolFigures:
    tool, uses, still_open, failed, total_ns, spread = row
    values = Quantiles(*spread)
    p50, _, p95, _ = milliseconds(values)
    return ToolFigures(
        tool=tool,
        uses=uses,
        still_open=still_open,
        failed=failed,
        measured=values.values,
        total_ms=total_ns / 1_000_000,
        p50_ms=p50,
        p95_ms=p95,
    )


def _use(row: Sequence[Any]) -> ToolUseLine:
    tool, span_id, session_id, source, cwd, at_us, is_open, is_measured, ns, status, *texts = row
    return ToolUseLine(
        tool=tool,
        span_id=span_id,
        session_id=session_id,
        source=source,
        cwd=cwd,
        at_us=at_us,
        is_open=bool(is_open),
        duration_ms=ns / 1_000_000 if is_measured else None,
        status=status,
        input=texts[0],
        error=texts[1],
    )
