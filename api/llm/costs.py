"""Why a call costs what it costs: `GET traces/{id}/cost`, `spans/{id}/cost`."""

import asyncio
from collections.abc import Callable
from typing import Any

from litestar import Request, get
from litestar.params import FromPath
from litestar.response import Response

from api.parameters import Project
from api.reads import reader_of
from api.rows import one
from clickhouse.client import Warehouse
from clickhouse.llm import spans, traces
from schemas.described import describes
from schemas.llm.answers import SpanAnswer, TraceAnswer
from schemas.llm.costs import CostAnswer
from schemas.projects import ProjectId

Explain = Callable[[ProjectId, TraceAnswer | SpanAnswer], CostAnswer]
"""The state's `explain_cost`. It reads bodies, which takes long: it belongs in a thread."""


@get("/traces/{trace_id:str}/cost", opt=describes(answer=CostAnswer))
async def get_trace_cost(
    request: Request[Any, Any, Any], project: Project, trace_id: FromPath[str]
) -> Response[bytes]:
    """Answers how the cost of a trace comes about, or why it is unknown."""
    explain: Explain = request.app.state.explain_cost

    async def ask(store: Warehouse) -> CostAnswer | None:
        row = await traces.fetch_trace(store, project, trace_id)
        return await asyncio.to_thread(explain, project.project_id, row) if row else None

    return await one(reader_of(request, project), ask, missing="Trace not found")


@get("/spans/{span_id:str}/cost", opt=describes(answer=CostAnswer))
async def get_span_cost(
    request: Request[Any, Any, Any], project: Project, span_id: FromPath[str]
) -> Response[bytes]:
    """Answers how the cost of a span comes about, or why it is unknown."""
    explain: Explain = request.app.state.explain_cost

    async def ask(store: Warehouse) -> CostAnswer | None:
        row = await spans.fetch_span(store, project, span_id)
        return await asyncio.to_thread(explain, project.project_id, row) if row else None

    return await one(reader_of(request, project), ask, missing="Span not found")


HANDLERS = (get_trace_cost, get_span_cost)
