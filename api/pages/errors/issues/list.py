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
from api.pages.errors.issues.opened import Opened, open_issue, row_of
from api.pages.errors.issues.samples import Sending, sending_of
from api.pages.errors.issues.wanted import EVERYTHING, Wanted, wanted_of
from api.pages.errors.issues.whom import by_whom
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
    wanted = wanted_of(request, viewer)
    return await page_with(
        request,
        "errors/issues.html",
        _found(request, viewer, wanted),
        wanted=wanted,
        views=wanted.views,
        chips=wanted.chips,
        kept=KEPT,
        columns=_columns(request),
    )


async def _found(request: AnyRequest, viewer: Viewer, wanted: Wanted) -> dict[str, Any]:
    values = values_of(request)
    database, project_id = services(request).database, viewer.project.project_id
    opened, members, listed = await asyncio.gather(
        _opened(request, viewer, values.get("open")),
        list_members(database, project_id),
        _listed(request, viewer, wanted, values.get("older")),
    )
    is_empty = not listed.lines and await _has_none(request, viewer)
    return {
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
        "opened": opened,
        "missing": values.get("open") if opened is None else None,
        "members": members,
        "untils": UNTILS,
        "counts": COUNTS,
        "done": done_in(values),
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
