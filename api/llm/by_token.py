"""LLM calls below `/api/v1/projects/{id}`, for holders of tokens: contract 3.a.3 of Open Sentry."""

import asyncio
import time
from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated

from litestar import Response, get
from litestar.params import FromPath
from msgspec import Meta
from msgspec.structs import replace

from api.auth import AnyRequest
from api.dates import date_range
from api.declared import takes
from api.holders import by_token, project_in
from api.llm.analytics import get_analytics
from api.llm.costs import get_trace_cost
from api.llm.filters import TraceQuery, listed_filter, with_search
from api.llm.places import CursorText, read_place, written
from api.llm.traces import get_trace
from api.parameters import InvalidParameters, invalid, read, values_of
from api.reads import reader_of
from api.rows import one
from api.search_terms import ATTRIBUTE, RESOURCE, SearchWords
from api.time_zones import TimeZone, zone_of
from clickhouse.client import Warehouse
from clickhouse.llm import rollups
from clickhouse.llm.analytics import Breakdown, break_down
from clickhouse.llm.filters import TraceFilter
from clickhouse.llm.rollups import METADATA, Sums
from clickhouse.llm.searching import search_page
from clickhouse.llm.trace_lines import TraceLine, lines_at, list_lines
from clickhouse.queries.values import number, quotient
from schemas.answers import Number
from schemas.described import describes
from schemas.llm.token_answers import (
    Ai,
    AiModel,
    AiStats,
    AiToday,
    Generation,
    GenerationList,
)
from schemas.projects import ProjectContext
from schemas.times import iso_ms
from schemas.zones import DAY_US

SHOWN = 100
USUAL_US = 30 * DAY_US
"""How long the range is where none is asked for."""
LONGEST_US = 1_100 * DAY_US
PROJECT = "/projects/{project_id:str}"


class AiQuery(TimeZone, frozen=True, kw_only=True):
    """A range, by default the last 30 days."""

    date_from: str | None = None
    date_to: str | None = None


class CallQuery(TraceQuery, frozen=True, kw_only=True):
    """Which calls, by default of the last 30 days, and which page of them."""

    date_from: str | None = None
    date_to: str | None = None
    limit: Annotated[int, Meta(ge=1, le=100)] = 20
    q: SearchWords | None = None
    cursor: CursorText | None = None


@get(f"{PROJECT}/ai", opt={**takes(AiQuery), **describes(answer=Ai, asks="token")})
async def get_ai(request: AnyRequest, project_id: FromPath[str]) -> Response[bytes]:
    """Answer what the LLM calls of a range add up to, by model too, and the newest of them."""
    _, reached = await project_in(request, project_id)
    project = reached.access.project
    wanted = _within(project, read(values_of(request), AiQuery))
    now_us = time.time_ns() // 1000
    today = TraceFilter(from_us=now_us - now_us % DAY_US, to_us=now_us)

    async def ask(warehouse: Warehouse) -> Ai:
        found, of_today, lines = await asyncio.gather(
            _sums(warehouse, project, wanted),
            _sums(warehouse, project, today),
            list_lines(warehouse, project, wanted, limit=SHOWN),
        )
        return Ai(
            _stats(found.overall),
            AiToday(of_today.overall.requests, _usd(of_today.overall.counted)),
            _models(found.models),
            [_generation(line) for line in lines],
        )

    return await one(reader_of(request, project), ask)


