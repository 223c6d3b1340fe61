"""The list of sessions: what each of them did and cost, in pages of a chosen order."""

import asyncio
from collections.abc import Mapping
from typing import Any

from litestar import Response, get

from api.auth import AnyRequest
from api.pages.arriving import page_with
from api.pages.llm.key_names import chips_with_names
from api.pages.llm.places import listing_of, written_subject
from api.pages.llm.prompts import Prompt, address_value, prompts_of
from api.pages.llm.session import open_session
from api.pages.llm.subject_scores import score_column, score_in
from api.pages.llm.wanted import Wanted, wanted_of
from api.pages.parts.columns import columns_of
from api.pages.parts.snippets import snippets_of
from api.pages.render import page
from api.pages.viewer import Viewed, Viewer
from api.parameters import values_of
from api.reads import reader_of
from clickhouse.client import Warehouse
from clickhouse.llm.session_lines import (
    SessionLine,
    read_sessions,
    total_sessions,
)
from clickhouse.llm.subject_totals import SubjectTotals
from clickhouse.llm.subjects import SESSION, Listing, rank

PAGE_ROWS = 50
ORDERS = ("last", "first", "calls", "errors", "tokens", "cost", "duration", "latency")
KEPT = "session-columns"
"""The cookie in which a browser keeps the columns that its viewer chose."""
COLUMNS: Mapping[str, str] = {
    "last": "Last seen",
    "user": "User",
    "prompt": "First prompt",
    "calls": "Calls",
    "errors": "Errors",
    "tokens": "Tokens",
    "cost": "Cost",
    "duration": "Duration",
    "latency": "Latency",
    "models": "Models",
    "environment": "Environment",
    "first": "First seen",
}
USUAL = ("last", "user", "prompt", "calls", "errors", "tokens", "cost", "duration", "models")
WHOLE = "whole"
"""Asks for all at once, as a browser without a script does."""


@get("/llm/sessions", include_in_schema=False)
async def sessions_page(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Show a page of sessions, those seen last first."""
    values, wanted = values_of(request), wanted_of(request, viewer)
    return await page_with(
        request,
        "llm/sessions.html",
        _found(request, viewer, wanted, score_in(values)),
        wanted=wanted,
        chips=await chips_with_names(request, viewer, wanted.terms),
        columns=columns_of(request, values, COLUMNS, USUAL, kept=KEPT),
    )


async def _found(
    request: AnyRequest, viewer: Viewer, wanted: Wanted, score: str | None
) -> dict[str, Any]:
    values = values_of(request)
    listing = listing_of(values, SESSION, ORDERS, limit=PAGE_ROWS)
    opened, is_whole = values.get("open"), values.get(WHOLE) == "1"
    async with reader_of(request, wanted.project).turn() as store:
        (lines, older), drawer = await asyncio.gather(
            list_sessions(store, wanted, listing),
            open_session(store, wanted.project, opened),
        )
        hashes = [line.hash for line in lines]
        column = await score_column(store, wanted, SESSION, keys=hashes, score=score)
        totals, prompts = await _later(store, wanted, lines) if is_whole else (None, None)
    return {
        "lines": lines,
        "score": column,
        "older": older,
        "sort": listing.order,
        "is_first": listing.beyond is None,
        "opened": drawer,
        "missing": opened if opened and drawer is None else None,
        "calls": address_value([line.first for line in lines]),
        "totals": totals,
        "prompts": prompts,
        "snippets": [] if lines else await snippets_of(request, viewer),
    }


@get("/llm/sessions/totals", include_in_schema=False)
async def sessions_totals(request: AnyRequest, viewer: Viewed) -> Response[str]:
    """Show what all sessions of the list add up to."""
    wanted = wanted_of(request, viewer)
    async with reader_of(request, wanted.project).turn() as store:
        totals = await _totals(store, wanted)
    return await page(request, "llm/sessions_totals.html", totals=totals)


async def list_sessions(
    store: Warehouse, wanted: Wanted, listing: Listing
) -> tuple[list[SessionLine], str | None]:
    """Returns a page of sessions, and where the next one begins."""
    places = await rank(store, wanted.project, wanted.filter, listing, base_only=wanted.is_fine)
    shown = places[: listing.limit - 1]
    hashes = [place.key for place in shown]
    lines = await read_sessions(
        store, wanted.project, wanted.filter, hashes, base_only=wanted.is_fine
    )
    return lines, written_subject(shown[-1]) if len(places) > len(shown) else None


async def _later(
    store: Warehouse, wanted: Wanted, lines: list[SessionLine]
) -> tuple[SubjectTotals, list[Prompt | None]]:
    firsts = [line.first for line in lines]
    return await asyncio.gather(_totals(store, wanted), prompts_of(store, wanted.project, firsts))


async def _totals(store: Warehouse, wanted: Wanted) -> SubjectTotals:
    return await total_sessions(store, wanted.project, wanted.filter, base_only=wanted.is_fine)
