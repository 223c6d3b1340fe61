"""The tree of a trace, and one span of it: `GET traces/{id}/tree`, `otel/spans/{id}`."""

import re
from typing import Annotated, Any

from litestar import Request, get
from litestar.params import FromPath
from litestar.response import Response
from msgspec import Meta, Struct

from api.declared import takes
from api.parameters import Project, invalid, read, values_of
from api.reads import reader_of
from api.rows import one
from clickhouse.otel.stored_spans import fetch_span
from clickhouse.otel.trees import DEFAULT_SPANS, MOST_SPANS, Cursor, Page, read_tree
from schemas.described import describes
from schemas.otel.answers import StoredSpan, TraceTree

CURSOR = re.compile(r"(\d{1,7})_(.{0,200})", re.ASCII | re.DOTALL)
OF_SPAN = re.compile(r"([0-9a-f]{32})-[0-9a-f]{16}")
"""The id of a span, or of a call that a span told: its trace is asked for by it too."""


class TreeQuery(Struct, frozen=True, kw_only=True):
    """Which part of a tree."""

    limit: Annotated[int, Meta(ge=1, le=MOST_SPANS)] = DEFAULT_SPANS
    cursor: Annotated[str, Meta(max_length=250)] | None = None
    under: Annotated[str, Meta(max_length=200)] = ""
    """Only this span, and what is below it."""


@get(
    "/traces/{otel_trace_id:str}/tree",
    opt={**takes(TreeQuery), **describes(answer=TraceTree)},
)
async def get_tree(
    request: Request[Any, Any, Any], project: Project, otel_trace_id: FromPath[str]
) -> Response[bytes]:
    """Answers a page of a trace's tree, with what belongs to its spans."""
    query = read(values_of(request), TreeQuery)
    page = Page(query.limit, _cursor(query.cursor), query.under)
    match = OF_SPAN.fullmatch(otel_trace_id)
    asked = match[1] if match else otel_trace_id
    return await one(
        reader_of(request, project),
        lambda store: read_tree(store, project, asked, page),
        missing="Trace not found",
    )


@get("/otel/spans/{otel_span_id:str}", opt=describes(answer=StoredSpan))
async def get_otel_span(
    request: Request[Any, Any, Any], project: Project, otel_span_id: FromPath[str]
) -> Response[bytes]:
    """Answers one span of OpenTelemetry, with its attributes and messages."""
    return await one(
        reader_of(request, project),
        lambda store: fetch_span(store, project, otel_span_id),
        missing="Span not found",
    )


def _cursor(text: str | None) -> Cursor:
    if text is None:
        return Cursor(0)
    match = CURSOR.fullmatch(text)
    if match is None:
        raise invalid("cursor", "Expected what a page before has given")
    return Cursor(int(match[1]), match[2])


HANDLERS = (get_tree, get_otel_span)
