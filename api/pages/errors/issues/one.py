"""The page of one issue, with its latest event or another; and an event as it is kept."""

from litestar import Response, get
from litestar.params import FromPath
from msgspec import Raw

from api.auth import AnyRequest
from api.pages.errors.issues.acts import COUNTS, UNTILS
from api.pages.errors.issues.done import done_in
from api.pages.errors.issues.opened import Opened, beside_of, open_issue, row_of
from api.pages.render import is_fragment, page
from api.pages.viewer import Viewed, Viewer
from api.parameters import values_of
from api.reads import reader_of
from api.rows import one
from clickhouse.client import Warehouse
from clickhouse.errors.events import get_event

PATH = "/errors/issues/{issue_id:str}"


@get(PATH, include_in_schema=False)
async def issue_page(request: AnyRequest, viewer: Viewed, issue_id: FromPath[str]) -> Response[str]:
    """Show an issue with its latest event, alone or in the drawer of the list."""
    row = await row_of(request, viewer, issue_id)
    return await _shown(request, viewer, await open_issue(request, viewer, row))


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


async def _shown(request: AnyRequest, viewer: Viewer, opened: Opened) -> Response[str]:
    in_drawer = is_fragment(request)
    return await page(
        request,
        "errors/issue_drawer.html" if in_drawer else "errors/issue.html",
        opened=opened,
        beside=None if in_drawer else await beside_of(request, viewer, opened),
        done=done_in(values_of(request)),
        members=opened.members,
        untils=UNTILS,
        counts=COUNTS,
        status_code=404 if opened.missing_event else 200,
    )


HANDLERS = (issue_page, event_page, raw_event)