@get(
    f"{PROJECT}/traces",
    opt={
        **takes(CallQuery, prefix=(METADATA, ATTRIBUTE, RESOURCE)),
        **describes(answer=GenerationList, asks="token"),
    },
)
async def list_calls(request: AnyRequest, project_id: FromPath[str]) -> Response[bytes]:
    """Answer LLM calls without their bodies, newest first."""
    _, reached = await project_in(request, project_id)
    project, values = reached.access.project, values_of(request)
    query = read(values, CallQuery)
    within = _within(project, query)
    narrowed = replace(listed_filter(values, query), from_us=within.from_us, to_us=within.to_us)
    wanted = with_search(request, narrowed, query.q)
    beyond = None if query.cursor is None else read_place(query.cursor)

    async def ask(warehouse: Warehouse) -> GenerationList:
        limit = query.limit
        if wanted.words:
            page = (await search_page(warehouse, project, wanted, limit=limit, beyond=beyond)).page
            lines = await lines_at(warehouse, project, page.selection.where, limit=limit)
            last = page.last
        else:
            lines = await list_lines(warehouse, project, wanted, limit=limit + 1, beyond=beyond)
            last = lines[limit - 1].place if len(lines) > limit else None
        shown = [_generation(line) for line in lines[:limit]]
        return GenerationList(shown, None if last is None else written(last))

    return await one(reader_of(request, project), ask)


def _within(project: ProjectContext, query: AiQuery | CallQuery) -> TraceFilter:
    first, last = date_range(query.date_from, query.date_to, zone_of(query, project.time_zone))
    last = time.time_ns() // 1000 if last is None else last
    first = last - USUAL_US + 1 if first is None else first
    if first > last:
        raise InvalidParameters("date_from is after date_to")
    if last - first > LONGEST_US:
        raise invalid("date_from", f"Expected a range of at most {LONGEST_US // DAY_US} days")
    return TraceFilter(from_us=first, to_us=last)


async def _sums(warehouse: Warehouse, project: ProjectContext, wanted: TraceFilter) -> Breakdown:
    scoped = rollups.scope(project, wanted, names=("day",))
    return await break_down(warehouse, scoped, "day")


def _stats(sums: Sums) -> AiStats:
    return AiStats(
        count=sums.requests,
        total_cost_usd=_usd(sums.counted),
        total_input_tokens=sums.input,
        total_output_tokens=sums.output,
        avg_latency_ms=quotient(sums.latency_ns, sums.requests * 1_000_000),
        error_rate=quotient(sums.errors * 100, sums.requests),
        cache_hit_rate=quotient(sums.cache_read * 100, sums.input),
        total_cached_tokens=sums.cache_read,
        total_cache_write_tokens=sums.cache_write,
    )


def _models(found: Sequence[tuple[str, str, Sums]]) -> list[AiModel]:
    ranked = sorted(found, key=lambda row: (-row[2].counted, -row[2].requests, row[0], row[1]))
    return [
        AiModel(
            model=model,
            provider=provider,
            count=sums.requests,
            total_cost_usd=_usd(sums.counted),
            total_tokens=sums.input + sums.output,
            cached_tokens=sums.cache_read,
            cache_hit_rate=quotient(sums.cache_read * 100, sums.input),
        )
        for provider, model, sums in ranked[:SHOWN]
    ]


def _generation(line: TraceLine) -> Generation:
    return Generation(
        trace_id=line.trace_id,
        session_id=line.session_id,
        timestamp=iso_ms(line.timestamp_us),
        provider=line.provider,
        model=line.model,
        model_used=line.model_used,
        status=line.status,
        input_tokens=line.input_tokens,
        output_tokens=line.output_tokens,
        cached_input_tokens=line.cache_read_tokens,
        total_cost_usd=None if line.cost_cents is None else _dollars(line.cost_cents),
        latency_ms=number(line.latency_ms),
        environment=line.environment,
        user=line.user,
        output=line.output,
        error=line.error,
    )


def _usd(usd: Decimal) -> Number:
    return quotient(usd, 1)


def _dollars(cents: float) -> Number:
    # By its digits: a quotient of floats would show digits that nobody has counted.
    return _usd(Decimal(repr(cents)).scaleb(-2))


HANDLERS = (
    get_ai,
    list_calls,
    by_token(f"{PROJECT}/traces/{{trace_id:str}}", get_trace),
    by_token(f"{PROJECT}/traces/{{trace_id:str}}/cost", get_trace_cost),
    by_token(f"{PROJECT}/analytics", get_analytics),
)
