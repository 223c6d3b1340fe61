"""Traces in lines, services and who calls whom: `GET otel/traces`, `otel/services`, `otel/map`."""

import re
import time
from decimal import Decimal
from typing import Annotated, Any

from litestar import Request, get
from litestar.params import FromPath
from litestar.response import Response
from msgspec import Meta

from api.dates import date_range
from api.declared import takes
from api.parameters import InvalidParameters, Project, invalid, read, values_of
from api.reads import reader_of
from api.rows import one
from api.slashes import with_slashes
from api.time_zones import TimeZone, zone_of
from clickhouse.client import Warehouse
from clickhouse.otel.service_map import read_map
from clickhouse.otel.services import Hours, hours_around, list_operations, list_services
from clickhouse.otel.summaries import summarise
from clickhouse.otel.trace_list import OtelTraceFilter, TracePlaceInList, find_traces
from schemas.described import describes
from schemas.ids import canonical_id
from schemas.llm.wire import Status
from schemas.numbers import SAFE_INTEGER
from schemas.otel.answers import (
    OperationList,
    OtelTraceList,
    ServiceList,
    ServiceMap,
)
from schemas.projects import ProjectContext
from schemas.times import iso_ms
from schemas.zones import DAY_US

CURSOR = re.compile(r"(\d{1,17})_([0-9a-f]{1,64})", re.ASCII)
LONGEST_US = 400 * DAY_US


class OtelTraceQuery(TimeZone, frozen=True, kw_only=True):
    """Which traces; an empty text is none."""

    date_from: str | None = None
    date_to: str | None = None
    service: str | None = None
    source: str | None = None
    session_id: str | None = None
    status: Status | None = None
    min_latency_ms: Decimal | None = None
    max_latency_ms: Decimal | None = None
    min_cost_cents: Decimal | None = None
    max_cost_cents: Decimal | None = None
    limit: Annotated[int, Meta(ge=1, le=500)] = 100
    cursor: Annotated[str, Meta(max_length=100)] | None = None


class ServiceQuery(TimeZone, frozen=True, kw_only=True):
    """Which time, by default the last 24 hours."""

    date_from: str | None = None
    date_to: str | None = None


class ServicePageQuery(ServiceQuery, frozen=True, kw_only=True):
    """How many services, or operations, at most."""

    limit: Annotated[int, Meta(ge=1, le=1000)] = 100


@get("/otel/traces", opt={**takes(OtelTraceQuery), **describes(answer=OtelTraceList)})
async def list_otel_traces(request: Request[Any, Any, Any], project: Project) -> Response[bytes]:
    """Answers distributed traces in a line each, newest first, in pages."""
    query = read(values_of(request), OtelTraceQuery)
    wanted, beyond, limit = _wanted(project, query), _place(query.cursor), query.limit

    async def ask(store: Warehouse) -> OtelTraceList:
        found = await find_traces(store, project, wanted, limit=limit + 1, beyond=beyond)
        shown = found[:limit]
        lines = await summarise(
            store,
            project,
            [place.trace_id for place in shown],
            first_us=min((place.us for place in shown), default=0),
            last_us=max((place.us for place in shown), default=0),
        )
        last = shown[-1] if len(found) > limit else None
        return OtelTraceList(lines, f"{last.us}_{last.trace_id}" if last else None)

    return await one(reader_of(request, project), ask)


@get("/otel/services", opt={**takes(ServicePageQuery), **describes(answer=ServiceList)})
async def list_otel_services(request: Request[Any, Any, Any], project: Project) -> Response[bytes]:
    """Answers services with rate, errors and durations."""
    query = read(values_of(request), ServicePageQuery)
    hours = _hours(project, query)

    async def ask(store: Warehouse) -> ServiceList:
        found = await list_services(store, project, hours, limit=query.limit)
        return ServiceList(found, iso_ms(hours.from_us), iso_ms(hours.to_us))

    return await one(reader_of(request, project), ask)


@get(
    "/otel/services/{otel_service:str}/operations",
    opt={**takes(ServicePageQuery), **describes(answer=OperationList)},
)
async def list_otel_operations(
    request: Request[Any, Any, Any], project: Project, otel_service: FromPath[str]
) -> Response[bytes]:
    """Answers the operations of a service with rate, errors and durations."""
    query, service = read(values_of(request), ServicePageQuery), with_slashes(otel_service)
    hours = _hours(project, query)

    async def ask(store: Warehouse) -> OperationList | None:
        found = await list_operations(store, project, hours, service, limit=query.limit)
        if found is None:
            return None
        return OperationList(service, found, iso_ms(hours.from_us), iso_ms(hours.to_us))

    return await one(reader_of(request, project), ask, missing="Service not found")


@get("/otel/map", opt={**takes(ServiceQuery), **describes(answer=ServiceMap)})
async def get_otel_map(request: Request[Any, Any, Any], project: Project) -> Response[bytes]:
    """Answers which services call which, and databases, queues and models."""
    hours = _hours(project, read(values_of(request), ServiceQuery))

    async def ask(store: Warehouse) -> ServiceMap:
        found = await read_map(store, project, hours)
        return ServiceMap(
            services=found.services,
            edges=found.edges,
            looked_at=found.looked_at,
            looked_since=None if found.since_us is None else iso_ms(found.since_us),
            date_from=iso_ms(hours.from_us),
            date_to=iso_ms(hours.to_us),
        )

    return await one(reader_of(request, project), ask)


def _wanted(project: ProjectContext, query: OtelTraceQuery) -> OtelTraceFilter:
    first, last = date_range(query.date_from, query.date_to, zone_of(query, project.time_zone))
    return OtelTraceFilter(
        from_us=first,
        to_us=last,
        service=query.service or None,
        source=query.source or None,
        session_id=canonical_id(query.session_id) if query.session_id else None,
        status=query.status,
        min_us=_micros("min_latency_ms", query.min_latency_ms),
        max_us=_micros("max_latency_ms", query.max_latency_ms),
        min_cost_cents=_cents("min_cost_cents", query.min_cost_cents),
        max_cost_cents=_cents("max_cost_cents", query.max_cost_cents),
    )


def _micros(name: str, ms: Decimal | None) -> int | None:
    if ms is None:
        return None
    if not (ms.is_finite() and 0 <= ms <= SAFE_INTEGER // 1000):
        raise invalid(name, f"Expected a number from 0 to {SAFE_INTEGER // 1000}")
    return round(ms * 1000)


def _cents(name: str, cents: Decimal | None) -> Decimal | None:
    if cents is not None and not (cents.is_finite() and 0 <= cents <= SAFE_INTEGER):
        raise invalid(name, f"Expected a number from 0 to {SAFE_INTEGER}")
    return cents


def _place(text: str | None) -> TracePlaceInList | None:
    if text is None:
        return None
    match = CURSOR.fullmatch(text)
    if match is None:
        raise invalid("cursor", "Expected what a page before has given")
    return TracePlaceInList(int(match[1]), match[2])


def _hours(project: ProjectContext, query: ServiceQuery) -> Hours:
    first, last = date_range(query.date_from, query.date_to, zone_of(query, project.time_zone))
    last = time.time_ns() // 1000 if last is None else last
    first = last - DAY_US + 1 if first is None else first
    if first > last:
        raise InvalidParameters("date_from is after date_to")
    if last - first > LONGEST_US:
        raise invalid("date_from", f"Expected a range of at most {LONGEST_US // DAY_US} days")
    return hours_around(first, last)


HANDLERS = (list_otel_traces, list_otel_services, list_otel_operations, get_otel_map)
