"""One user: their figures beside what they were, their models, sessions and newest calls."""

import asyncio
from typing import Any

from litestar import Response, get
from litestar.params import FromPath
from msgspec.structs import replace

from api.auth import AnyRequest
from api.pages.arriving import page_with
from api.pages.llm.overview import figures_of
from api.pages.llm.readings import both_sums
from api.pages.llm.sessions import list_sessions
from api.pages.llm.wanted import Wanted, filter_of, wanted_of
from api.pages.parts.filters import Term
from api.pages.parts.texts import change
from api.pages.render import page
from api.pages.viewer import Viewed, Viewer
from api.reads import reader_of
from api.slashes import with_slashes
from clickhouse.llm.groups import Grouping
from clickhouse.llm.subjects import LAST, SESSION, Listing
from clickhouse.llm.trace_lines import list_lines

SHOWN = 10
MOST_MODELS = 20


@get("/llm/users/{user:str}", include_in_schema=False)
async def user_page(request: AnyRequest, viewer: Viewed, user: FromPath[str]) -> Response[Any]:
    """Show the figures of one user over time; the rest comes after them."""
    name = with_slashes(user)
    wanted = _wanted(request, viewer, name)
    return await page_with(
        request,
        "llm/user.html",
        figures_of(request, wanted),
        user=name,
        where=str(wanted.terms[0]),
        wanted=wanted,
    )


@get("/llm/users/{user:str}/more", include_in_schema=False)
async def user_rest(request: AnyRequest, viewer: Viewed, user: FromPath[str]) -> Response[str]:
    """Show the models of a user, the sessions seen last, and the newest calls."""
    name = with_slashes(user)
    wanted = _wanted(request, viewer, name)
    models = Grouping(("model",), "cost", False, MOST_MODELS)
    async with reader_of(request, wanted.project).turn() as store:
        (now, before), (sessions, more), lines = await asyncio.gather(
            both_sums(store, wanted, models),
            list_sessions(store, wanted, Listing(SESSION, LAST, SHOWN + 1)),
            list_lines(store, wanted.project, wanted.filter, limit=SHOWN),
        )
    were = {group.key["model"]: group for group in before}
    return await page(
        request,
        "llm/user_rest.html",
        user=name,
        where=str(wanted.terms[0]),
        wanted=wanted,
        models=[
            (one, change(one.requests, were[one.key["model"]].requests))
            if one.key["model"] in were
            else (one, "new")
            for one in now
        ],
        cost=sum(one.cost_cents for one in now),
        sessions=sessions,
        has_more=more is not None,
        lines=lines,
    )


def _wanted(request: AnyRequest, viewer: Viewer, user: str) -> Wanted:
    wanted = wanted_of(request, viewer, default="7d")
    terms = [Term("user", user)]
    return replace(wanted, terms=terms, filter=filter_of(terms, wanted.range))
