"""What lists and analytics are narrowed to, as query parameters."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Any

from litestar import Request
from msgspec import Meta, Struct
from msgspec.structs import asdict, replace

from api.dates import date_range
from api.parameters import Offset, Page, Values, invalid, prefixed, read
from clickhouse.llm.filters import SpanFilter, TraceFilter
from clickhouse.llm.rollups import METADATA
from clickhouse.llm.traces import SESSION_ROWS
from schemas.issues import one_of
from schemas.llm.wire import CONTRACT_PROVIDERS, Kind, Source, Status, Text
from schemas.numbers import SAFE_INTEGER


class SessionPage(Struct, frozen=True, kw_only=True):
    """Which part of a session: by default all that one may hold."""

    limit: Annotated[int, Meta(ge=1, le=SESSION_ROWS)] = SESSION_ROWS
    offset: Offset = 0


class TraceNames(Struct, frozen=True, kw_only=True):
    """Equalities that traces are narrowed by; an empty text is none, but for `session_id`."""

    session_id: Text | None = None
    provider: str | None = None
    model: str | None = None
    status: Status | None = None
    user: str | None = None
    environment: str | None = None


class TraceQuery(TraceNames, frozen=True, kw_only=True):
    """What a list of traces is narrowed by."""

    model_used: str | None = None
    min_latency_ms: Decimal | None = None
    max_latency_ms: Decimal | None = None
    min_cost_cents: Decimal | None = None
    max_cost_cents: Decimal | None = None


class SpanQuery(Struct, frozen=True, kw_only=True):
    """What a list of spans is narrowed by; an empty text is none."""

    session_id: str | None = None
    source: Source | None = None
    kind: Kind | None = None
    tool_name: str | None = None
    status: Status | None = None


def providers_of(request: Request[Any, Any, Any]) -> tuple[str, ...]:
    """Returns what ingest takes as a provider: the contract's own first, then those with prices."""
    known: frozenset[str] = request.app.state.providers
    return (*CONTRACT_PROVIDERS, *sorted(known - set(CONTRACT_PROVIDERS)))


def list_of_traces(values: Values, providers: Sequence[str]) -> tuple[TraceFilter, Page]:
    """Reads the parameters of a list of traces. Raises `InvalidParameters`."""
    page, query = read(values, Page), read(values, TraceQuery)
    for name, value in asdict(query).items():
        if isinstance(value, Decimal) and not (value.is_finite() and 0 <= value <= SAFE_INTEGER):
            raise invalid(name, f"Expected a number from 0 to {SAFE_INTEGER}")
    wanted = trace_filter(values, query, providers)
    first, last = date_range(page.date_from, page.date_to)
    return replace(wanted, from_us=first, to_us=last), page


def list_of_spans(values: Values) -> tuple[SpanFilter, Page]:
    """Reads the parameters of a list of spans. Raises `InvalidParameters`."""
    page, query = read(values, Page), read(values, SpanQuery)
    first, last = date_range(page.date_from, page.date_to)
    return SpanFilter(from_us=first, to_us=last, **_named(query, SpanFilter)), page


def trace_filter(values: Values, query: TraceNames, providers: Sequence[str]) -> TraceFilter:
    """Returns the filter that a query names, without a range. Raises `InvalidParameters`."""
    if query.provider is not None and query.provider not in providers:
        raise invalid("provider", f"Expected {one_of(providers)}")
    return TraceFilter(metadata=prefixed(values, METADATA), **_named(query, TraceFilter))


def _named(query: Struct, wanted: type[Struct]) -> dict[str, Any]:
    """Returns what a query names of a filter's fields."""
    given = asdict(query).items()
    return {
        name: None if value == "" else value
        for name, value in given
        if name in wanted.__struct_fields__
    }
