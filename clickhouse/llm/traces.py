"""Traces as their sender knows them: lists, one by id, many by id, sessions."""

import asyncio
from collections.abc import Sequence
from typing import Any, NamedTuple

from msgspec import structs

from clickhouse.client import Warehouse
from clickhouse.llm import rollups
from clickhouse.llm.distributed import first_spans, put_traces
from clickhouse.llm.filters import UNNAMED_SOURCE, TraceFilter, condition
from clickhouse.llm.key_days import scope_of
from clickhouse.llm.told_bodies import Told, put_messages
from clickhouse.llm.trace_lines import Place, going_on
from clickhouse.messages import hashes_of
from clickhouse.queries.conditions import Condition, by_ids
from clickhouse.queries.parts import IN_ORDER, ONE_ROW, PART_BYTES, Selection, Table
from clickhouse.queries.values import cents, counted, number, raw_or_none, sent_cost, text_or_none
from schemas.llm.answers import TraceAnswer
from schemas.projects import ProjectContext
from schemas.times import iso_ms

SESSION_ROWS = 10_000
# What DateTime64 holds.
EARLIEST_US = -2_208_988_800_000_000
LATEST_US = 10_413_791_999_999_999

# As plain texts: the engine counts a name of a dictionary as the whole dictionary, which holds
# names of other projects too.
COLUMNS = """
    trace_id, session_id, toUnixTimestamp64Micro(timestamp), latency_ms, provider::String,
    model_requested::String, model_used::Nullable(String), provider_request_id, request_body,
    response_body, input_tokens, output_tokens, output_text, finish_reason::Nullable(String),
    status::String, error, metadata, cache_read_tokens, cache_write_tokens, reasoning_tokens,
    computed_cost, reported_cost, price_id::String, environment::String,
    toUnixTimestamp64Micro(received_at), reported_digits, billing::String,
    scope.size != 0, usage_extras, convention::String, service::String, span_id,
    if(span_id = '', '', substring(trace_id, 1, 32)), first_token_ms, received_date, {asked},
    {answered}, api_key::String, prompt, prompt_version
"""
JSON_COLUMNS = ("request_body", "response_body", "error", "metadata", "usage_extras")
SIZE = """request_body.size + length(response_body) + length(error) + length(metadata)
    + 6 * ifNull(output_text.size, 0) + length(session_id) + length(model_requested)
    + ifNull(length(model_used), 0) + ifNull(provider_request_id.size, 0)
    + ifNull(length(finish_reason), 0) + length(environment)
    + 1000 * least(20, length(input_messages) + length(output_messages))"""
ROWS = """
SELECT {columns}
FROM traces
WHERE {where}
ORDER BY timestamp {direction}, trace_id {direction}
LIMIT {limit:UInt32} OFFSET {offset:UInt64}
"""
PLACES = """
SELECT toUnixTimestamp64Micro(timestamp), trace_id
FROM traces
WHERE {where}
ORDER BY timestamp DESC, trace_id DESC
LIMIT {limit:UInt32} OFFSET {offset:UInt64}
"""
# The first two find the rows by the key.
AT_PLACES = """project_id = {project_id:String}
    AND toUnixTimestamp64Micro(timestamp) IN {moments:Array(Int64)}
    AND trace_id IN {ids:Array(String)}"""
NOWHERE = "project_id = {project_id:String} AND 0"
STORED = "SELECT count() FROM traces WHERE project_id = {project_id:String}"


class TracePage(NamedTuple):
    """The rows of one page, and the last of them where more follow."""

    selection: Selection
    last: Place | None


async def page_of(
    warehouse: Warehouse,
    project: ProjectContext,
    wanted: TraceFilter,
    *,
    limit: int,
    offset: int = 0,
    beyond: Place | None = None,
) -> TracePage:
    """Finds one page of the matching traces, latest first, ties by id.

    Where its rows are is asked first: so the place at which the next page begins is that of a row
    of this one, whatever comes meanwhile.
    """
    places = await places_of(
        warehouse, project, wanted, limit=limit + 1, offset=offset, beyond=beyond
    )
    return page_at(project, places, limit)


