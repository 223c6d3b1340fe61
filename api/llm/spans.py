"""Spans to read: `GET spans`, `spans/{id}`, `sessions/{id}/spans`."""

from typing import Any, get_args

from litestar import Request, get
from litestar.params import FromPath
from litestar.response import Response

from api.dates import date_range
from api.llm.traces import STATUSES, filter_text, page, session_page
from api.outgoing import answer
from api.parameters import NotFound, Parameters, Project, parameters_of
from api.reads import reader_of
from api.rows import begin_rows, one
from api.slashes import with_slashes
from clickhouse.llm import spans
from clickhouse.llm.filters import SpanFilter
from schemas.llm.answers import SessionSpans, SpanList
from schemas.llm.wire import Kind, Source

SOURCES: tuple[str, ...] = get_args(Source)
KINDS: tuple[str, ...] = get_args(Kind)


@get("/spans")
async def list_spans(request: Request[Any, Any, Any], project: Project) -> Response[bytes]:
    """Answers one page of the matching spans, latest first, with the count of all matches."""
    parameters = parameters_of(request)
    limit, offset = page(parameters)
    wanted = span_filter(parameters)
    selection = spans.matching(project, wanted, limit=limit, offset=offset)
    reader = reader_of(request, project)
    rows, total = await begin_rows(
        reader, selection, lambda store: spans.count_spans(store, project, wanted)
    )
    return await answer(SpanList([], total, limit, offset), rows)


@get("/spans/{span_id:str}")
async def get_span(
    request: Request[Any, Any, Any], project: Project, span_id: FromPath[str]
) -> Response[bytes]:
    """Answers one span as a bare row."""
    reader = reader_of(request, project)
    return await one(
        reader,
        lambda store: spans.fetch_span(store, project, span_id),
        missing="Span not found",
    )


@get("/sessions/{session_id:str}/spans")
async def get_session_spans(
    request: Request[Any, Any, Any], project: Project, session_id: FromPath[str]
) -> Response[bytes]:
    """Answers a session's spans, oldest first: all of them up to 10,000, or a page."""
    session_id = with_slashes(session_id)
    limit, offset = session_page(parameters_of(request))
    selection = spans.of_session(project, session_id, limit=limit, offset=offset)
    rows, _ = await begin_rows(reader_of(request, project), selection)
    if rows.are_none and not offset:
        rows.close()
        raise NotFound("Session not found")
    return await answer(SessionSpans(session_id, []), rows)


def span_filter(parameters: Parameters) -> SpanFilter:
    """Reads the filters of a list; raises `InvalidParameters` for every issue so far."""
    fields: dict[str, Any] = {
        "session_id": filter_text(parameters, "session_id"),
        "source": parameters.choice("source", SOURCES),
        "kind": parameters.choice("kind", KINDS),
        "tool_name": parameters.text("tool_name"),
        "status": parameters.choice("status", STATUSES),
    }
    parameters.check()
    first, last = date_range(parameters)
    return SpanFilter(from_us=first, to_us=last, **fields)


HANDLERS = (list_spans, get_span, get_session_spans)
