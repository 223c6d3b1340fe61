"""What lists and analytics are narrowed to, as query parameters."""

from decimal import Decimal
from typing import Annotated, Any, Literal, NamedTuple

from litestar import Request
from msgspec import Meta, Struct
from msgspec.structs import asdict, replace

from api.dates import date_range
from api.llm.places import CursorText, read_place
from api.llm.scored import scored_of
from api.parameters import Offset, Page, Values, invalid, prefixed, read, values_of
from api.search_terms import ATTRIBUTE, RESOURCE, SearchWords, read_attributes, read_terms
from api.time_zones import TimeZone, zone_of
from clickhouse.llm.filters import SpanFilter, TraceFilter
from clickhouse.llm.rollups import METADATA
from clickhouse.llm.trace_lines import Place
from clickhouse.llm.traces import SESSION_ROWS
from schemas.llm.scores import MAX_TEXT_CHARS
from schemas.llm.wire import Kind, Status, Text
from schemas.numbers import SAFE_INTEGER

TRACE_CHARS = 32


class SessionPage(Struct, frozen=True, kw_only=True):
    """Which part of a session: by default all that one may hold."""

    limit: Annotated[int, Meta(ge=1, le=SESSION_ROWS)] = SESSION_ROWS
    offset: Offset = 0


class TraceNames(TimeZone, frozen=True, kw_only=True):
    """Equalities that traces are narrowed by; an empty text is none, but for `session_id`."""

    session_id: Text | None = None
    provider: str | None = None
    model: str | None = None
    status: Status | None = None
    user: str | None = None
    environment: str | None = None
    api_key: str | None = None
    prompt: str | None = None
    prompt_version: str | None = None


class TraceQuery(TraceNames, frozen=True, kw_only=True):
    """What a list of traces is narrowed by."""

    model_used: str | None = None
    min_latency_ms: Decimal | None = None
    max_latency_ms: Decimal | None = None
    min_cost_cents: Decimal | None = None
    max_cost_cents: Decimal | None = None
    billing: Literal["billed", "all"] | None = None
    service: str | None = None
    convention: str | None = None
    source: str | None = None
    tag: Annotated[str, Meta(max_length=512)] | None = None
    score: Annotated[str, Meta(max_length=200)] | None = None
    score_value: Annotated[str, Meta(max_length=MAX_TEXT_CHARS)] | None = None
    score_min: str | None = None
    score_max: str | None = None


class TraceSearch(Struct, frozen=True, kw_only=True):
    """Which words traces hold, and where the page before ended."""

    q: SearchWords | None = None
    cursor: CursorText | None = None


class SpanQuery(TimeZone, frozen=True, kw_only=True):
    """What a list of spans is narrowed by; an empty text is none."""

    session_id: str | None = None
    source: str | None = None
    kind: Kind | None = None
    tool_name: str | None = None
    status: Status | None = None
    trace_id: str | None = None
    """Of a distributed trace: 32 hexadecimal digits, the same as a UUID, or a call's id."""
    service: str | None = None
    q: SearchWords | None = None


class AskedTraces(NamedTuple):
    """A list of traces that is asked for. Whose messages have its words is not known yet."""

    wanted: TraceFilter
    page: Page
    beyond: Place | None


def list_of_traces(values: Values, time_zone: str = "UTC") -> tuple[TraceFilter, Page]:
    """Reads the parameters of a list of traces, dates on this clock unless `tz` names another.

    Raises `InvalidParameters`.
    """
    page, query = read(values, Page), read(values, TraceQuery)
    wanted = listed_filter(values, query)
    first, last = date_range(page.date_from, page.date_to, zone_of(query, time_zone))
    return replace(wanted, from_us=first, to_us=last), page


def search_of_traces(request: Request[Any, Any, Any], time_zone: str) -> AskedTraces:
    """Reads the same with words, attributes and a cursor. Raises `InvalidParameters`."""
    values = values_of(request)
    wanted, page = list_of_traces(values, time_zone)
    search = read(values, TraceSearch)
    beyond = None if search.cursor is None else read_place(search.cursor)
    if beyond is not None and page.offset:
        raise invalid("offset", "Expected none beside a cursor")
    return AskedTraces(with_search(request, wanted, search.q), page, beyond)


def listed_filter(values: Values, query: TraceQuery) -> TraceFilter:
    """Returns the filter of a list, without a range. Raises `InvalidParameters`."""
    for name, value in asdict(query).items():
        if isinstance(value, Decimal) and not (value.is_finite() and 0 <= value <= SAFE_INTEGER):
            raise invalid(name, f"Expected a number from 0 to {SAFE_INTEGER}")
    every = query.billing == "all"
    source = query.source or None
    return replace(
        trace_filter(values, query),
        every_billing=every,
        trace_source=source,
        scored=scored_of(values),
    )


def with_search(
    request: Request[Any, Any, Any], wanted: TraceFilter, words: str | None
) -> TraceFilter:
    """Adds words and the conditions on attributes of a request. Raises `InvalidParameters`."""
    return replace(
        wanted,
        attributes=read_attributes(request, ATTRIBUTE),
        resource=read_attributes(request, RESOURCE),
        words=read_terms(words) if words else (),
    )


def list_of_spans(values: Values, time_zone: str = "UTC") -> tuple[SpanFilter, Page]:
    """Reads the parameters of a list of spans, as those of traces."""
    page, query = read(values, Page), read(values, SpanQuery)
    first, last = date_range(page.date_from, page.date_to, zone_of(query, time_zone))
    # A call's id goes on with that of its span.
    trace = query.trace_id.replace("-", "").lower()[:TRACE_CHARS] if query.trace_id else None
    named = _named(query, SpanFilter) | {"otel_trace": trace}
    wanted = SpanFilter(from_us=first, to_us=last, **named)
    return (replace(wanted, words=read_terms(query.q)) if query.q else wanted), page


def trace_filter(values: Values, query: TraceNames) -> TraceFilter:
    """Returns the filter that a query names, without a range. Raises `InvalidParameters`."""
    return TraceFilter(metadata=prefixed(values, METADATA), **_named(query, TraceFilter))


def _named(query: Struct, wanted: type[Struct]) -> dict[str, Any]:
    """Returns what a query names of a filter's fields."""
    given = asdict(query).items()
    return {
        name: None if value == "" else value
        for name, value in given
        if name in wanted.__struct_fields__
    }
