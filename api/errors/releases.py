"""Releases: how they fare, one of them, and what people set: `releases/health`, `releases/{v}`."""

import asyncio
import time
from typing import Any, Literal

from litestar import Request, get, post
from litestar.params import FromPath
from litestar.response import Response
from litestar.status_codes import HTTP_200_OK, HTTP_201_CREATED

from api.auth import AnyRequest, entered, services
from api.dates import date_range
from api.declared import takes
from api.errors.issue_changes import person_of
from api.errors.release_answers import (
    deployment_answer,
    health_answer,
    health_moments,
    release_details,
    release_healths,
)
from api.errors.release_forms import (
    MAX_BODY_BYTES,
    DeploymentForm,
    ReleaseForm,
    change_of,
    deployment_of,
    read_deployment,
    read_release,
)
from api.parameters import InvalidParameters, Project, invalid, read, values_of
from api.reads import reader_of
from api.rows import one
from api.time_zones import TimeZone, on_clock_of
from clickhouse.client import Warehouse
from clickhouse.errors.issue_counts import count_errors
from clickhouse.errors.session_health import (
    SessionFilter,
    health_by_release,
    health_course,
    read_health,
)
from controlplane.errors.release_changes import add_deployment, save_release
from controlplane.errors.release_details import (
    count_extents,
    get_release,
    list_commits,
    list_deployments,
)
from controlplane.failures import BadRequest
from schemas.described import describes
from schemas.errors.issues import ErrorFilter
from schemas.errors.release_answers import (
    DeploymentAnswer,
    HealthList,
    ReleaseDetails,
    SavedRelease,
)
from schemas.projects import ProjectContext
from schemas.times import iso_ms
from schemas.zones import DAY_US

USUAL_US = DAY_US
LONGEST_US = 400 * DAY_US
SHOWN_US = 30 * DAY_US
MOST_HOURS_US = 31 * DAY_US
"""In steps of an hour: what is longer asks for days."""
RELEASE: dict[str, Any] = {
    "version": "shop@1.0.0",
    "url": "https://git.example/shop/releases/1.0.0",
    "dateReleased": "2026-11-02T10:00:00Z",
    "commits": [
        {
            "id": "0f6c9f3e5d1b4a0f8f6b6a0f0c9d8e7a6b5c4d3e",
            "repository": "shop/web",
            "author_name": "Ann",
            "author_email": "ann@example.com",
            "message": "Round prices, fixes SHOP-1",
            "timestamp": "2026-11-02T09:00:00Z",
        }
    ],
}
DEPLOYMENT: dict[str, Any] = {"environment": "production", "name": "blue"}


class HealthQuery(TimeZone, frozen=True, kw_only=True):
    """Which sessions, by when they started: by default those of the last 24 hours."""

    date_from: str | None = None
    date_to: str | None = None
    environment: str | None = None
    release: str | None = None
    interval: Literal["hour", "day"] = "hour"


@get("/releases/health", opt={**takes(HealthQuery), **describes(answer=HealthList)})
async def get_health_of_releases(
    request: Request[Any, Any, Any], project: Project
) -> Response[bytes]:
    """Answers how sessions fared: crash-free sessions and users, in all, by release, over time."""
    query = read(values_of(request), HealthQuery)
    project = on_clock_of(project, query)
    wanted = sessions_in(project, query)

    async def ask(warehouse: Warehouse) -> HealthList:
        total, releases, course = await asyncio.gather(
            read_health(warehouse, project, wanted),
            health_by_release(warehouse, project, wanted),
            health_course(warehouse, project, wanted, query.interval),
        )
        return HealthList(
            iso_ms(wanted.from_us),
            iso_ms(wanted.to_us),
            health_answer(total),
            release_healths(releases, total.sessions),
            health_moments(course),
        )

    return await one(reader_of(request, project), ask)


