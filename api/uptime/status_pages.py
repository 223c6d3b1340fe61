"""`/v1/status-pages`: made, listed, changed, removed; and their logos. Who reads them: `public`."""

from litestar import delete, get, post, put
from litestar.params import FromPath
from litestar.status_codes import HTTP_200_OK, HTTP_201_CREATED

from api.auth import AnyRequest, services
from api.uptime.bodies import asked, fields_of
from api.uptime.holders import monitored_project
from api.uptime.monitors import READS, WRITES
from controlplane.uptime.status_pages import (
    add_page,
    change_page,
    get_page,
    list_pages,
    remove_page,
    set_logo,
)
from schemas.described import describes
from schemas.times import iso_ms
from schemas.uptime.answers import StatusPageAnswer, StatusPageList, StatusPageRemoved
from schemas.uptime.examples import LOGO, STATUS_PAGE, STATUS_PAGE_CHANGE
from schemas.uptime.status_pages import MAX_LOGO_BYTES, PageConfig, StatusPage

PAGES = "/status-pages"
PAGE = f"{PAGES}/{{page_id:str}}"


@post(
    PAGES,
    status_code=HTTP_201_CREATED,
    summary="Make a status page",
    opt=describes(body=PageConfig, example=STATUS_PAGE, asks="monitor", errors=WRITES),
)
async def post_page(request: AnyRequest) -> StatusPageAnswer:
    """Make a page of some of the project's monitors; everybody reads it once it is published."""
    project, _ = await monitored_project(request, needs="write")
    fields = await fields_of(request)
    page = await add_page(services(request).database, project.project_id, fields)
    return _answer(page, "Status page created")


@get(PAGES, summary="List status pages", opt=asked(StatusPageList))
async def get_pages(request: AnyRequest) -> StatusPageList:
    """Return the pages of the project, the oldest first, whether they are published or not."""
    project, _ = await monitored_project(request)
    pages = await list_pages(services(request).database, project.project_id)
    return StatusPageList([_answer(page, "") for page in pages])


@get(PAGE, summary="Show a status page", opt=asked(StatusPageAnswer))
async def show_page(request: AnyRequest, page_id: FromPath[str]) -> StatusPageAnswer:
    """Return one page as it is configured."""
    project, _ = await monitored_project(request)
    return _answer(await get_page(services(request).database, project.project_id, page_id), "")


@put(
    PAGE,
    summary="Change a status page",
    opt=describes(body=PageConfig, example=STATUS_PAGE_CHANGE, asks="monitor", errors=WRITES),
)
async def put_page(request: AnyRequest, page_id: FromPath[str]) -> StatusPageAnswer:
    """Change the fields that are sent; the others stay. Needs the scope `write`."""
    project, _ = await monitored_project(request, needs="write")
    fields = await fields_of(request)
    of = (project.project_id, page_id)
    return _answer(await change_page(services(request).database, of, fields), "Status page changed")


@delete(
    PAGE,
    status_code=HTTP_200_OK,
    summary="Remove a status page",
    opt=describes(asks="monitor", errors=READS),
)
async def delete_page(request: AnyRequest, page_id: FromPath[str]) -> StatusPageRemoved:
    """Remove a page with those who follow it. Its monitors stay."""
    project, _ = await monitored_project(request, needs="write")
    await remove_page(services(request).database, project.project_id, page_id)
    return StatusPageRemoved(page_id, "Status page removed")


@put(
    f"{PAGE}/logo",
    summary="Set the logo of a status page",
    request_max_body_size=MAX_LOGO_BYTES + 1,
    opt=describes(
        body=str,
        example=LOGO,
        sent_as="application/octet-stream",
        asks="monitor",
        errors=(*READS, 413),
    ),
)
async def put_logo(request: AnyRequest, page_id: FromPath[str]) -> StatusPageAnswer:
    """Take the body as the logo: PNG, JPEG or WebP, at most 256 KiB. An empty one removes it."""
    project, _ = await monitored_project(request, needs="write")
    of = (project.project_id, page_id)
    page = await set_logo(services(request).database, of, await request.body())
    return _answer(page, "Logo set" if page.logo_mark else "Logo removed")


def _answer(page: StatusPage, message: str) -> StatusPageAnswer:
    config = page.config
    return StatusPageAnswer(
        page_id=page.page_id,
        path=f"/status/{config.slug}",
        title=config.title,
        slug=config.slug,
        description=config.description,
        home_url=config.home_url,
        time_zone=config.time_zone,
        groups=config.groups,
        published=config.published,
        shows_response_times=config.shows_response_times,
        has_logo=bool(page.logo_mark),
        created_at=iso_ms(page.created_us),
        updated_at=iso_ms(page.updated_us),
        message=message,
    )


HANDLERS = (post_page, get_pages, show_page, put_page, delete_page, put_logo)
