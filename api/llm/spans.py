"""Spans to read: `GET spans`, `spans/{id}`, `sessions/{id}/spans`."""

from typing import Any

from litestar import Request, get
from litestar.params import FromPath
from litestar.response import Response

from api.declared import takes
from api.llm.filters import SessionPage, SpanQuery, list_of_spans
from api.outgoing import answer
from api.parameters import NothingFound, Page, Project, read, values_of
from api.reads import reader_of
from api.rows import begin_rows, one
from api.slashes import with_slashes
from clickhouse.llm import spans
from schemas.described import describes
from schemas.llm.answers import SessionSpans, SpanAnswer, SpanList


@get("/spans", opt={**takes(SpanQuery, Page), **describes(answer=SpanList)})
async def list_spans(request: Request[Any, Any, Any], project: Project) -> Response[bytes]:
    """Answers one page of the matching spans, latest first, with the count of all matches."""
    wanted, page = list_of_spans(values_of(request), project.time_zone)
    selection = spans.matching(project, wanted, limit=page.limit, offset=page.offset)
    reader = reader_of(request, project)
    rows, total = await begin_rows(
        reader, selection, lambda store: spans.count_spans(store, project, wanted)
    )
    return await answer(SpanList([], total, page.limit, page.offset), rows)


@get("/spans/{span_id:str}", opt=describes(answer=SpanAnswer))
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


@get(
    "/sessions/{session_id:str}/spans", opt={**takes(SessionPage), **describes(answer=SessionSpans)}
)
async def get_session_spans(
    request: Request[Any, Any, Any], project: Project, session_id: FromPath[str]
) -> Response[bytes]:
    """Answers a session's spans, oldest first: all of them up to 10,000, or a page."""
    session_id = with_slashes(session_id)
    page = read(values_of(request), SessionPage)
    selection = spans.of_session(project, session_id, limit=page.limit, offset=page.offset)
    rows, _ = await begin_rows(reader_of(request, project), selection)
    if rows.are_none and not page.offset:
        rows.close()
        raise NothingFound("Session not found")
    return await answer(SessionSpans(session_id, []), rows)


HANDLERS = (list_spans, get_span, get_session_spans)
