"""Services: the table of them, one with its operations, and the map of who calls whom."""

import asyncio
from typing import Any, NamedTuple

from litestar import Response, get
from litestar.params import FromPath

from api.auth import AnyRequest
from api.pages.arriving import page_with
from api.pages.otel.map_layout import NODE_HEIGHT, NODE_WIDTH, layout_of
from api.pages.parts.charts import colour_of, spark
from api.pages.parts.ranges import TimeRange, range_of
from api.pages.parts.snippets import otlp_snippets_of
from api.pages.viewer import Viewed, Viewer
from api.parameters import invalid, values_of
from api.reads import reader_of
from api.slashes import with_slashes
from clickhouse.otel.service_map import read_map
from clickhouse.otel.services import (
    Hours,
    hours_around,
    list_operations,
    list_services,
    read_courses,
)
from schemas.otel.answers import MapEdge, Service, ServiceMap
from schemas.times import iso_ms

MOST_SERVICES = 200
MOST_OPERATIONS = 200
PARTS = 40
"""Of a sparkline, at most: each is an hour or longer."""
ORDERS = ("requests", "failed", "p50", "p95", "p99")


class Line(NamedTuple):
    """One row of the table."""

    service: Service
    colour: int
    per_minute: float
    spark: str


@get("/otel/services", include_in_schema=False)
async def services_page(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Show the services that have spans in a range, those with most requests first."""
    shown = range_of(values_of(request), viewer.project)
    sort = values_of(request).get("sort") or ORDERS[0]
    if sort not in ORDERS:
        raise invalid("sort", f"Expected one of {', '.join(ORDERS)}")
    found = _services(request, viewer, shown, sort)
    return await page_with(request, "otel/services.html", found, range=shown, sort=sort)


@get("/otel/services/{otel_service:str}", include_in_schema=False)
async def service_page(
    request: AnyRequest, viewer: Viewed, otel_service: FromPath[str]
) -> Response[Any]:
    """Show one service: its figures, its operations, who calls it and what it calls."""
    shown = range_of(values_of(request), viewer.project)
    name = with_slashes(otel_service)
    found = _service(request, viewer, shown, name)
    return await page_with(
        request, "otel/service.html", found, range=shown, name=name, colour_of=colour_of
    )


@get("/otel/map", include_in_schema=False)
async def map_page(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Show which services call which, and databases, queues and models."""
    shown = range_of(values_of(request), viewer.project)
    found = _map(request, viewer, shown)
    return await page_with(request, "otel/map.html", found, range=shown, colour_of=colour_of)


async def _services(
    request: AnyRequest, viewer: Viewer, shown: TimeRange, sort: str
) -> dict[str, Any]:
    project, hours = viewer.project, hours_around(shown.first_us, shown.last_us)
    parts = _parts(hours)
    async with reader_of(request, project).turn() as store:
        found = await list_services(store, project, hours, limit=MOST_SERVICES)
        names = [one.service for one in found]
        courses = await read_courses(store, project, hours, names, parts=parts) if names else {}
    if sort != ORDERS[0]:
        found.sort(key=lambda one: _measure(one, sort), reverse=True)
    return {
        "lines": [
            Line(
                service=one,
                colour=colour_of(one.service),
                per_minute=_per_minute(one, hours),
                spark=spark([*map(float, courses.get(one.service, ()))]),
            )
            for one in found
        ],
        "is_cut": len(found) == MOST_SERVICES,
        "snippets": [] if found else await otlp_snippets_of(request, viewer),
    }


async def _service(
    request: AnyRequest, viewer: Viewer, shown: TimeRange, name: str
) -> dict[str, Any]:
    project, hours = viewer.project, hours_around(shown.first_us, shown.last_us)
    async with reader_of(request, project).turn() as store:
        operations, found, courses = await asyncio.gather(
            list_operations(store, project, hours, name, limit=MOST_OPERATIONS),
            read_map(store, project, hours),
            read_courses(store, project, hours, [name], parts=_parts(hours)),
        )
    service = next((one for one in found.services if one.service == name), None)
    return {
        "service": service,
        "per_minute": _per_minute(service, hours) if service else 0.0,
        "operations": operations,
        "callers": [edge for edge in found.edges if _is_callee(edge, name)],
        "callees": [edge for edge in found.edges if edge.caller == name],
        "spark": spark([*map(float, courses.get(name, ()))]),
    }


async def _map(request: AnyRequest, viewer: Viewer, shown: TimeRange) -> dict[str, Any]:
    project, hours = viewer.project, hours_around(shown.first_us, shown.last_us)
    async with reader_of(request, project).turn() as store:
        found = await read_map(store, project, hours)
    whole = ServiceMap(
        services=found.services,
        edges=found.edges,
        looked_at=found.looked_at,
        looked_since=None,
        date_from=iso_ms(hours.from_us),
        date_to=iso_ms(hours.to_us),
    )
    is_empty = not (found.services or found.edges)
    return {
        "layout": await asyncio.to_thread(layout_of, whole),
        "node": (NODE_WIDTH, NODE_HEIGHT),
        "edges": found.edges,
        "looked_at": found.looked_at,
        "since_us": found.since_us,
        "is_empty": is_empty,
        "snippets": await otlp_snippets_of(request, viewer) if is_empty else [],
    }


def _is_callee(edge: MapEdge, name: str) -> bool:
    return edge.callee_kind == "service" and edge.callee == name


def _parts(hours: Hours) -> int:
    return max(1, min(PARTS, hours.seconds // 3_600))


def _per_minute(service: Service, hours: Hours) -> float:
    return service.requests.count * 60 / hours.seconds


def _measure(service: Service, sort: str) -> float:
    found = service.requests
    measures = {
        "failed": found.error_rate,
        "p50": found.p50_ms,
        "p95": found.p95_ms,
        "p99": found.p99_ms,
    }
    return float(measures[sort])
