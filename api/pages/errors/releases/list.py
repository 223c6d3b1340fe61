"""The list of releases: new issues, errors, crash-free shares, adoption, deployments."""

import asyncio
from typing import Any, NamedTuple

from litestar import Response, get

from api.auth import AnyRequest, services
from api.pages.arriving import page_with
from api.pages.errors.releases.measures import charts_of, marks_of, tiles_of
from api.pages.errors.releases.wanted import EXAMPLE, KEYS, Wanted, wanted_of
from api.pages.errors.snippets import session_snippets_of
from api.pages.parts import charts
from api.pages.parts.changes import changes_in
from api.pages.parts.charts import spark
from api.pages.parts.filters import chips_of
from api.pages.viewer import Viewed, Viewer
from api.parameters import Values, invalid, values_of
from api.reads import reader_of
from clickhouse.client import Warehouse
from clickhouse.errors.release_errors import NONE, ReleaseErrors, errors_by_release
from clickhouse.errors.session_health import (
    Health,
    health_by_release,
    health_course,
    read_health,
    sessions_over_time,
    share,
)
from controlplane.errors.release_details import count_extents, list_deployments
from controlplane.errors.releases import MOST_RELEASES, list_releases
from schemas.errors.issues import ReleaseRow
from schemas.errors.releases import NO_EXTENT, Deployment, ReleaseExtent

PAGE_ROWS = 50
MOST_DEPLOYMENTS = 200


class Line(NamedTuple):
    """One row of the table."""

    row: ReleaseRow
    extent: ReleaseExtent
    errors: ReleaseErrors
    health: Health
    adoption: float | None
    """Of all sessions of the range, in percent."""
    spark: str
    deployments: list[Deployment]
    """The last one of each environment."""


class Figures(NamedTuple):
    """What the store says of a range."""

    now: Health
    before: Health
    course: dict[int, Health]
    releases: dict[str, Health]
    errors: dict[str, ReleaseErrors]
    cells: dict[str, dict[int, int]]


@get("/releases", include_in_schema=False)
async def releases_page(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Show the releases of a project, those that came last first."""
    wanted = wanted_of(request, viewer)
    first = _first_of(values_of(request))
    return await page_with(
        request,
        "errors/releases/list.html",
        _found(request, viewer, wanted, first),
        wanted=wanted,
        chips=chips_of(wanted.terms, KEYS),
        example=EXAMPLE,
        is_first=first == 0,
    )


async def _found(request: AnyRequest, viewer: Viewer, wanted: Wanted, first: int) -> dict[str, Any]:
    database, project_id = services(request).database, viewer.project.project_id
    every = await list_releases(database, project_id)
    fitting = [row for row in every if wanted.shows(row)]
    rows = fitting[first : first + PAGE_ROWS]
    versions = [row.version for row in rows]
    extents = await count_extents(database, project_id, versions)
    deployments = await list_deployments(database, project_id, versions, limit=MOST_DEPLOYMENTS)
    async with reader_of(request, wanted.project).turn() as store:
        found = await _figures(store, wanted, versions)
    marks = marks_of(wanted.range, every, deployments)
    marks += await changes_in(request, project_id, wanted.range)
    return {
        "lines": _lines(wanted, rows, extents, deployments, found),
        "count": len(fitting),
        "has_sessions": found.now.sessions > 0 or found.before.sessions > 0,
        "tiles": tiles_of(wanted.range, found.now, found.before, found.course),
        "drawn": charts_of(wanted.range, found.now, found.course, marks),
        "older": first + PAGE_ROWS if len(fitting) > first + PAGE_ROWS else None,
        "snippets": [] if every else await session_snippets_of(request, viewer),
    }


async def _figures(store: Warehouse, wanted: Wanted, versions: list[str]) -> Figures:
    project, bucket, of = wanted.project, wanted.range.bucket, wanted.sessions(*versions)
    return Figures(
        *await asyncio.gather(
            read_health(store, project, wanted.sessions()),
            read_health(store, project, wanted.sessions(before=True)),
            health_course(store, project, wanted.sessions(), bucket),
            health_by_release(store, project, of),
            errors_by_release(store, project, wanted.errors(), versions),
            sessions_over_time(store, project, of, bucket),
        )
    )


def _lines(
    wanted: Wanted,
    rows: list[ReleaseRow],
    extents: dict[str, ReleaseExtent],
    deployments: list[Deployment],
    found: Figures,
) -> list[Line]:
    moments = charts.moments_of(wanted.range)
    lines = []
    for row in rows:
        health = found.releases.get(row.version, Health())
        counts = found.cells.get(row.version, {})
        last: dict[str, Deployment] = {}
        for one in deployments:
            if one.version == row.version:
                last.setdefault(one.environment, one)
        lines.append(
            Line(
                row=row,
                extent=extents.get(row.version, NO_EXTENT),
                errors=found.errors.get(row.version, NONE),
                health=health,
                adoption=share(health.sessions, found.now.sessions),
                spark=spark([counts.get(at, 0) for at in moments]) if counts else "",
                deployments=list(last.values()),
            )
        )
    return lines


def _first_of(values: Values) -> int:
    text = values.get("older") or "0"
    if not (text.isascii() and text.isdigit() and int(text[:9]) <= MOST_RELEASES):
        raise invalid("older", f"Expected a number up to {MOST_RELEASES}")
    return int(text)
