"""Public status pages: listed, made, changed, given a logo, removed. Admins change them."""

from typing import Any

import structlog
from litestar import Response, get, post
from litestar.datastructures import UploadFile
from litestar.params import FromPath
from litestar.response.redirect import Redirect

from api.account_forms import MAX_FORM_BYTES
from api.auth import AnyRequest, services
from api.pages.forms import Problem, problem_of, ticks_of, typed_word
from api.pages.parts.snippets import url_of
from api.pages.render import address_of, page
from api.pages.settings.admins import admins_only
from api.pages.uptime.status_pages.forms import (
    FIELDS,
    NEW,
    OF_PATH,
    Row,
    Texts,
    fields_in,
    page_texts,
    rows_again,
    rows_of,
    shown_again,
)
from api.pages.viewer import Viewed, Viewer
from controlplane.failures import BadRequest, Conflict
from controlplane.uptime.monitors import list_monitors
from controlplane.uptime.status_pages import (
    add_page,
    change_page,
    get_page,
    list_pages,
    remove_page,
    set_logo,
)
from schemas.uptime.status_pages import MAX_LOGO_BYTES, StatusPage

PAGES = "/uptime/status-pages"
PAGE = f"{PAGES}/{{page_id:str}}"
MOST_MONITORS = 300
"""In the form; a page of others is made over HTTP."""
MOST_FIELDS = 3 * MOST_MONITORS + 10
MULTIPART_BYTES = 4096
"""What a form of files says beside the file."""

log = structlog.get_logger(__name__)


@get(PAGES, include_in_schema=False)
async def status_pages_page(request: AnyRequest, viewer: Viewed) -> Response[str]:
    """Show the status pages of the project."""
    return await _listed(request, viewer)


@post(PAGES, include_in_schema=False, status_code=200, request_max_body_size=4 * MAX_FORM_BYTES)
async def make_page(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Make a page."""
    admins_only(viewer)
    texts = await ticks_of(request, MOST_FIELDS)
    rows, project_id = await _rows(request, viewer, None), viewer.project.project_id
    try:
        made = await add_page(services(request).database, project_id, fields_in(texts, rows))
    except (BadRequest, Conflict) as error:
        return await _listed(request, viewer, texts=texts, problem=_problem(error, texts))
    log.info("status page made", project_id=project_id, page_id=made.page_id)
    return _back(request, f"/{made.page_id}")


@get(PAGE, include_in_schema=False)
async def status_page_page(
    request: AnyRequest, viewer: Viewed, page_id: FromPath[str]
) -> Response[str]:
    """Show one page, to change."""
    return await _shown(request, viewer, await _page(request, viewer, page_id))


@post(PAGE, include_in_schema=False, status_code=200, request_max_body_size=4 * MAX_FORM_BYTES)
async def save_page(request: AnyRequest, viewer: Viewed, page_id: FromPath[str]) -> Response[Any]:
    """Change a page to what the form says."""
    admins_only(viewer)
    texts = await ticks_of(request, MOST_FIELDS)
    known = await _page(request, viewer, page_id)
    rows = await _rows(request, viewer, known)
    of = (viewer.project.project_id, known.page_id)
    try:
        await change_page(services(request).database, of, fields_in(texts, rows))
    except (BadRequest, Conflict) as error:
        problem = _problem(error, texts)
        return await _shown(request, viewer, known, texts=texts, problem=problem)
    return _back(request, f"/{known.page_id}", saved=1)


@post(
    f"{PAGE}/logo",
    include_in_schema=False,
    status_code=200,
    request_max_body_size=MAX_LOGO_BYTES + MULTIPART_BYTES,
)
async def save_logo(request: AnyRequest, viewer: Viewed, page_id: FromPath[str]) -> Response[Any]:
    """Take a picture as the logo of a page; without one, take the logo away."""
    admins_only(viewer)
    known = await _page(request, viewer, page_id)
    sent = (await request.form()).get("logo")
    content = await sent.read() if isinstance(sent, UploadFile) else b""
    of = (viewer.project.project_id, known.page_id)
    try:
        await set_logo(services(request).database, of, content)
    except BadRequest as error:
        problem = problem_of(error, FIELDS)
        return await _shown(request, viewer, known, logo_problem=problem)
    return _back(request, f"/{known.page_id}", saved=1)


@post(f"{PAGE}/remove", include_in_schema=False, status_code=200)
async def unmake_page(request: AnyRequest, viewer: Viewed, page_id: FromPath[str]) -> Response[Any]:
    """Remove a page, whose address the form repeats."""
    admins_only(viewer)
    known = await _page(request, viewer, page_id)
    slug = known.config.slug
    if await typed_word(request) != slug:
        problem = Problem(f"Nothing was removed: type the address, {slug}, to remove the page.")
        return await _shown(request, viewer, known, problem=problem)
    await remove_page(services(request).database, viewer.project.project_id, known.page_id)
    return _back(request)


HANDLERS = (
    *(status_pages_page, make_page, status_page_page),
    *(save_page, save_logo, unmake_page),
)


def _back(request: AnyRequest, rest: str = "", **values: object) -> Redirect:
    location = address_of(request).page(f"uptime/status-pages{rest}", **values)
    return Redirect(location, status_code=303)


def _problem(error: BadRequest | Conflict, texts: Texts) -> Problem:
    problem = problem_of(error, FIELDS, texts)
    field = next((name for path, name in OF_PATH.items() if path in error.message), "")
    return problem if problem.field or not field else Problem(problem.text, field)


async def _page(request: AnyRequest, viewer: Viewer, page_id: str) -> StatusPage:
    return await get_page(services(request).database, viewer.project.project_id, page_id)


async def _rows(request: AnyRequest, viewer: Viewer, known: StatusPage | None) -> list[Row]:
    state, project_id = services(request), viewer.project.project_id
    monitors = await list_monitors(state.database, state.vault, project_id, limit=MOST_MONITORS)
    return rows_of(monitors, None if known is None else known.config)


async def _listed(
    request: AnyRequest,
    viewer: Viewer,
    *,
    texts: Texts | None = None,
    problem: Problem | None = None,
) -> Response[str]:
    database, project_id = services(request).database, viewer.project.project_id
    rows = await _rows(request, viewer, None)
    return await page(
        request,
        "uptime/status_pages.html",
        status_code=400 if problem else 200,
        pages=await list_pages(database, project_id),
        base=url_of(request),
        fields=NEW if texts is None else shown_again(texts),
        rows=rows if texts is None else rows_again(rows, texts),
        problem=problem,
    )


async def _shown(
    request: AnyRequest,
    viewer: Viewer,
    known: StatusPage,
    *,
    texts: Texts | None = None,
    problem: Problem | None = None,
    logo_problem: Problem | None = None,
) -> Response[str]:
    rows = await _rows(request, viewer, known)
    return await page(
        request,
        "uptime/status_page.html",
        status_code=400 if problem or logo_problem else 200,
        known=known,
        base=url_of(request),
        fields=page_texts(known.config) if texts is None else shown_again(texts),
        rows=rows if texts is None else rows_again(rows, texts),
        problem=problem,
        logo_problem=logo_problem,
    )