def narrowed(project: ProjectContext, wanted: TraceFilter, beyond: Place | None) -> Condition:
    """Returns the condition for matching traces, those alone that lie beyond a place if any."""
    where = condition(project, wanted)
    return where if beyond is None else going_on(where, beyond)


async def places_of(
    warehouse: Warehouse,
    project: ProjectContext,
    wanted: TraceFilter,
    *,
    limit: int,
    offset: int = 0,
    beyond: Place | None = None,
) -> list[Place]:
    """Returns where matching traces stand, latest first, ties by id."""
    where = narrowed(project, wanted, beyond)
    values = where.values | {"limit": limit, "offset": offset}
    sql = PLACES.replace("{where}", where.sql)
    rows = (await warehouse.query(sql, values, **IN_ORDER)).rows
    return [Place(*row) for row in rows]


def page_at(project: ProjectContext, places: Sequence[Place], limit: int) -> TracePage:
    """Returns the page of the first `limit` places; more of them say that more follow."""
    page = places[:limit]
    selection = Selection(TRACES, _at(project, page), "DESC")
    return TracePage(selection, page[-1] if len(places) > limit else None)


def _at(project: ProjectContext, page: Sequence[Place]) -> Condition:
    values = {
        "project_id": project.project_id,
        "moments": sorted({place.us for place in page}),
        "ids": [place.trace_id for place in page],
        "limit": len(page),
        "offset": 0,
    }
    return Condition(AT_PLACES if page else NOWHERE, values)


def matching(
    project: ProjectContext, wanted: TraceFilter, *, limit: int, offset: int = 0
) -> Selection:
    """Selects one page of the matching traces, latest first, ties by id."""
    where = condition(project, wanted)
    values = where.values | {"limit": limit, "offset": offset}
    return Selection(TRACES, Condition(where.sql, values), "DESC")


def of_session(
    project: ProjectContext, session_id: str, *, limit: int = SESSION_ROWS, offset: int = 0
) -> Selection:
    """Selects a session's traces, oldest first, at most `limit`."""
    selected = matching(project, TraceFilter(session_id=session_id), limit=limit, offset=offset)
    return selected._replace(direction="ASC")


async def count_traces(warehouse: Warehouse, project: ProjectContext, wanted: TraceFilter) -> int:
    """Returns how many traces match. Of words, `searching` says how many it knows."""
    # A session's traces are few and indexed, and no rollup knows the rest of these.
    fine = (wanted.session_id, wanted.model_used, wanted.min_latency_ms, wanted.max_latency_ms)
    exact = {*fine, wanted.min_cost_cents, wanted.max_cost_cents} != {None}
    from_us = EARLIEST_US if wanted.from_us is None else wanted.from_us
    bounded = structs.replace(
        wanted,
        from_us=from_us,
        to_us=LATEST_US if wanted.to_us is None else wanted.to_us,
    )
    # Nor do they know which of their rows are gone.
    exact = exact or (project.rows_from_us is not None and from_us < project.rows_from_us)
    scoped = rollups.scope(project, bounded, names=(), base_only=exact)
    if scoped.table == "base" and not exact:
        scoped = await scope_of(warehouse, project, bounded, names=())
    sql = rollups.statement(scoped, (), rollups.sums(scoped, ["requests"]))
    return int((await warehouse.query(sql, rollups.values_of(scoped))).rows[0][0])


async def count_stored(warehouse: Warehouse, project: ProjectContext) -> int:
    """Returns how many traces a project has: from the index of its key, whatever their number."""
    answer = await warehouse.query(STORED, {"project_id": project.project_id})
    return int(answer.rows[0][0])


async def fetch_trace(
    warehouse: Warehouse, project: ProjectContext, trace_id: str
) -> TraceAnswer | None:
    """Returns one trace without what its distributed trace adds up to.

    `None` when the project has none of that id.
    """
    rows = await _fetch(warehouse, project, trace_id)
    return rows[0].answer if rows else None


