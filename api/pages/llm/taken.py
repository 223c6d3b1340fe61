"""The traces that a list shows, to take away: the latest of them, without bodies."""

from collections.abc import AsyncGenerator
from typing import Any

from litestar import Response, get

from api.auth import AnyRequest
from api.pages.llm.wanted import Wanted, wanted_of
from api.pages.parts.sheets import Column, Format, Row, download, moment_of
from api.pages.viewer import Viewed, Viewer
from api.reads import Reader, reader_of
from clickhouse.llm.trace_lines import TraceLine, list_lines

MOST_ROWS = 10_000
AT_ONCE = 1_000
COLUMNS = (
    Column("time", "time"),
    Column("trace_id", "text"),
    Column("session_id", "text"),
    Column("status", "text"),
    Column("provider", "text"),
    Column("model", "text"),
    Column("model_used", "text"),
    Column("latency_ms", "number"),
    Column("input_tokens", "count"),
    Column("output_tokens", "count"),
    Column("cache_read_tokens", "count"),
    Column("cost_usd", "number"),
    Column("user", "text"),
    Column("environment", "text"),
    Column("api_key", "text"),
    Column("answer_begins", "text"),
    Column("error_begins", "text"),
)


@get("/llm/traces.csv", include_in_schema=False)
async def list_csv(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Return the latest traces that fit the filter."""
    return await _taken_away(request, viewer, "csv")


@get("/llm/traces.parquet", include_in_schema=False)
async def list_parquet(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Return the same as Parquet."""
    return await _taken_away(request, viewer, "parquet")


async def _taken_away(request: AnyRequest, viewer: Viewer, form: Format) -> Response[Any]:
    wanted = wanted_of(request, viewer)
    pages = _pages(reader_of(request, wanted.project), wanted)
    return await download("traces", form, COLUMNS, pages)


async def _pages(reader: Reader, wanted: Wanted) -> AsyncGenerator[list[Row]]:
    """Yields the rows, a turn of the project for each page of them."""
    turn, beyond, left = reader.turn(), None, MOST_ROWS
    while left:
        async with turn as store:
            lines = await list_lines(
                store, wanted.project, wanted.filter, limit=min(AT_ONCE, left), beyond=beyond
            )
        yield [_row(line) for line in lines]
        if len(lines) < AT_ONCE:
            return
        turn, beyond, left = reader.next_turn(), lines[-1].place, left - len(lines)


def _row(line: TraceLine) -> Row:
    return (
        moment_of(line.timestamp_us),
        line.trace_id,
        line.session_id,
        line.status,
        line.provider,
        line.model,
        line.model_used,
        line.latency_ms,
        line.input_tokens,
        line.output_tokens,
        line.cache_read_tokens,
        None if line.cost_cents is None else line.cost_cents / 100,
        line.user,
        line.environment,
        line.api_key,
        line.output,
        line.error,
    )
