"""The list of agents' sessions, latest first or by a figure, and the largest at a glance."""

import asyncio
import time
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from litestar import Response, get

from api.auth import AnyRequest
from api.pages.arriving import page_with
from api.pages.llm.agents.wanted import EXAMPLE, KEYS, Wanted, wanted_of
from api.pages.parts.filters import chips_of
from api.pages.parts.snippets import agent_snippets_of
from api.pages.render import page
from api.pages.viewer import Viewed, Viewer
from api.parameters import Values, invalid, values_of
from api.reads import reader_of
from clickhouse.client import Warehouse
from clickhouse.llm.agent_sessions import (
    AgentSession,
    Found,
    Order,
    Place,
    find_sessions,
    read_sessions,
)

PAGE_ROWS = 50
AT_A_GLANCE = 5
SORTS: Mapping[str, Order] = {
    "latest": "latest",
    "longest": "longest",
    "cost": "cost",
    "failures": "failures",
}
RUNNING_US = 5 * 60 * 1_000_000
"""A session without an end, whose last event is younger than this, is taken to be at work."""


@get("/agents", include_in_schema=False)
async def sessions_page(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Show a page of sessions."""
    wanted = wanted_of(request, viewer)
    return await page_with(
        request,
        "agents/sessions.html",
        _found(request, viewer, wanted),
        wanted=wanted,
        chips=chips_of(wanted.terms, KEYS),
        example=EXAMPLE,
    )


async def _found(request: AnyRequest, viewer: Viewer, wanted: Wanted) -> dict[str, Any]:
    values = values_of(request)
    order, beyond = _order(values), _place(values)
    async with reader_of(request, wanted.project).turn() as store:
        found = await find_sessions(
            store, wanted.project, wanted.filter, order=order, limit=PAGE_ROWS + 1, beyond=beyond
        )
        shown = await _figures(store, wanted, found[:PAGE_ROWS])
    return {
        "sessions": shown,
        "sort": order,
        "older": _written(found[PAGE_ROWS - 1].place) if len(found) > PAGE_ROWS else None,
        "is_first": beyond is None,
        "running_since_us": time.time_ns() // 1000 - RUNNING_US,
        "snippets": [] if found else await agent_snippets_of(request, viewer),
    }


@get("/agents/glance", include_in_schema=False)
async def sessions_glance(request: AnyRequest, viewer: Viewed) -> Response[str]:
    """Show the slowest and the most expensive sessions, alone or as a part of other pages."""
    wanted = wanted_of(request, viewer)
    async with reader_of(request, wanted.project).turn() as store:
        slowest, priciest = await asyncio.gather(
            *(
                find_sessions(store, wanted.project, wanted.filter, order=order, limit=AT_A_GLANCE)
                for order in ("longest", "cost")
            )
        )
        figures = await _figures(store, wanted, [*slowest, *priciest])
    by_id = {one.session_id: one for one in figures}
    return await page(
        request,
        "agents/glance.html",
        wanted=wanted,
        slowest=[by_id[one.session_id] for one in slowest if one.session_id in by_id],
        priciest=[
            by_id[one.session_id]
            for one in priciest
            if one.session_id in by_id and by_id[one.session_id].cost_cents
        ],
    )


async def _figures(store: Warehouse, wanted: Wanted, found: list[Found]) -> list[AgentSession]:
    ids = list(dict.fromkeys(one.session_id for one in found))
    return await read_sessions(store, wanted.project, wanted.filter, ids)


def _order(values: Values) -> Order:
    name = values.get("sort") or "latest"
    if name not in SORTS:
        raise invalid("sort", f"Expected one of {', '.join(SORTS)}")
    return SORTS[name]


def _written(place: Place) -> str:
    return f"{place.value:f}_{place.tie}"


def _place(values: Values) -> Place | None:
    """Reads where the page begins."""
    text = values.get("older")
    if not text:
        return None
    number, _, tie = text.partition("_")
    try:
        value = Decimal(number)
    except InvalidOperation:
        value = Decimal("NaN")
    if not (value.is_finite() and abs(value) < Decimal(10) ** 18 and tie and len(number) < 40):
        raise invalid("older", "Expected what a link of this page says")
    return Place(value, tie)
