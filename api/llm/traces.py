"""Traces to read: `GET traces`, `traces/{id}`, `sessions/{id}`."""

import re
from collections.abc import Awaitable, Callable
from typing import Any

from litestar import Request, get
from litestar.params import FromPath
from litestar.response import Response
from msgspec import Struct

from api.declared import takes
from api.llm.filters import SessionPage, TraceQuery, TraceSearch, search_of_traces
from api.llm.places import written
from api.outgoing import answer
from api.parameters import NothingFound, Page, Project, read, values_of
from api.reads import reader_of
from api.rows import begin_rows, one
from api.search_terms import ATTRIBUTE, RESOURCE
from api.slashes import with_slashes
from clickhouse.client import Warehouse
from clickhouse.llm import traces
from clickhouse.llm.rollups import METADATA
from clickhouse.llm.searching import search_page
from schemas.described import describes
from schemas.llm.answers import SessionTraces, TraceAnswer, TraceList
from schemas.projects import ProjectContext

Summarise = Callable[[Warehouse, ProjectContext, str], Awaitable[Struct | None]]
"""The state's `summarise_trace`: what a distributed trace adds up to, by its id."""
DISTRIBUTED = re.compile(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


@get(
    "/traces",
    opt={
        **takes(TraceQuery, TraceSearch, Page, prefix=(METADATA, ATTRIBUTE, RESOURCE)),
        **describes(answer=TraceList),
    },
)
async def list_traces(request: Request[Any, Any, Any], project: Project) -> Response[bytes]:
    """Answers one page of the matching traces, latest first, with the count of all matches."""
    wanted, page, beyond = search_of_traces(request, project.time_zone)
    reader = reader_of(request, project)
    known = None
    async with reader.turn() as store:
        asked: dict[str, Any] = {"limit": page.limit, "offset": page.offset, "beyond": beyond}
        if wanted.words:
            found, known = await search_page(store, project, wanted, **asked)
        else:
            found = await traces.page_of(store, project, wanted, **asked)

    async def count(store: Warehouse) -> int:
        return await traces.count_traces(store, project, wanted) if known is None else known

    rows, total = await begin_rows(reader, found.selection, count)
    next_cursor = None if found.last is None else written(found.last)
    return await answer(TraceList([], total, page.limit, page.offset, next_cursor), rows)


@get("/traces/{trace_id:str}", opt=describes(answer=TraceAnswer))
async def get_trace(
    request: Request[Any, Any, Any], project: Project, trace_id: FromPath[str]
) -> Response[bytes]:
    """Answers one trace as a bare row; of the id of a distributed trace, what it adds up to."""
    summarise: Summarise | None = request.app.state.get("summarise_trace")

    async def ask(store: Warehouse) -> Struct | None:
        row = await traces.fetch_trace_with_spans(store, project, trace_id)
        if row is None and summarise is not None and DISTRIBUTED.fullmatch(trace_id):
            return await summarise(store, project, trace_id)
        return row

    return await one(reader_of(request, project), ask, missing="Trace not found")


@get("/sessions/{session_id:str}", opt={**takes(SessionPage), **describes(answer=SessionTraces)})
async def get_session(
    request: Request[Any, Any, Any], project: Project, session_id: FromPath[str]
) -> Response[bytes]:
    """Answers a session's traces, oldest first: all of them up to 10,000, or a page."""
    session_id = with_slashes(session_id)
    page = read(values_of(request), SessionPage)
    selection = traces.of_session(project, session_id, limit=page.limit, offset=page.offset)
    rows, _ = await begin_rows(reader_of(request, project), selection)
    if rows.are_none and not page.offset:
        rows.close()
        raise NothingFound("Session not found")
    return await answer(SessionTraces(session_id, []), rows)


HANDLERS = (list_traces, get_trace, get_session)