async def fetch_trace_with_spans(
    warehouse: Warehouse, project: ProjectContext, trace_id: str
) -> TraceAnswer | None:
    """Returns one trace with what its distributed trace adds up to, and the first spans of that."""
    rows = await _fetch(warehouse, project, trace_id)
    await put_traces(warehouse, project, rows)
    for row in rows[:1]:
        if row.answer.otel_trace_id is not None:
            row.answer.spans = await first_spans(warehouse, project, row.answer.otel_trace_id)
        return row.answer
    return None


async def _fetch(warehouse: Warehouse, project: ProjectContext, trace_id: str) -> list[Told]:
    where = by_ids(project, "trace_id", [trace_id])
    rows = await _found(warehouse, project, where, "ASC", **ONE_ROW)
    await put_messages(warehouse, project, rows, most_bytes=None)
    return rows


async def _rows(
    warehouse: Warehouse,
    project: ProjectContext,
    where: Condition,
    direction: str,
    **settings: int,
) -> list[TraceAnswer]:
    rows = await _found(warehouse, project, where, direction, **settings)
    await asyncio.gather(
        put_messages(warehouse, project, rows, most_bytes=PART_BYTES),
        put_traces(warehouse, project, rows),
    )
    return [row.answer for row in rows]


async def _found(
    warehouse: Warehouse,
    project: ProjectContext,
    where: Condition,
    direction: str,
    **settings: int,
) -> list[Told]:
    sql = (
        ROWS.replace("{columns}", COLUMNS)
        .replace("{asked}", hashes_of("input_messages"))
        .replace("{answered}", hashes_of("output_messages"))
        .replace("{where}", where.sql)
        .replace("{direction}", direction)
    )
    answer = await warehouse.query(sql, where.values, as_bytes=JSON_COLUMNS, **settings)
    return [Told(_answer(project, row), row[34], row[35], row[36], row[2]) for row in answer.rows]


def _answer(project: ProjectContext, row: Sequence[Any]) -> TraceAnswer:
    computed, reported = row[20], sent_cost(row[21], row[25])
    source, cost = counted(project, computed, reported)
    answer = TraceAnswer(
        trace_id=row[0],
        project_id=project.project_id,
        session_id=text_or_none(row[1]),
        timestamp=iso_ms(row[2]),
        latency_ms=number(row[3]),
        provider=row[4],
        model_requested=row[5],
        model_used=row[6],
        provider_request_id=row[7],
        request_body=raw_or_none(row[8]),
        response_body=raw_or_none(row[9]),
        input_tokens=row[10],
        output_tokens=row[11],
        output_text=row[12],
        finish_reason=row[13],
        status=row[14],
        error=raw_or_none(row[15]),
        cost_cents=cost,
        metadata=raw_or_none(row[16]),
        cache_read_tokens=row[17],
        cache_write_tokens=row[18],
        reasoning_tokens=row[19],
        computed_cost_cents=cents(computed),
        reported_cost_cents=cents(reported),
        cost_source=source,
        price_snapshot=text_or_none(row[22]),
        environment=text_or_none(row[23]),
        received_at=iso_ms(row[24]),
        billing=row[26],
        **_made_with(row),
        **_alone(row),
    )
    if row[27]:
        _tell(answer, row)
    return answer


def _made_with(row: Sequence[Any]) -> dict[str, Any]:
    """Returns with which key a call came, and which prompt it used."""
    names = ("api_key", "prompt", "prompt_version")
    return dict(zip(names, map(text_or_none, row[37:40]), strict=True))


def _alone(row: Sequence[Any]) -> dict[str, Any]:
    """Returns what a call says of its trace that has no other span."""
    return {
        "source": row[29] or UNNAMED_SOURCE,
        "services": [row[30]] if row[30] else [],
        "span_count": 1,
        "summary": row[5],
        "tool_call_count": 0,
        "files_edited": 0,
        "error_service": None,
    }


def _tell(answer: TraceAnswer, row: Sequence[Any]) -> None:
    """Adds what rows of calls have that OpenTelemetry told."""
    answer.tell(row[28])
    answer.convention = text_or_none(row[29])
    answer.service = text_or_none(row[30])
    answer.span_id = text_or_none(row[31])
    answer.otel_trace_id = text_or_none(row[32])
    answer.first_token_ms = None if row[33] is None else number(row[33])


TRACES = Table("traces", "trace_id", SIZE, _rows)
