"""Deployments and commits of a release, as `sentry-cli deploys` and `releases info` ask for them.

Also what `sentry-cli info`, `projects list` and `organizations list` read.
"""

import time

from litestar import get, post
from litestar.params import FromPath
from litestar.status_codes import HTTP_201_CREATED

from api.auth import AnyRequest, services
from api.declared import takes
from api.errors.issue_answers import moment
from api.errors.release_forms import DeploymentForm, deployment_of, read_deployment
from api.errors.releases import DEPLOYMENT
from api.errors.sentry_cli.projects import PageQuery, having
from api.errors.sentry_cli.told import deployment_of as told_deployment
from api.errors.sentry_cli.told import project_of, release_of
from api.holders import holder_in, projects_in
from controlplane.errors.release_changes import add_deployment
from controlplane.errors.release_details import (
    list_commits,
    list_deployments,
    previous_with_commits,
)
from schemas.described import describes
from schemas.errors.sentry_cli import (
    CliAuth,
    CliCommit,
    CliDeployment,
    CliInfo,
    CliOrganization,
    CliProject,
    CliRelease,
)

RELEASE = "/organizations/{org:str}/releases/{version:str}"
ORGANIZATION = CliOrganization("1", "sluice", "Sluice", "2020-01-01T00:00:00.000Z")
SCOPES = {
    "read": ["org:read", "project:read"],
    "write": ["org:read", "project:read", "project:write", "project:releases"],
    "admin": ["org:read", "project:read", "project:write", "project:releases", "project:admin"],
}


@post(
    f"{RELEASE}/deploys",
    status_code=HTTP_201_CREATED,
    summary="Note a deployment",
    opt=describes(body=DeploymentForm, example=DEPLOYMENT, asks="token", errors=(404, 409)),
)
async def make_deploy(
    request: AnyRequest, org: FromPath[str], version: FromPath[str]
) -> CliDeployment:
    """Note that a release was brought somewhere, in each project that has it."""
    holder = await holder_in(request, needs="write")
    form = await read_deployment(request)
    new = deployment_of(form, time.time_ns() // 1000)
    reached = await having(request, holder, version, form.projects or ())
    database = services(request).database
    made = [
        await add_deployment(database, one.access.project.project_id, version, new)
        for one in reached
    ]
    return told_deployment(made[0])


@get(
    f"{RELEASE}/deploys",
    opt=describes(answer=list[CliDeployment], asks="token", errors=(404,)),
)
async def list_deploys(
    request: AnyRequest, org: FromPath[str], version: FromPath[str]
) -> list[CliDeployment]:
    """Answer the deployments of a release, the last one first."""
    holder = await holder_in(request)
    (first, *_) = await having(request, holder, version)
    found = await list_deployments(
        services(request).database, first.access.project.project_id, [version]
    )
    return [told_deployment(one) for one in found]


@get(
    f"{RELEASE}/commits",
    opt=describes(answer=list[CliCommit], asks="token", errors=(404,)),
)
async def list_release_commits(
    request: AnyRequest, org: FromPath[str], version: FromPath[str]
) -> list[CliCommit]:
    """Answer the commits of a release, the newest first."""
    holder = await holder_in(request)
    (first, *_) = await having(request, holder, version)
    project_id = first.access.project.project_id
    return [
        CliCommit(
            one.sha,
            one.message,
            moment(one.at_us),
            one.repository,
            one.author_name,
            one.author_email,
        )
        for one in await list_commits(services(request).database, project_id, version)
    ]


@get(
    f"{RELEASE}/previous-with-commits",
    opt=describes(answer=CliRelease, asks="token", errors=(404,)),
)
async def show_previous(
    request: AnyRequest, org: FromPath[str], version: FromPath[str]
) -> CliRelease | dict[str, str]:
    """Answer the newest release before one that has commits; an empty object without any."""
    holder = await holder_in(request)
    database = services(request).database
    (first, *_) = await having(request, holder, version)
    row = await previous_with_commits(database, first.access.project.project_id, version)
    return {} if row is None else await release_of(database, [first], row.version)


@get(
    "/organizations/{org:str}/repos",
    opt={**takes(PageQuery), **describes(answer=list[dict[str, str]], asks="token")},
)
async def list_repositories(request: AnyRequest, org: FromPath[str]) -> list[dict[str, str]]:
    """Answer that no code host is connected: then `sentry-cli` reads the commits of the folder."""
    await holder_in(request)
    return []


@get(
    "/organizations/{org:str}/projects",
    opt={**takes(PageQuery), **describes(answer=list[CliProject], asks="token")},
)
async def list_cli_projects(request: AnyRequest, org: FromPath[str]) -> list[CliProject]:
    """Answer the projects that the token reaches."""
    holder = await holder_in(request)
    return [project_of(one) for one in await projects_in(request, holder)]


@get(
    "/organizations",
    opt={**takes(PageQuery), **describes(answer=list[CliOrganization], asks="token")},
)
async def list_organizations(request: AnyRequest) -> list[CliOrganization]:
    """Answer the one organization that there is."""
    await holder_in(request)
    return [ORGANIZATION]


@get("/", opt=describes(asks="token"))
async def show_info(request: AnyRequest) -> CliInfo:
    """Answer what the token may do, in Sentry's words."""
    holder = await holder_in(request)
    return CliInfo("0", CliAuth(SCOPES[holder.scope.split()[0]]))


HANDLERS = (
    *(make_deploy, list_deploys, list_release_commits, show_previous),
    *(list_repositories, list_cli_projects, list_organizations, show_info),
)
