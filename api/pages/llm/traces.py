"""The list of traces: filtered, in pages, with columns to choose, and a drawer for one of them."""

import asyncio
from collections.abc import Mapping
from typing import Any

from litestar import Response, get

from api.auth import AnyRequest
from api.llm.costs import Explain
from api.pages.arriving import page_with
from api.pages.live.following import LivePart
from api.pages.llm.key_names import chips_with_names, key_names_for, key_names_of
from api.pages.llm.live import follow, live_of
from api.pages.llm.places import place_of, written
from api.pages.llm.trace import Opened, open_trace
from api.pages.llm.wanted import wanted_of
from api.pages.parts.columns import Column, columns_of
from api.pages.parts.snippets import with_snippets
from api.pages.viewer import Viewed, Viewer
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
    "api_key": "API key",
    "session": "Session",
    "provider": "Provider",
}
USUAL = ("time", "status", "model", "output", "latency", "input", "output_tokens", "cost", "user")


@get("/llm/traces", include_in_schema=False)
async def list_page(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Show a page of traces, latest first."""
    wanted = wanted_of(request, viewer)
    live = None if values_of(request).get("older") else await live_of(request, viewer)
    return await page_with(
        request,
        "llm/traces.html",
        with_snippets(request, viewer, _found(request, viewer)),
        wanted=wanted,
        live=live,
        chips=await chips_with_names(request, viewer, wanted.terms),
        columns=_columns(request),
    )


@get("/llm/traces.events", include_in_schema=False)
async def list_events(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Send the first page of the list anew as traces come."""
    place_of(values_of(request), "older")  # says at once what is wrong, and not at each making
    shown = [column.name for column in _columns(request) if column.is_shown]
    part = LivePart("figures", 1.0, "llm/_traces_list.html", _lines)
    return follow(request, viewer, part, of=tuple(shown))


async def _found(request: AnyRequest, viewer: Viewer) -> dict[str, Any]:
    shown, (drawer, missing) = await asyncio.gather(
        _lines(request, viewer), _opened(request, viewer, values_of(request).get("open"))
    )
    keys = shown["keys"] or await key_names_for(request, viewer, drawer.row if drawer else None)
    return {**shown, "opened": drawer, "missing": missing, "keys": keys}


async def _lines(request: AnyRequest, viewer: Viewer) -> dict[str, Any]:
    values, wanted = values_of(request), wanted_of(request, viewer)
    beyond = place_of(values, "older")
    columns = _columns(request)
    is_named = any(one.name == "api_key" and one.is_shown for one in columns)
    async with reader_of(request, wanted.project).turn() as store:
        lines, total = await asyncio.gather(
            list_lines(store, wanted.project, wanted.filter, limit=PAGE_ROWS + 1, beyond=beyond),
            count_traces(store, wanted.project, wanted.filter),
        )
    return {
        "wanted": wanted,
        "chips": await chips_with_names(request, viewer, wanted.terms),
        "lines": lines[:PAGE_ROWS],
        "older": written(lines[PAGE_ROWS - 1].place) if len(lines) > PAGE_ROWS else None,
        "is_first": beyond is None,
        "is_empty": not lines,
        "total": total,
        "columns": columns,
        "keys": await key_names_of(request, viewer) if is_named else {},
    }


async def _opened(
    request: AnyRequest, viewer: Viewer, trace_id: str | None
) -> tuple[Opened | None, str | None]:
    """Returns what is in the drawer, or else the id that no trace has."""
    if not trace_id:
        return None, None
    explain: Explain = request.app.state.explain_cost
    async with reader_of(request, viewer.project).turn() as store:
        found = await open_trace(store, viewer.project, trace_id, explain)
    return found, None if found else trace_id


def _columns(request: AnyRequest) -> list[Column]:
    return columns_of(request, values_of(request), COLUMNS, USUAL, kept=KEPT)
