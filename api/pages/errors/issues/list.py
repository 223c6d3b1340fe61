"""The list of issues: searched, in pages, to change many at once, and a drawer for one of them."""

import asyncio
from collections.abc import Mapping
from typing import Any

from litestar import Response, get

from api.auth import AnyRequest, services
from api.pages.arriving import page_with
from api.pages.errors.issues.acts import COUNTS, UNTILS
from api.pages.errors.issues.done import done_in
from api.pages.errors.issues.found import Listed, find_lines
from api.pages.errors.issues.live import of_all
from api.pages.errors.issues.opened import Opened, open_issue
from api.pages.errors.issues.samples import Sending, sending_of
from api.pages.errors.issues.standing import row_of
from api.pages.errors.issues.wanted import EVERYTHING, RANGE, Wanted, wanted_of
from api.pages.errors.issues.whom import by_whom
from api.pages.live.following import LivePart, follows, stream_parts
from api.pages.parts.columns import Column, columns_of
from api.pages.parts.snippets import url_of
from api.pages.viewer import NoSuchPage, Viewed, Viewer
from api.parameters import values_of
from api.reads import reader_of
from controlplane.dsn import dsn_of, list_dsn_keys
from controlplane.errors.listing import count_statuses
from controlplane.members import list_members

KEPT = "issue_columns"
"""The cookie in which a browser keeps the columns that its viewer chose."""
COLUMNS: Mapping[str, str] = {
    "trend": "Trend",
    "events": "Events",
    "people": "People",
    "last": "Last seen",
    "first": "Age",
    "status": "Status",
    "assignee": "Assigned to",
    "release": "Release",
    "platform": "Platform",
}
USUAL = ("trend", "events", "people", "last", "first", "status", "assignee", "release")
SORTED = {"events": "events", "people": "people", "last": "last_seen", "first": "first_seen"}
"""Which order the head of a column asks for."""
MEANINGS = {
    "events": "Within the chosen time",
    "people": "Within the chosen time, by id, email, name or address",
    "first": "Since the first event; the newest issues first",
}
NUMBERS = ("events", "people")


@get("/errors/issues", include_in_schema=False)
async def issues_page(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Show a page of issues."""
    wanted, values = wanted_of(request, viewer), values_of(request)
    live = None
    if not values.get("older"):
        live = await follows(request, viewer, of_all(request, viewer), default=RANGE)
    return await page_with(
        request,
        "errors/issues.html",
        _found(request, viewer, wanted),
        wanted=wanted,
        live=live,
        done=done_in(values),
        views=wanted.views,
        chips=wanted.chips,
        kept=KEPT,
        columns=_columns(request),
    )


@get("/errors/issues.events", include_in_schema=False)
async def issues_events(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Send the first page of the list anew as issues change."""
    wanted_of(request, viewer)  # says at once what is wrong with the address
    shown = tuple(column.name for column in _columns(request) if column.is_shown)
    part = LivePart("figures", 1.0, "errors/_issues_list.html", _lines)
    # What is assigned to whoever looks is another list for each.
    of = (shown, by_whom(viewer))
    return stream_parts(request, viewer, of_all(request, viewer), part, of=of)


async def _found(request: AnyRequest, viewer: Viewer, wanted: Wanted) -> dict[str, Any]:
    named = values_of(request).get("open")
    shown, opened = await asyncio.gather(
        _lines(request, viewer, wanted), _opened(request, viewer, named)
    )
    return {**shown, "opened": opened, "missing": named if opened is None else None}


async def _lines(
    request: AnyRequest, viewer: Viewer, asked: Wanted | None = None
) -> dict[str, Any]:
    values, wanted = values_of(request), asked or wanted_of(request, viewer)
    database, project_id = services(request).database, viewer.project.project_id
    members, listed = await asyncio.gather(
        list_members(database, project_id),
        _listed(request, viewer, wanted, values.get("older")),
    )
    is_empty = not listed.lines and await _has_none(request, viewer)
    return {
        "wanted": wanted,
        "columns": _columns(request),
        "lines": listed.lines,
        "older": listed.older,
        "is_first": not values.get("older"),
        "is_empty": is_empty,
        "sending": await _sending(request, viewer) if is_empty else None,
        "everything": EVERYTHING,
        "sort": wanted.sort,
        "sorts": SORTED,
        "meanings": MEANINGS,
        "numbers": NUMBERS,
        "members": members,
        "untils": UNTILS,
        "counts": COUNTS,
    }


async def _listed(request: AnyRequest, viewer: Viewer, wanted: Wanted, older: str | None) -> Listed:
    async with reader_of(request, wanted.project).turn() as store:
        return await find_lines(
            services(request).database, store, wanted, older or None, me=by_whom(viewer)
        )


async def _opened(request: AnyRequest, viewer: Viewer, issue_id: str | None) -> Opened | None:
    if not issue_id:
        return None
    try:
        row = await row_of(request, viewer, issue_id)
    except NoSuchPage:
        return None
    return await open_issue(request, viewer, row)


async def _has_none(request: AnyRequest, viewer: Viewer) -> bool:
    """Tells whether the project has never had an issue."""
    project_id = viewer.project.project_id
    counted = await count_statuses(services(request).database, [project_id])
    return not any(counted[project_id].values())


async def _sending(request: AnyRequest, viewer: Viewer) -> Sending | None:
    """Returns how a first error is sent; `None` where the project has no DSN key."""
    keys = await list_dsn_keys(services(request).database, viewer.project.project_id)
    if not keys:
        return None
    url, key = url_of(request), keys[0]
    dsn = dsn_of(url, key.public_key, key.number)
    return sending_of(url, key.public_key, dsn, values_of(request).get("sdk", ""))


def _columns(request: AnyRequest) -> list[Column]:
    return columns_of(request, values_of(request), COLUMNS, USUAL, kept=KEPT)