@get("/releases/{version:str}", opt=describes(answer=ReleaseDetails))
async def get_one_release(
    request: Request[Any, Any, Any], project: Project, version: FromPath[str]
) -> Response[bytes]:
    """Answers one release with its commits and deployments, and how it fared for 30 days."""
    database, project_id = request.app.state.database, project.project_id
    row = await get_release(database, project_id, version)
    commits = await list_commits(database, project_id, version)
    deployments = await list_deployments(database, project_id, [version])
    extent = (await count_extents(database, project_id, [version]))[version]
    now_us = time.time_ns() // 1000
    sessions = SessionFilter(from_us=now_us - SHOWN_US, to_us=now_us, release=version)
    errors = ErrorFilter(from_us=now_us - SHOWN_US, to_us=now_us, release=version)

    async def ask(warehouse: Warehouse) -> ReleaseDetails:
        health, counts = await asyncio.gather(
            read_health(warehouse, project, sessions), count_errors(warehouse, project, errors)
        )
        counted = (extent.new_issues, health, counts.events)
        return release_details(row, commits, deployments, counted)

    return await one(reader_of(request, project), ask)


@post(
    "/releases",
    status_code=HTTP_200_OK,
    summary="Make a release known, or change it",
    request_max_body_size=MAX_BODY_BYTES,
    opt=describes(body=ReleaseForm, example=RELEASE, answer=SavedRelease, asks="project"),
)
async def set_release(request: AnyRequest) -> SavedRelease:
    """Make a release known or change it, for members; its commits take the place of those before.

    A commit that says `fixes SHOP-12` resolves issue 12 of the project Shop in this release.
    """
    found = await entered(request)
    form = await read_release(request)
    return await saved(request, found.access.project, form, by=person_of(found))


@post(
    "/releases/{version:str}/deployments",
    status_code=HTTP_201_CREATED,
    summary="Note a deployment",
    opt=describes(
        body=DeploymentForm,
        example=DEPLOYMENT,
        answer=DeploymentAnswer,
        asks="project",
        errors=(404, 409),
    ),
)
async def set_deployment(request: AnyRequest, version: FromPath[str]) -> DeploymentAnswer:
    """Note that a release was brought somewhere, for members."""
    found = await entered(request)
    form = await read_deployment(request)
    return await deployed(request, found.access.project, version, form)


async def saved(
    request: AnyRequest, project: ProjectContext, form: ReleaseForm, *, by: Any
) -> SavedRelease:
    """Sets what a form says of a release of a project. Raises `BadRequest`."""
    if form.version is None:
        raise BadRequest("version: expected the name of the release")
    database, change = services(request).database, change_of(form)
    is_new = await save_release(database, project.project_id, form.version, change, by=by)
    return SavedRelease(form.version, is_new)


async def deployed(
    request: AnyRequest, project: ProjectContext, version: str, form: DeploymentForm
) -> DeploymentAnswer:
    """Notes a deployment of a release of a project. Raises `BadRequest` and `NotFound`."""
    new = deployment_of(form, time.time_ns() // 1000)
    database = services(request).database
    return deployment_answer(await add_deployment(database, project.project_id, version, new))


def sessions_in(project: ProjectContext, query: HealthQuery) -> SessionFilter:
    """Returns the sessions that a query names. Raises `InvalidParameters`."""
    first, last = date_range(query.date_from, query.date_to, project.time_zone)
    last = time.time_ns() // 1000 if last is None else last
    first = last - USUAL_US + 1 if first is None else first
    if first > last:
        raise InvalidParameters("date_from is after date_to")
    longest = MOST_HOURS_US if query.interval == "hour" else LONGEST_US
    if last - first > longest:
        raise invalid(
            "date_from",
            f"Expected a range of at most {longest // DAY_US} days in steps of {query.interval}s",
        )
    return SessionFilter(
        from_us=first,
        to_us=last,
        environment=query.environment or None,
        release=query.release or None,
    )


QUERIES = (get_health_of_releases, get_one_release)
CONTROLS = (set_release, set_deployment)
