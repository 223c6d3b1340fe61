"""The list of traces: filtered, in pages, with columns to choose, and a drawer for one of them."""

import asyncio
from collections.abc import Mapping
from typing import Any

from litestar import Response, get

from api.auth import AnyRequest
from api.llm.costs import Explain
from api.pages.llm.places import place_of, written
from api.pages.llm.trace import Opened, open_trace
from api.pages.llm.wanted import KEYS, wanted_of
from api.pages.parts.columns import columns_of
from api.pages.parts.filters import chips_of
from api.pages.parts.snippets import snippets_of
from api.pages.render import page
from api.pages.viewer import Viewed
from api.parameters import values_of
from api.reads import reader_of
from clickhouse.llm.trace_lines import list_lines
from clickhouse.llm.traces import count_traces

PAGE_ROWS = 50
KEPT = "columns"
"""The cookie in which a browser keeps the columns that its viewer chose."""
COLUMNS: Mapping[str, str] = {
    "time": "Time",
    "status": "Status",
    "model": "Model",
    "output": "Answer",
    "latency": "Latency",
    "input": "Input",
    "output_tokens": "Output",
    "cost": "Cost",
    "user": "User",
    "environment": "Environment",
    "session": "Session",
    "provider": "Provider",
}
USUAL = ("time", "status", "model", "output", "latency", "input", "output_tokens", "cost", "user")


@get("/llm/traces", include_in_schema=False)
async def list_page(request: AnyRequest, viewer: Viewed) -> Response[str]:
    """Show a page of traces, latest first."""
    values, wanted = values_of(request), wanted_of(request, viewer)
    beyond = place_of(values, "older")
    columns = columns_of(request, values, COLUMNS, USUAL, kept=KEPT)
    opened = values.get("open")
    reader = reader_of(request, wanted.project)
    explain: Explain = request.app.state.explain_cost

    async def found(store: Any) -> Opened | None:
        return await open_trace(store, wanted.project, opened, explain) if opened else None

    async with reader.turn() as store:
        lines, total, drawer = await asyncio.gather(
            list_lines(store, wanted.project, wanted.filter, limit=PAGE_ROWS + 1, beyond=beyond),
            count_traces(store, wanted.project, wanted.filter),
            found(store),
        )
    return await page(
        request,
        "llm/traces.html",
        wanted=wanted,
        chips=chips_of(wanted.terms, KEYS),
        keys=KEYS,
        lines=lines[:PAGE_ROWS],
        older=written(lines[PAGE_ROWS - 1].place) if len(lines) > PAGE_ROWS else None,
        is_first=beyond is None,
        total=total,
        columns=columns,
        opened=drawer,
        snippets=[] if lines else await snippets_of(request, viewer),
        missing=opened if opened and drawer is None else None,
    )
