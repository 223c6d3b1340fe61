"""The events of one issue: filtered, in pages, with columns to choose, and a drawer for one."""

import asyncio
from collections.abc import Mapping
from typing import Any

from litestar import Response, get
from litestar.params import FromPath

from api.auth import AnyRequest
from api.errors.issue_answers import read_cursor, written
from api.pages.arriving import page_with
from api.pages.errors.issues.acts import COUNTS, UNTILS
from api.pages.errors.issues.events_wanted import EXAMPLE, KEYS, Wanted, wanted_of
from api.pages.errors.issues.opened import Opened, open_issue
from api.pages.errors.issues.standing import row_of
from api.pages.parts.columns import columns_of
from api.pages.parts.filters import chips_of
from api.pages.viewer import Viewed, Viewer
from api.parameters import values_of
from api.reads import reader_of
from clickhouse.errors.event_filters import Place
from clickhouse.errors.events import count_events, list_events
from schemas.errors.issues import IssueRow

PAGE_ROWS = 50
KEPT = "event_columns"
"""The cookie in which a browser keeps the columns that its viewer chose."""
COLUMNS: Mapping[str, str] = {
    "time": "Time",
    "message": "Event",
    "release": "Release",
    "environment": "Environment",
    "user": "User",
    "transaction": "Transaction",
    "trace": "Trace",
    "server": "Server",
    "id": "Id",
}
USUAL = ("time", "message", "release", "environment", "user", "transaction", "trace")


@get("/errors/issues/{issue_id:str}/events", include_in_schema=False)
async def events_page(
    request: AnyRequest, viewer: Viewed, issue_id: FromPath[str]
) -> Response[Any]:
    """Show a page of an issue's events, latest first."""
    row, values = await row_of(request, viewer, issue_id), values_of(request)
    wanted = wanted_of(request, viewer, row)
    older = values.get("older")
    beyond = Place(*read_cursor(older)) if older else None
    return await page_with(
        request,
        "errors/events.html",
        _found(request, viewer, wanted, beyond),
        row=row,
        wanted=wanted,
        chips=chips_of(wanted.terms, KEYS),
        example=EXAMPLE,
        kept=KEPT,
        columns=columns_of(request, values, COLUMNS, USUAL, kept=KEPT),
    )


async def _found(
    request: AnyRequest, viewer: Viewer, wanted: Wanted, beyond: Place | None
) -> dict[str, Any]:
    project, named = wanted.project, values_of(request).get("open")
    opened = await _opened(request, viewer, wanted.row, named)
    async with reader_of(request, project).turn() as store:
        lines, total = await asyncio.gather(
            list_events(store, project, wanted.filter, limit=PAGE_ROWS + 1, beyond=beyond),
            count_events(store, project, wanted.filter),
        )
    return {
        "lines": lines[:PAGE_ROWS],
        "older": written(*lines[PAGE_ROWS - 1].place) if len(lines) > PAGE_ROWS else None,
        "is_first": beyond is None,
        "total": total,
        "opened": opened,
        "missing": named if opened is None else None,
        "untils": UNTILS,
        "counts": COUNTS,
        "members": opened.members if opened else (),
    }


async def _opened(
    request: AnyRequest, viewer: Viewer, row: IssueRow, event_id: str | None
) -> Opened | None:
    """Returns what is in the drawer, where the issue has an event of that id."""
    if not event_id:
        return None
    opened = await open_issue(request, viewer, row, event_id)
    return None if opened.missing_event else opened


HANDLERS = (events_page,)
