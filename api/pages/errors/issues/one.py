"""The page of one issue, with its latest event or another; and an event as it is kept."""

from typing import Any

from litestar import Response, get
from litestar.params import FromPath
from msgspec import Raw

from api.auth import AnyRequest
from api.pages.errors.issues.acts import COUNTS, UNTILS
from api.pages.errors.issues.done import done_in
from api.pages.errors.issues.live import of_one
from api.pages.errors.issues.opened import Opened, beside_of, open_issue
from api.pages.errors.issues.standing import around_of, chart_of, row_of, standing_of
from api.pages.errors.issues.wanted import RANGE
from api.pages.live.following import LivePart, follows, stream_parts
from api.pages.parts.ranges import Live
from api.pages.render import is_fragment, page
from api.pages.viewer import Viewed, Viewer
from api.parameters import values_of
from api.reads import reader_of
from api.rows import one
from clickhouse.client import Warehouse
from clickhouse.errors.events import get_event

PATH = "/errors/issues/{issue_id:str}"
LIVE = "/live"
"""What the path of its stream has more."""


@get(PATH, include_in_schema=False)
async def issue_page(request: AnyRequest, viewer: Viewed, issue_id: FromPath[str]) -> Response[str]:
    """Show an issue with its latest event, alone or in the drawer of the list."""
    row = await row_of(request, viewer, issue_id)
    live = None
    if not is_fragment(request):
        subject = of_one(request, viewer, row.id)
        live = await follows(request, viewer, subject, default=RANGE, ending=LIVE)
    return await _shown(request, viewer, await open_issue(request, viewer, row), live)


@get(PATH + LIVE, include_in_schema=False)
async def issue_events(
    request: AnyRequest, viewer: Viewed, issue_id: FromPath[str]
) -> Response[Any]:
    """Send what stands above and beside an event anew. The event stays: somebody reads it."""
    row = await row_of(request, viewer, issue_id)

    async def figures(request: AnyRequest, viewer: Viewer) -> dict[str, Any]:
        found = await standing_of(request, viewer, await row_of(request, viewer, row.id))
        return {"standing": found, "untils": UNTILS, "counts": COUNTS}

    async def course(request: AnyRequest, viewer: Viewer) -> dict[str, Any]:
        found = await standing_of(request, viewer, await row_of(request, viewer, row.id))
        return {"course": await chart_of(request, viewer, found)}

    async def side(request: AnyRequest, viewer: Viewer) -> dict[str, Any]:
        found = await standing_of(request, viewer, await row_of(request, viewer, row.id))
        return {"standing": found, "around": await around_of(request, viewer, found)}

    parts = (
        LivePart("figures", 1.0, "errors/_issue_figures.html", figures),
        LivePart("course", 2.0, "errors/_issue_course.html", course),
        LivePart("side", 5.0, "errors/_issue_side.html", side),
    )
    return stream_parts(request, viewer, of_one(request, viewer, row.id), *parts, ending=LIVE)


@get(f"{PATH}/events/{{event_id:str}}", include_in_schema=False)
async def event_page(
    request: AnyRequest, viewer: Viewed, issue_id: FromPath[str], event_id: FromPath[str]
) -> Response[str]:
    """Show an issue with one of its events."""
    row = await row_of(request, viewer, issue_id)
    return await _shown(request, viewer, await open_issue(request, viewer, row, event_id))


@get(f"{PATH}/events/{{event_id:str}}/raw", include_in_schema=False)
async def raw_event(
    request: AnyRequest, viewer: Viewed, issue_id: FromPath[str], event_id: FromPath[str]
) -> Response[bytes]:
    """Return an event of any size, as it is kept: personal data is masked in it."""
    row = await row_of(request, viewer, issue_id)

    async def ask(store: Warehouse) -> Raw | None:
        found = await get_event(store, viewer.project, event_id)
        is_own = found is not None and found.line.group_hash in row.group_hashes
        return Raw(found.body) if found is not None and is_own else None

    return await one(reader_of(request, viewer.project), ask, missing="Event not found")


async def _shown(
    request: AnyRequest, viewer: Viewer, opened: Opened, live: Live | None = None
) -> Response[str]:
    in_drawer = is_fragment(request)
    return await page(
        request,
        "errors/issue_drawer.html" if in_drawer else "errors/issue.html",
        opened=opened,
        live=live,
        beside=None if in_drawer else await beside_of(request, viewer, opened),
        done=done_in(values_of(request)),
        untils=UNTILS,
        counts=COUNTS,
        status_code=404 if opened.missing_event else 200,
    )


HANDLERS = (issue_page, issue_events, event_page, raw_event)
