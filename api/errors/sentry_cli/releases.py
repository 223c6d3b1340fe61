"""`sentry-cli releases new|finalize|set-commits|list|info|delete`, `archive` and `restore`.

Source: what `sentry-cli` 3.8.2 sends, recorded in November 2026
(`tests/unit/api/sentry_cli_requests.py`), and https://docs.sentry.io/api/releases/. There is one
organization: any name of it is taken. A release without named projects is that of all projects
that the token reaches and that have it.
"""

from typing import Any

from litestar import Response, delete, get, post, put
from litestar.params import FromPath
from litestar.status_codes import HTTP_201_CREATED, HTTP_204_NO_CONTENT, HTTP_208_ALREADY_REPORTED

from api.auth import AnyRequest, services
from api.declared import takes
from api.errors.release_forms import (
    MAX_BODY_BYTES,
    ReleaseForm,
    change_of,
    read_release,
)
from api.errors.releases import RELEASE
from api.errors.sentry_cli.projects import PageQuery, having, one_project
from api.errors.sentry_cli.reach import projects_named
from api.errors.sentry_cli.told import project_of, release_of, told
from api.holders import holder_in, projects_in
from controlplane.api_tokens import ReachedProject, TokenHolder
from controlplane.errors.release_changes import delete_release, save_release
from controlplane.errors.release_details import count_extents
from controlplane.errors.releases import list_releases
from controlplane.failures import BadRequest
from schemas.described import describes
from schemas.errors.sentry_cli import CliRelease

OF_ORG = "/organizations/{org:str}/releases"
OF_PROJECT = "/projects/{org:str}/{project:str}/releases"
VERSION = "{version:str}"
SHOWN = 100
WRITES: dict[str, Any] = {"request_max_body_size": MAX_BODY_BYTES}


@get(
    OF_PROJECT,
    summary="List the releases of a project",
    opt={**takes(PageQuery), **describes(answer=list[CliRelease], asks="token")},
)
async def list_project_releases(
    request: AnyRequest, org: FromPath[str], project: FromPath[str]
) -> list[CliRelease]:
    """Answer the newest releases of a project, 100 at most."""
    holder = await holder_in(request)
    return await _listed(request, await one_project(request, holder, project))


@get(
    OF_ORG,
    summary="List releases",
    opt={**takes(PageQuery), **describes(answer=list[CliRelease], asks="token")},
)
async def list_org_releases(request: AnyRequest, org: FromPath[str]) -> list[CliRelease]:
    """Answer the newest releases of the first project that the token reaches, 100 at most."""
    holder = await holder_in(request)
    reached = await projects_in(request, holder)
    return await _listed(request, reached[0]) if reached else []


@post(
    OF_ORG,
    summary="Make a release known",
    opt=describes(
        body=ReleaseForm, example=RELEASE | {"projects": ["1"]}, answer=CliRelease, asks="token"
    ),
    **WRITES,
)
async def make_release(request: AnyRequest, org: FromPath[str]) -> Response[CliRelease]:
    """Make a release of some projects known, or change it: 208 where all of them know it."""
    holder = await holder_in(request, needs="write")
    form = await read_release(request)
    version = _named(form)
    if form.projects:
        names = [str(name) for name in form.projects]
        reached = await projects_named(request, holder, names)
    elif form.projects is None:
        reached = await projects_named(request, holder, [])
    else:
        reached = await having(request, holder, version)
    return await _saved(request, holder, reached, form)


@post(
    OF_PROJECT,
    summary="Make a release of a project known",
    opt=describes(body=ReleaseForm, example=RELEASE, answer=CliRelease, asks="token"),
    **WRITES,
)
async def make_project_release(
    request: AnyRequest, org: FromPath[str], project: FromPath[str]
) -> Response[CliRelease]:
    """Make a release known, or change it: 208 where it was known."""
    holder = await holder_in(request, needs="write")
    reached = [await one_project(request, holder, project)]
    return await _saved(request, holder, reached, await read_release(request))


@get(f"{OF_ORG}/{VERSION}", opt=describes(asks="token", errors=(404,)))
async def show_release(
    request: AnyRequest, org: FromPath[str], version: FromPath[str]
) -> CliRelease:
    """Answer one release."""
    holder = await holder_in(request)
    reached = await having(request, holder, version)
    return await release_of(services(request).database, reached, version)


