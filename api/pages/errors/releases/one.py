"""One release: how it fares, its issues, commits and deployments, beside the one before."""

import asyncio
from typing import Any, NamedTuple

from litestar import Response, get

from api.auth import AnyRequest, services
from api.pages.arriving import page_with
from api.pages.errors.releases.measures import charts_of, marks_of, tiles_of
from api.pages.errors.releases.wanted import OWN, OWN_EXAMPLE, Wanted, wanted_of
from api.pages.parts.filters import chips_of
from api.pages.viewer import NoSuchPage, Viewed, Viewer
from api.parameters import values_of
from api.reads import reader_of
from clickhouse.client import Warehouse
from clickhouse.errors import transactions
from clickhouse.errors.release_errors import NONE, ReleaseErrors, errors_by_release
from clickhouse.errors.session_health import Health, health_course, read_health, share
from clickhouse.errors.transaction_sums import Figures
from controlplane.database import Database
from controlplane.errors.listing import read_issues
from controlplane.errors.release_details import (
    count_extents,
    get_release,
    list_commits,
    list_deployments,
    new_issues,
    regressed_issues,
)
from controlplane.errors.releases import list_releases
from controlplane.failures import NotFound
from schemas.errors.issues import IssueRow, ReleaseRow
from schemas.errors.releases import NO_EXTENT, ReleaseExtent
from schemas.errors.versions import package_of
from schemas.projects import ProjectId

ISSUES_SHOWN = 20
COMMITS_SHOWN = 100
DEPLOYMENTS_SHOWN = 50


class Side(NamedTuple):
    """What the comparison shows of one release."""

    row: ReleaseRow
    extent: ReleaseExtent
    health: Health
    errors: ReleaseErrors
    transactions: Figures


class Around(NamedTuple):
    """Beside a release: the one of its package that came before it, and the one after."""

    older: ReleaseRow | None
    newer: ReleaseRow | None


@get("/releases/one", include_in_schema=False)
async def release_page(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Show one release, by `version`: names hold what no path can."""
    wanted = wanted_of(request, viewer, OWN)
    version = values_of(request).get("version", "")
    database, project_id = services(request).database, viewer.project.project_id
    try:
        row = await get_release(database, project_id, version)
    except NotFound as error:
        raise NoSuchPage from error
    return await page_with(
        request,
        "errors/releases/one.html",
        _found(request, viewer, wanted, row),
        wanted=wanted,
        row=row,
        chips=chips_of(wanted.terms, OWN),
        example=OWN_EXAMPLE,
    )


async def _found(
    request: AnyRequest, viewer: Viewer, wanted: Wanted, row: ReleaseRow
) -> dict[str, Any]:
    database, project_id = services(request).database, viewer.project.project_id
    around = around_of(row, await list_releases(database, project_id))
    compared = [row] if around.older is None else [row, around.older]
    versions = [one.version for one in compared]
    extents = await count_extents(database, project_id, versions)
    deployments = await list_deployments(
        database, project_id, [row.version], limit=DEPLOYMENTS_SHOWN
    )
    project, of = wanted.project, wanted.sessions(release=row.version)
    async with reader_of(request, project).turn() as store:
        sides, everything, before, course = await asyncio.gather(
            _sides(store, wanted, compared, extents),
            read_health(store, project, wanted.sessions()),
            read_health(store, project, wanted.sessions(release=row.version, before=True)),
            health_course(store, project, of, wanted.range.bucket),
        )
    own = sides[0].health
    marks = marks_of(wanted.range, [row], deployments)
    return {
        "sides": sides,
        "around": around,
        "adoptions": [share(side.health.sessions, everything.sessions) for side in sides],
        "tiles": tiles_of(wanted.range, own, before, course) if own.sessions else [],
        "drawn": charts_of(wanted.range, own, course, marks) if own.sessions else [],
        **await _issues(database, project_id, row.version),
        "commits": await list_commits(database, project_id, row.version, limit=COMMITS_SHOWN),
        "deployments": deployments,
    }


async def _sides(
    store: Warehouse, wanted: Wanted, rows: list[ReleaseRow], extents: dict[str, ReleaseExtent]
) -> list[Side]:
    project, versions = wanted.project, [row.version for row in rows]
    errors, healths, totals = await asyncio.gather(
        errors_by_release(store, project, wanted.errors(), versions),
        asyncio.gather(
            *(read_health(store, project, wanted.sessions(release=one)) for one in versions)
        ),
        asyncio.gather(
            *(transactions.total(store, project, wanted.transactions(one)) for one in versions)
        ),
    )
    return [
        Side(
            row,
            extents.get(row.version, NO_EXTENT),
            health,
            errors.get(row.version, NONE),
            total.figures,
        )
        for row, health, total in zip(rows, healths, totals, strict=True)
    ]


async def _issues(
    database: Database, project_id: ProjectId, version: str
) -> dict[str, list[IssueRow]]:
    """Returns the issues that came first in a release, and those that came back in it."""
    fresh = await new_issues(database, project_id, version)
    back = await regressed_issues(database, project_id, version)
    return {
        "fresh": await read_issues(database, project_id, fresh[:ISSUES_SHOWN]),
        "back": await read_issues(database, project_id, back[:ISSUES_SHOWN]),
    }


def around_of(row: ReleaseRow, every: list[ReleaseRow]) -> Around:
    """Finds the neighbours of a release among all, of which the one that was seen last is first."""
    own = [one for one in every if package_of(one.version) == package_of(row.version)]
    places = [place for place, one in enumerate(own) if one.version == row.version]
    if not places:
        return Around(None, None)
    place = places[0]
    older = own[place + 1] if place + 1 < len(own) else None
    return Around(older, own[place - 1] if place else None)
