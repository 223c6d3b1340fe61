"""Traces as lines of a list that a person reads: no bodies, and pages that continue at a place."""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from msgspec import Struct

from clickhouse.client import Warehouse
from clickhouse.llm.filters import TraceFilter, condition
from clickhouse.queries.conditions import Condition
from clickhouse.queries.parts import IN_ORDER
from clickhouse.queries.values import counted, sent_cost, text_or_none
from schemas.projects import ProjectContext

PREVIEW_CHARS = 200

# As plain texts, for the reason that stands at the columns of traces.
LINES = """
SELECT
    trace_id, session_id, toUnixTimestamp64Micro(timestamp), latency_ms, provider::String,
    model_requested::String, model_used::Nullable(String), status::String,
    input_tokens, output_tokens, cache_read_tokens,
    computed_cost, reported_cost, reported_digits, environment::String, user_id::String,
    substringUTF8(ifNull(output_text, ''), 1, {preview:UInt32}),
    substringUTF8(error, 1, {preview:UInt32}), api_key::String
FROM traces
WHERE {where}
ORDER BY timestamp {direction}, trace_id {direction}
LIMIT {limit:UInt32}
"""
BEYOND = """
    AND timestamp {sign}= fromUnixTimestamp64Micro({place_us:Int64}, 'UTC')
    AND (timestamp, trace_id) {sign} (
        fromUnixTimestamp64Micro({place_us:Int64}, 'UTC'), {place_id:String})"""

Way = Literal["older", "newer"]


class Place(NamedTuple):
    """Where a trace stands among those of its project."""

    us: int
    trace_id: str


class TraceLine(Struct, frozen=True, kw_only=True):
    """One LLM call; texts of any length are cut. Costs are US cents."""

    trace_id: str
    session_id: str | None
    timestamp_us: int
    latency_ms: float
    provider: str
    model: str
    model_used: str | None
    status: str
    input_tokens: int | None
    output_tokens: int | None
    cache_read_tokens: int | None
    cost_cents: float | None
    environment: str | None
    user: str | None
    output: str
    error: str
    api_key: str | None

    @property
    def place(self) -> Place:
        """Where the next page begins."""
        return Place(self.timestamp_us, self.trace_id)


async def list_lines(
    warehouse: Warehouse,
    project: ProjectContext,
    wanted: TraceFilter,
    *,
    limit: int,
    beyond: Place | None = None,
    way: Way = "older",
) -> list[TraceLine]:
    """Returns the first matching traces, latest first; with `way` newer, the oldest first.

    `beyond` is left out, and whatever lies on its other side.
    """
    where = condition(project, wanted)
    if beyond is not None:
        where = going_on(where, beyond, way)
    return await lines_at(warehouse, project, where, limit=limit, way=way)


async def lines_at(
    warehouse: Warehouse,
    project: ProjectContext,
    where: Condition,
    *,
    limit: int,
    way: Way = "older",
) -> list[TraceLine]:
    """Returns the first traces of a condition, in the same order."""
    values = {**where.values, "limit": limit, "preview": PREVIEW_CHARS}
    sql = LINES.replace("{where}", where.sql)
    sql = sql.replace("{direction}", "DESC" if way == "older" else "ASC")
    answer = await warehouse.query(sql, values, **IN_ORDER)
    return [_line(project, row) for row in answer.rows]


def going_on(where: Condition, beyond: Place, way: Way = "older") -> Condition:
    """Returns a condition for what lies beyond a place."""
    sql = where.sql + BEYOND.replace("{sign}", "<" if way == "older" else ">")
    values = {"place_us": beyond.us, "place_id": beyond.trace_id}
    return Condition(sql, where.values | values)


def _line(project: ProjectContext, row: Sequence[Any]) -> TraceLine:
    _, cost = counted(project, row[11], sent_cost(row[12], row[13]))
    return TraceLine(
        trace_id=row[0],
        session_id=text_or_none(row[1]),
        timestamp_us=row[2],
        latency_ms=row[3],
        provider=row[4],
        model=row[5],
        model_used=row[6],
        status=row[7],
        input_tokens=row[8],
        output_tokens=row[9],
        cache_read_tokens=row[10],
        cost_cents=cost,
        environment=text_or_none(row[14]),
        user=text_or_none(row[15]),
        output=row[16],
        error=row[17],
        api_key=text_or_none(row[18]),
    )
