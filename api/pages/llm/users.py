"""The list of users: what their calls cost, against the time before, in pages of a chosen order."""

import asyncio
from collections.abc import Sequence
from typing import Any, NamedTuple
from urllib.parse import quote

import msgspec
from litestar import Response, get

from api.auth import AnyRequest
from api.pages.arriving import page_with
from api.pages.llm.key_names import chips_with_names
from api.pages.llm.places import listing_of, written_subject
from api.pages.llm.subject_scores import score_column, score_in
from api.pages.llm.wanted import Wanted, wanted_of
from api.pages.parts import charts
from api.pages.parts.charts import spark
from api.pages.parts.snippets import snippets_of
from api.pages.parts.texts import change
from api.pages.render import page
from api.pages.viewer import Viewed, Viewer
from api.parameters import invalid, values_of
from api.reads import reader_of
from clickhouse.client import Warehouse
from clickhouse.llm.subject_totals import SubjectTotals
from clickhouse.llm.subjects import USER, Listing, rank
from clickhouse.llm.user_lines import (
    Beside,
    Both,
    Figures,
    UserLine,
    add_up_calls,
    read_beside,
    read_users,
    total_users,
)

PAGE_ROWS = 50
ORDERS = ("cost", "last", "calls", "errors", "tokens", "sessions", "latency", "first")
OF, AT = "of", "at"
MOST_ADDRESS = 6_000
"""Characters of an address with names of users, as they are escaped."""


class Chunk(NamedTuple):
    """Some users of the list, of whom is asked at once what takes longer."""

    at: int
    of: str


class Cell(NamedTuple):
    """What takes longer, of one user."""

    sessions: int
    change: str
    spark: str


@get("/llm/users", include_in_schema=False)
async def users_page(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Show a page of users, the most expensive first."""
    wanted = wanted_of(request, viewer, default="7d")
    return await page_with(
        request,
        "llm/users.html",
        _found(request, viewer, wanted, score_in(values_of(request))),
        wanted=wanted,
        chips=await chips_with_names(request, viewer, wanted.terms),
    )


async def _found(
    request: AnyRequest, viewer: Viewer, wanted: Wanted, score: str | None
) -> dict[str, Any]:
    values = values_of(request)
    listing = listing_of(values, USER, ORDERS, limit=PAGE_ROWS)
    async with reader_of(request, wanted.project).turn() as store:
        (lines, older), whole = await asyncio.gather(
            _list(store, wanted, listing),
            add_up_calls(store, wanted.project, wanted.filter, base_only=wanted.is_fine),
        )
        users = [line.user for line in lines]
        column = await score_column(store, wanted, USER, keys=users, score=score)
        is_whole = values.get("whole") == "1"
        totals, cells = (
            await asyncio.gather(
                _totals(store, wanted),
                _cells(store, wanted, users, listing.order),
            )
            if is_whole
            else (None, None)
        )
    return {
        "lines": lines,
        "older": older,
        "sort": listing.order,
        "is_first": listing.beyond is None,
        "score": column,
        "chunks": chunks_of(users),
        "cost": whole.cost_cents,
        "totals": totals,
        "cells": cells,
        "snippets": [] if lines else await snippets_of(request, viewer),
    }


@get("/llm/users/totals", include_in_schema=False)
async def users_totals(request: AnyRequest, viewer: Viewed) -> Response[str]:
    """Show what all users of the list add up to."""
    wanted = wanted_of(request, viewer, default="7d")
    async with reader_of(request, wanted.project).turn() as store:
        totals = await _totals(store, wanted)
    return await page(request, "llm/users_totals.html", totals=totals)


@get("/llm/users/beside", include_in_schema=False)
async def users_beside(request: AnyRequest, viewer: Viewed) -> Response[str]:
    """Return sessions, change and sparkline of some users, each for its place in the list."""
    values, wanted = values_of(request), wanted_of(request, viewer, default="7d")
    users, first = _asked(values.get(OF) or "[]"), values.get(AT, "0")
    if not (first.isascii() and first.isdecimal() and len(first) < 4):
        raise invalid(AT, "Expected a number below 1,000")
    order = listing_of({"sort": values.get("sort", "")}, USER, ORDERS, limit=PAGE_ROWS).order
    async with reader_of(request, wanted.project).turn() as store:
        cells = await _cells(store, wanted, users, order)
    return await page(request, "llm/users_beside.html", cells=cells, at=int(first))


def chunks_of(users: Sequence[str]) -> list[Chunk]:
    """Returns the users in chunks, each of which an address can hold."""
    chunks: list[list[str]] = []
    for user in users:
        longer = [*(chunks[-1] if chunks else []), user]
        if chunks and len(quote(_json(longer))) <= MOST_ADDRESS:
            chunks[-1] = longer
        else:
            chunks.append([user])
    places = [sum(map(len, chunks[:number])) for number in range(len(chunks))]
    return [Chunk(at, _json(chunk)) for at, chunk in zip(places, chunks, strict=True)]


async def _list(
    store: Warehouse, wanted: Wanted, listing: Listing
) -> tuple[list[UserLine], str | None]:
    project, fine = wanted.project, wanted.is_fine
    places = await rank(store, project, wanted.filter, listing, base_only=fine)
    shown = places[: listing.limit - 1]
    users = [place.key for place in shown]
    lines = await read_users(store, project, wanted.filter, users, base_only=fine)
    return lines, written_subject(shown[-1]) if len(places) > len(shown) else None


async def _totals(store: Warehouse, wanted: Wanted) -> SubjectTotals:
    return await total_users(store, wanted.project, wanted.filter, base_only=wanted.is_fine)


async def _cells(store: Warehouse, wanted: Wanted, users: Sequence[str], order: str) -> list[Cell]:
    if not users:
        return []
    both, period = Both(wanted.filter, wanted.before), wanted.range.bucket
    found = await read_beside(
        store, wanted.project, both, users, period=period, base_only=wanted.is_fine
    )
    return [_cell(wanted, found[user], order) for user in users]


def _cell(wanted: Wanted, beside: Beside, order: str) -> Cell:
    periods = beside.periods
    moments = charts.moments_of(wanted.range)
    values = [_figure(periods[at], order) if at in periods else 0.0 for at in moments]
    sums = Figures._make(map(sum, zip(*periods.values(), strict=True))) if periods else Figures()
    now = _figure(sums, order)
    before = _figure(beside.before, order)
    moved = change(now, before) if beside.before.calls else "new"
    return Cell(beside.sessions, moved, spark(values))


def _figure(figures: Figures, order: str) -> float | None:
    if order == "cost":
        return figures.cost_cents
    return {"errors": figures.errors, "tokens": figures.tokens}.get(order, figures.calls)


def _asked(text: str) -> list[str]:
    try:
        users = msgspec.json.decode(text, type=list[str])
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise invalid(OF, "Expected a list of names, as JSON") from error
    if len(users) > PAGE_ROWS:
        raise invalid(OF, f"Expected at most {PAGE_ROWS} names")
    return users


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
