"""The routes of the system `llm` that take items in."""

from typing import Any

from litestar import Response, Router, post
from litestar.di import Provide
from litestar.middleware import DefineMiddleware
from litestar.status_codes import HTTP_202_ACCEPTED
from msgspec import Struct

from ingest.app import AnyRequest, Project, ProjectOf, Straight, accept, store
from ingest.llm import score_app
from schemas.described import describes
from schemas.kinds import SPAN, TRACE
from schemas.llm.answers import SpanAnswer, TraceAnswer
from schemas.llm.examples import SPANS, TRACES
from schemas.llm.meanings import MEANINGS
from schemas.llm.wire import SentSpan, SentTrace

ITEMS = "A JSON array of at most 100 items. gzip, deflate, br and zstd may compress it."
ERRORS = (408, 415, 429, 503)


class Queued(Struct):
    """The items are durable; they can be read within a second."""

    status: str
    count: int


class StoredTraces(Struct):
    """The items are stored; `traces` are their rows, in the order sent."""

    count: int
    traces: list[Any]


class StoredSpans(Struct):
    """The items are stored; `spans` are their rows, in the order sent."""

    count: int
    spans: list[Any]


class StoredTraceRows(StoredTraces):
    """The traces are stored; `traces` are their rows, in the order sent."""

    traces: list[TraceAnswer]


class StoredSpanRows(StoredSpans):
    """The spans are stored; `spans` are their rows, in the order sent."""

    spans: list[SpanAnswer]


@post(
    "/traces/async",
    status_code=HTTP_202_ACCEPTED,
    summary="Send traces, answered when they are durable",
    request_max_body_size=None,
    description=ITEMS,
    opt=describes(body=list[SentTrace], example=TRACES, errors=ERRORS, meanings=MEANINGS),
)
async def queue_traces(request: AnyRequest, project: Project) -> Queued:
    """Accept LLM calls; answers when they are durable."""
    accepted = await accept(request, project, TRACE.name)
    return Queued("queued", accepted.total)


@post(
    "/spans/async",
    status_code=HTTP_202_ACCEPTED,
    summary="Send spans, answered when they are durable",
    request_max_body_size=None,
    description=ITEMS,
    opt=describes(body=list[SentSpan], example=SPANS, errors=ERRORS, meanings=MEANINGS),
)
async def queue_spans(request: AnyRequest, project: Project) -> Queued:
    """Accept agent events; answers when they are durable."""
    accepted = await accept(request, project, SPAN.name)
    return Queued("queued", accepted.total)


@post(
    "/traces/batch",
    status_code=HTTP_202_ACCEPTED,
    summary="Send traces, answered with their rows",
    request_max_body_size=None,
    description=ITEMS,
    opt=describes(
        body=list[SentTrace],
        example=TRACES,
        answer=StoredTraceRows,
        errors=ERRORS,
        meanings=MEANINGS,
    ),
)
async def store_traces(request: AnyRequest, project: Project) -> Response[StoredTraces]:
    """Accept LLM calls; answers when they can be read, with their rows."""
    return await store(request, project, TRACE.name, lambda count: StoredTraces(count, []))


@post(
    "/spans/batch",
    status_code=HTTP_202_ACCEPTED,
    summary="Send spans, answered with their rows",
    request_max_body_size=None,
    description=ITEMS,
    opt=describes(
        body=list[SentSpan], example=SPANS, answer=StoredSpanRows, errors=ERRORS, meanings=MEANINGS
    ),
)
async def store_spans(request: AnyRequest, project: Project) -> Response[StoredSpans]:
    """Accept agent events; answers when they can be read, with their rows."""
    return await store(request, project, SPAN.name, lambda count: StoredSpans(count, []))


def queue_router(project_from_key: ProjectOf) -> Router:
    """Returns the routes of SDKs that read nothing back."""
    return Router(
        "/v1",
        route_handlers=[queue_traces, queue_spans],
        dependencies={"project": Provide(project_from_key)},
        middleware=[DefineMiddleware(Straight, sender_of=project_from_key)],
        tags=["ingest"],
    )


def routers(project_from_key: ProjectOf, project_from_session: ProjectOf) -> list[Router]:
    """Returns the routes of SDKs, by API key, and the same for the dashboard, by its session."""
    return [
        queue_router(project_from_key),
        Router(
            "/v1",
            route_handlers=[store_traces, store_spans],
            dependencies={"project": Provide(project_from_key)},
            tags=["ingest"],
        ),
        Router(
            "/dashboard/api",
            route_handlers=[queue_spans, store_traces, store_spans],
            dependencies={"project": Provide(project_from_session)},
            tags=["dashboard"],
        ),
        *score_app.routers(project_from_key, project_from_session),
    ]
