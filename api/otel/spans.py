"""Spans of OpenTelemetry to search: `GET otel/spans`."""

import time
from decimal import Decimal
from typing import Annotated, Any

from litestar import Request, get
from litestar.response import Response
from msgspec import Meta

from api.dates import date_range
from api.declared import takes
from api.llm.places import CursorText, read_place, written
from api.parameters import InvalidParameters, Project, invalid, read, values_of
from api.reads import reader_of
from api.rows import one
from api.search_terms import ATTRIBUTE, RESOURCE, SearchWords, read_attributes, read_terms
from api.time_zones import TimeZone, zone_of
from clickhouse.client import Warehouse
from clickhouse.llm.trace_lines import Place
from clickhouse.otel.span_list import (
    COLUMNS,
    ListedSpan,
    OtelSpanFilter,
    SpanPlace,
    list_spans,
)
from clickhouse.queries.values import number, text_or_none
from schemas.described import describes
from schemas.numbers import SAFE_INTEGER
from schemas.otel.span_answers import SpanFound, SpansFound
from schemas.projects import ProjectContext
from schemas.times import from_us, iso_ms
from schemas.zones import DAY_US

USUAL_US = DAY_US
"""How long the range is where none is asked for."""
LONGEST_US = 400 * DAY_US
NAMED_CHARS = 512
NS_PER_MS = 10**6

Name = Annotated[str, Meta(max_length=NAMED_CHARS)]


class OtelSpanQuery(TimeZone, frozen=True, kw_only=True):
    """Which spans, by default those of the last 24 hours; an empty text is none."""

    date_from: str | None = None
    date_to: str | None = None
    trace_id: Name | None = None
    service: Name | None = None
    name: Name | None = None
    kind: Name | None = None
    span_kind: Name | None = None
    convention: Name | None = None
    status: Name | None = None
    environment: Name | None = None
    release: Name | None = None
    host: Name | None = None
    session_id: Name | None = None
    user: Name | None = None
    min_duration_ms: Decimal | None = None
    max_duration_ms: Decimal | None = None
    q: SearchWords | None = None
    limit: Annotated[int, Meta(ge=1, le=500)] = 100
    cursor: CursorText | None = None


@get(
    "/otel/spans",
    opt={
        **takes(OtelSpanQuery, prefix=(ATTRIBUTE, RESOURCE)),
        **describes(answer=SpansFound),
    },
)
async def search_spans(request: Request[Any, Any, Any], project: Project) -> Response[bytes]:
    """Answers spans of OpenTelemetry with their attributes, newest first, in pages."""
    query = read(values_of(request), OtelSpanQuery)
    wanted = wanted_of(project, query, request)
    beyond = SpanPlace(*read_place(query.cursor)) if query.cursor else None

    async def ask(warehouse: Warehouse) -> SpansFound:
        found = await list_spans(warehouse, project, wanted, limit=query.limit + 1, beyond=beyond)
        page = found[: query.limit]
        return SpansFound(
            [answer_of(span) for span in page],
            iso_ms(wanted.from_us),
            iso_ms(wanted.to_us),
            written(Place(*page[-1].place)) if len(found) > len(page) else None,
        )

    return await one(reader_of(request, project), ask)


def wanted_of(
    project: ProjectContext, query: OtelSpanQuery, request: Request[Any, Any, Any]
) -> OtelSpanFilter:
    """Returns the filter that a query names. Raises `InvalidParameters`."""
    first, last = date_range(query.date_from, query.date_to, zone_of(query, project.time_zone))
    last = time.time_ns() // 1000 if last is None else last
    first = last - USUAL_US + 1 if first is None else first
    if first > last:
        raise InvalidParameters("date_from is after date_to")
    if last - first > LONGEST_US:
        raise invalid("date_from", f"Expected a range of at most {LONGEST_US // DAY_US} days")
    return OtelSpanFilter(
        from_us=first,
        to_us=last,
        named=tuple((name, value) for name in COLUMNS if (value := getattr(query, name))),
        min_duration_ns=_nanoseconds("min_duration_ms", query.min_duration_ms),
        max_duration_ns=_nanoseconds("max_duration_ms", query.max_duration_ms),
        attributes=read_attributes(request, ATTRIBUTE),
        resource=read_attributes(request, RESOURCE),
        terms=read_terms(query.q) if query.q else (),
    )


def answer_of(span: ListedSpan) -> SpanFound:
    """Returns one span as it is answered."""
    return SpanFound(
        id=span.item_id,
        trace_id=span.trace_id,
        span_id=span.span_id,
        parent_span_id=text_or_none(span.parent_span_id),
        timestamp=f"{from_us(span.at_us):%Y-%m-%dT%H:%M:%S.%f}Z".rjust(27, "0"),
        duration_ms=number(span.duration_ns / NS_PER_MS),
        name=span.name,
        span_kind=text_or_none(span.span_kind),
        kind=span.kind,
        convention=text_or_none(span.convention),
        service=text_or_none(span.service),
        library=text_or_none(span.library),
        environment=text_or_none(span.environment),
        release=text_or_none(span.release),
        host=text_or_none(span.host),
        status=span.status,
        status_message=text_or_none(span.status_message),
        session_id=text_or_none(span.session_id),
        user=text_or_none(span.user),
        received_at=iso_ms(span.received_at_us),
        problems=list(span.problems),
        attributes=span.attributes,
        resource=span.resource,
    )


def _nanoseconds(name: str, milliseconds: Decimal | None) -> int | None:
    if milliseconds is None:
        return None
    if not (milliseconds.is_finite() and 0 <= milliseconds <= SAFE_INTEGER // NS_PER_MS):
        raise invalid(name, f"Expected a number from 0 to {SAFE_INTEGER // NS_PER_MS}")
    return round(milliseconds * NS_PER_MS)


HANDLERS = (search_spans,)
