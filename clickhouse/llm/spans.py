"""Spans: lists, one by id, many by id, sessions; durations of pairs are measured at read time."""

from collections.abc import Sequence
from typing import Any

from clickhouse.client import Warehouse
from clickhouse.llm.filters import SpanFilter, condition
from clickhouse.llm.pairs import DURATION_MS, STARTS, UNMEASURED
from clickhouse.queries.conditions import Condition, by_ids
from clickhouse.queries.parts import ONE_ROW, Selection, Table
from clickhouse.queries.values import cents, counted, number, raw_or_none, sent_cost, text_or_none
from schemas.llm.answers import SpanAnswer
from schemas.projects import ProjectContext
from schemas.times import iso_ms

SESSION_ROWS = 10_000

# As plain texts, for the reason that stands at the columns of traces.
COLUMNS = """
    span_id, session_id, parent_span_id, toUnixTimestamp64Micro(spans.timestamp), {duration},
    source::String, kind::String, event_type::String, status::String, tool_use_id,
    tool_name::Nullable(String), tool_input, tool_response, error, is_interrupt,
    cwd, model::Nullable(String), agent_name::Nullable(String), metadata,
    provider::Nullable(String), input_tokens, output_tokens, cache_read_tokens,
    cache_write_tokens, reasoning_tokens, computed_cost, reported_cost, price_id::String,
    toUnixTimestamp64Micro(received_at), reported_digits, trace_id, service::String,
    convention::String, api_key::String
"""
JSON_COLUMNS = ("tool_input", "tool_response", "error", "metadata")
SIZE = """tool_input.size + length(tool_response) + length(error) + length(metadata)
    + length(session_id) + ifNull(parent_span_id.size, 0) + ifNull(tool_use_id.size, 0)
    + ifNull(length(tool_name), 0) + ifNull(cwd.size, 0) + ifNull(length(model), 0)
    + ifNull(length(agent_name), 0)"""
PAGE = """
SELECT span_id, session_id, parent_span_id, timestamp, duration_ms, source, kind, event_type,
    status, pair_hash, pair_role, tool_use_id, tool_name, tool_input, tool_response, error,
    is_interrupt, cwd, model, agent_name, metadata, provider, input_tokens, output_tokens,
    cache_read_tokens, cache_write_tokens, reasoning_tokens, computed_cost, reported_cost,
    reported_digits, price_id, received_at, trace_id, service, convention,
    api_key
FROM spans
WHERE {where}
ORDER BY timestamp {direction}, span_id {direction}
LIMIT {limit:UInt32} OFFSET {offset:UInt64}
"""
# The few pairs that a page needs are found by the key.
AMONG_PAGE = """
        AND pair_hash IN (
            SELECT pair_hash
            FROM (
                SELECT pair_hash, pair_role, duration_ms
                FROM spans
                WHERE {where}
                ORDER BY timestamp {direction}, span_id {direction}
                LIMIT {limit:UInt32} OFFSET {offset:UInt64}
            )
            WHERE {unmeasured}
        )"""
ROWS = """
SELECT {columns}
FROM ({page}) AS spans
LEFT JOIN ({starts}) AS pairs
    ON spans.pair_hash = pairs.pair_hash
        AND toUnixTimestamp64Micro(spans.timestamp) = pairs.run_us
ORDER BY spans.timestamp {direction}, span_id {direction}
SETTINGS join_use_nulls = 1
"""
COUNT = """
SELECT count()
FROM spans
WHERE {where}
"""


def matching(
    project: ProjectContext, wanted: SpanFilter, *, limit: int, offset: int = 0
) -> Selection:
    """Selects one page of the matching spans, latest first, ties by id."""
    where = condition(project, wanted)
    values = where.values | {"limit": limit, "offset": offset}
    return Selection(SPANS, Condition(where.sql, values), "DESC")


def of_session(
    project: ProjectContext, session_id: str, *, limit: int = SESSION_ROWS, offset: int = 0
) -> Selection:
    """Selects a session's spans, oldest first, at most `limit`."""
    selected = matching(project, SpanFilter(session_id=session_id), limit=limit, offset=offset)
    return selected._replace(direction="ASC")


async def count_spans(warehouse: Warehouse, project: ProjectContext, wanted: SpanFilter) -> int:
    """Returns how many spans match."""
    where = condition(project, wanted)
    answer = await warehouse.query(COUNT.replace("{where}", where.sql), where.values)
    return int(answer.rows[0][0])


async def fetch_span(
    warehouse: Warehouse, project: ProjectContext, span_id: str
) -> SpanAnswer | None:
    """Returns one span, or `None` when the project has none of that id."""
    where = by_ids(project, "span_id", [span_id])
    rows = await _rows(warehouse, project, where, "ASC", **ONE_ROW)
    return rows[0] if rows else None


async def _rows(
    warehouse: Warehouse,
    project: ProjectContext,
    where: Condition,
    direction: str,
    **settings: int,
) -> list[SpanAnswer]:
    sql = (
        ROWS.replace("{columns}", COLUMNS)
        .replace("{duration}", DURATION_MS)
        .replace("{starts}", STARTS)
        .replace("{among}", AMONG_PAGE)
        .replace("{unmeasured}", UNMEASURED)
        .replace("{page}", PAGE)
        .replace("{where}", where.sql)
        .replace("{direction}", direction)
    )
    answer = await warehouse.query(sql, where.values, as_bytes=JSON_COLUMNS, **settings)
    return [_answer(project, row) for row in answer.rows]


def _answer(project: ProjectContext, row: Sequence[Any]) -> SpanAnswer:
    computed, reported = row[25], sent_cost(row[26], row[29])
    source, cost = counted(project, computed, reported)
    return SpanAnswer(
        span_id=row[0],
        project_id=project.project_id,
        session_id=row[1],
        parent_span_id=row[2],
        timestamp=iso_ms(row[3]),
        duration_ms=None if row[4] is None else number(row[4]),
        source=row[5],
        kind=row[6],
        event_type=row[7],
        status=row[8],
        tool_use_id=row[9],
        tool_name=row[10],
        tool_input=raw_or_none(row[11]),
        tool_response=raw_or_none(row[12]),
        error=raw_or_none(row[13]),
        is_interrupt=row[14],
        cwd=row[15],
        model=row[16],
        agent_name=row[17],
        metadata=raw_or_none(row[18]),
        provider=row[19],
        input_tokens=row[20],
        output_tokens=row[21],
        cache_read_tokens=row[22],
        cache_write_tokens=row[23],
        reasoning_tokens=row[24],
        cost_cents=cost,
        computed_cost_cents=cents(computed),
        reported_cost_cents=cents(reported),
        cost_source=source,
        price_snapshot=text_or_none(row[27]),
        received_at=iso_ms(row[28]),
        **_sent(row),
    )


def _sent(row: Sequence[Any]) -> dict[str, str | None]:
    """Returns how a span came: by which trace of OpenTelemetry, and with which key."""
    names = ("trace_id", "service", "convention", "api_key")
    return dict(zip(names, map(text_or_none, row[30:34]), strict=True))


SPANS = Table("spans", "span_id", SIZE, _rows)
