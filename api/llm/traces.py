"""Traces to read: `GET traces`, `traces/{id}`, `sessions/{id}`."""

from collections.abc import Sequence
from typing import Any, get_args

from litestar import Request, get
from litestar.params import FromPath
from litestar.response import Response
from msgspec.structs import replace

from api.dates import date_range
from api.outgoing import answer
from api.parameters import NotFound, Parameters, Project, parameters_of
from api.reads import reader_of
from api.rows import begin_rows, one
from api.slashes import with_slashes
from clickhouse.llm import traces
from clickhouse.llm.filters import TraceFilter
from clickhouse.llm.rollups import METADATA
from schemas.issues import too_small
from schemas.llm.answers import SessionTraces, TraceList
from schemas.llm.wire import CONTRACT_PROVIDERS, Status

STATUSES: tuple[str, ...] = get_args(Status)
PAGE = 100
PAGE_LIMIT = 1000


@get("/traces")
async def list_traces(request: Request[Any, Any, Any], project: Project) -> Response[bytes]:
    """Answers one page of the matching traces, latest first, with the count of all matches."""
    parameters = parameters_of(request)
    limit, offset = page(parameters)
    wanted = trace_filter(parameters, providers_of(request))
    selection = traces.matching(project, wanted, limit=limit, offset=offset)
    reader = reader_of(request, project)
    rows, total = await begin_rows(
        reader, selection, lambda store: traces.count_traces(store, project, wanted)
    )
    return await answer(TraceList([], total, limit, offset), rows)


@get("/traces/{trace_id:str}")
async def get_trace(
    request: Request[Any, Any, Any], project: Project, trace_id: FromPath[str]
) -> Response[bytes]:
    """Answers one trace as a bare row."""
    reader = reader_of(request, project)
    return await one(
        reader,
        lambda store: traces.fetch_trace(store, project, trace_id),
        missing="Trace not found",
    )


@get("/sessions/{session_id:str}")
async def get_session(
    request: Request[Any, Any, Any], project: Project, session_id: FromPath[str]
) -> Response[bytes]:
    """Answers a session's traces, oldest first: all of them up to 10,000, or a page."""
    session_id = with_slashes(session_id)
    limit, offset = session_page(parameters_of(request))
    selection = traces.of_session(project, session_id, limit=limit, offset=offset)
    rows, _ = await begin_rows(reader_of(request, project), selection)
    if rows.are_none and not offset:
        rows.close()
        raise NotFound("Session not found")
    return await answer(SessionTraces(session_id, []), rows)


def providers_of(request: Request[Any, Any, Any]) -> tuple[str, ...]:
    """Returns what ingest takes as a provider: the contract's own first, then those with prices."""
    known: frozenset[str] = request.app.state.providers
    return (*CONTRACT_PROVIDERS, *sorted(known - set(CONTRACT_PROVIDERS)))


def trace_filter(parameters: Parameters, providers: Sequence[str]) -> TraceFilter:
    """Reads the filters of a list; raises `InvalidParameters` for every issue so far."""
    wanted = shared_filter(parameters, providers)
    amounts = ("min_latency_ms", "max_latency_ms", "min_cost_cents", "max_cost_cents")
    bounds: dict[str, Any] = {name: parameters.amount(name) for name in amounts}
    parameters.check()
    first, last = date_range(parameters)
    return replace(
        wanted,
        from_us=first,
        to_us=last,
        model_used=parameters.text("model_used"),
        **bounds,
    )


def shared_filter(parameters: Parameters, providers: Sequence[str]) -> TraceFilter:
    """Reads the filters that lists and analytics have in common; notes issues on `parameters`."""
    return TraceFilter(
        session_id=filter_text(parameters, "session_id"),
        provider=parameters.choice("provider", providers),
        model=parameters.text("model"),
        status=parameters.choice("status", STATUSES),
        user=parameters.text("user"),
        environment=parameters.text("environment"),
        metadata=parameters.prefixed(METADATA),
    )


def filter_text(parameters: Parameters, name: str) -> str | None:
    """Reads a text that may be absent but not empty."""
    if parameters.values.get(name) == "":
        parameters.refuse(too_small("string", 1, path=[name]))
    return parameters.text(name)


def page(parameters: Parameters) -> tuple[int, int]:
    """Reads `limit` and `offset` of a list."""
    limit = parameters.whole("limit", PAGE, least=1, most=PAGE_LIMIT)
    return limit, parameters.whole("offset", 0, least=0)


def session_page(parameters: Parameters) -> tuple[int, int]:
    """Reads `limit` and `offset` of a session, whose default limit is all it may hold."""
    most = traces.SESSION_ROWS
    limit = parameters.whole("limit", most, least=1, most=most)
    offset = parameters.whole("offset", 0, least=0)
    parameters.check()
    return limit, offset


HANDLERS = (list_traces, get_trace, get_session)