@get(f"{OF_PROJECT}/{VERSION}", opt=describes(asks="token", errors=(404,)))
async def show_project_release(
    request: AnyRequest, org: FromPath[str], project: FromPath[str], version: FromPath[str]
) -> CliRelease:
    """Answer one release of a project."""
    holder = await holder_in(request)
    reached = await having(request, holder, version, [project])
    return await release_of(services(request).database, reached, version)


@put(
    f"{OF_ORG}/{VERSION}",
    summary="Finish a release, or say its commits",
    opt=describes(
        body=ReleaseForm,
        example={"dateReleased": "2026-11-02T10:00:00Z"},
        asks="token",
        errors=(404,),
    ),
    **WRITES,
)
async def change_release(
    request: AnyRequest, org: FromPath[str], version: FromPath[str]
) -> CliRelease:
    """Change a release: when it was released, its address, its commits or refs, its status."""
    holder = await holder_in(request, needs="write")
    form = await read_release(request)
    reached = await having(request, holder, version, form.projects or ())
    return await _changed(request, holder, reached, version, form)


@put(
    f"{OF_PROJECT}/{VERSION}",
    summary="Finish a release of a project, or say its commits",
    opt=describes(body=ReleaseForm, example={"ref": "main"}, asks="token", errors=(404,)),
    **WRITES,
)
async def change_project_release(
    request: AnyRequest, org: FromPath[str], project: FromPath[str], version: FromPath[str]
) -> CliRelease:
    """Change a release of a project."""
    holder = await holder_in(request, needs="write")
    form = await read_release(request)
    reached = await having(request, holder, version, [project])
    return await _changed(request, holder, reached, version, form)


@delete(
    f"{OF_ORG}/{VERSION}",
    status_code=HTTP_204_NO_CONTENT,
    opt=describes(asks="token", errors=(404, 409)),
)
async def remove_release(request: AnyRequest, org: FromPath[str], version: FromPath[str]) -> None:
    """Forget a release that no event has named."""
    holder = await holder_in(request, needs="write")
    for one in await having(request, holder, version):
        await delete_release(services(request).database, one.access.project.project_id, version)


@delete(
    f"{OF_PROJECT}/{VERSION}",
    status_code=HTTP_204_NO_CONTENT,
    opt=describes(asks="token", errors=(404, 409)),
)
async def remove_project_release(
    request: AnyRequest, org: FromPath[str], project: FromPath[str], version: FromPath[str]
) -> None:
    """Forget a release of a project that no event has named."""
    holder = await holder_in(request, needs="write")
    (one,) = await having(request, holder, version, [project])
    await delete_release(services(request).database, one.access.project.project_id, version)


async def _listed(request: AnyRequest, reached: ReachedProject) -> list[CliRelease]:
    database, project_id = services(request).database, reached.access.project.project_id
    rows = (await list_releases(database, project_id))[:SHOWN]
    extents = await count_extents(database, project_id, [row.version for row in rows])
    projects = [project_of(reached)]
    return [told([row], [extents[row.version]], projects) for row in rows]


async def _saved(
    request: AnyRequest, holder: TokenHolder, reached: list[ReachedProject], form: ReleaseForm
) -> Response[CliRelease]:
    database, version, change = services(request).database, _named(form), change_of(form)
    is_new = False
    for one in reached:
        project_id = one.access.project.project_id
        is_new |= await save_release(database, project_id, version, change, by=holder.user_id)
    status = HTTP_201_CREATED if is_new else HTTP_208_ALREADY_REPORTED
    return Response(await release_of(database, reached, version), status_code=status)


async def _changed(
    request: AnyRequest,
    holder: TokenHolder,
    reached: list[ReachedProject],
    version: str,
    form: ReleaseForm,
) -> CliRelease:
    database, change = services(request).database, change_of(form)
    for one in reached:
        project_id = one.access.project.project_id
        await save_release(database, project_id, version, change, by=holder.user_id)
    return await release_of(database, reached, version)


def _named(form: ReleaseForm) -> str:
    if form.version is None:
        raise BadRequest("version: expected the name of the release")
    return form.version


HANDLERS = (
    *(list_project_releases, list_org_releases, make_release, make_project_release),
    *(show_release, show_project_release, change_release, change_project_release),
    *(remove_release, remove_project_release),
)
