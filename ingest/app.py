"""The routes of the HTTP door in, and how a refusal becomes an HTTP answer."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias, cast

import msgspec
from litestar import Request, Response, Router, post
from litestar.datastructures import State
from litestar.di import NamedDependency, Provide
from litestar.middleware import DefineMiddleware
from litestar.status_codes import HTTP_202_ACCEPTED
from litestar.types import ASGIApp, ExceptionHandlersMap, Receive, Scope, Send
from msgspec import Struct

from eventlog.topics import SPANS, TRACES
from ingest.body import Incoming
from ingest.edge import Edge
from ingest.errors import (
    BadItems,
    BadJson,
    ItemTooLarge,
    Later,
    Overloaded,
    RateLimited,
    Refused,
    TooLarge,
    TooManyBodies,
    TooSlow,
    UnknownEncoding,
)
from schemas.projects import ProjectContext

AnyRequest: TypeAlias = Request[object, object, State]

STATUS: Mapping[type[Refused], int] = {
    BadJson: 400,
    BadItems: 400,
    TooSlow: 408,
    TooLarge: 413,
    ItemTooLarge: 413,
    UnknownEncoding: 415,
    RateLimited: 429,
    TooManyBodies: 503,
    Overloaded: 503,
}
Project: TypeAlias = NamedDependency[ProjectContext]
ProjectOf: TypeAlias = Callable[[AnyRequest], Awaitable[ProjectContext]]
ITEMS = "A JSON array of at most 100 items, see docs/wire-formats.md. gzip, deflate, br or zstd."


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


@post("/traces/async", status_code=HTTP_202_ACCEPTED, request_max_body_size=None, description=ITEMS)
async def queue_traces(request: AnyRequest, project: Project) -> Queued:
    """Accept LLM calls; answers when they are durable."""
    accepted = await _edge(request).accept(project, TRACES.name, _incoming(request))
    return Queued("queued", len(accepted.ids))


@post("/spans/async", status_code=HTTP_202_ACCEPTED, request_max_body_size=None, description=ITEMS)
async def queue_spans(request: AnyRequest, project: Project) -> Queued:
    """Accept agent events; answers when they are durable."""
    accepted = await _edge(request).accept(project, SPANS.name, _incoming(request))
    return Queued("queued", len(accepted.ids))


@post("/traces/batch", status_code=HTTP_202_ACCEPTED, request_max_body_size=None, description=ITEMS)
async def store_traces(request: AnyRequest, project: Project) -> Response[StoredTraces]:
    """Accept LLM calls; answers when they can be read, with their rows."""
    return await _store(request, project, TRACES.name, StoredTraces)


@post("/spans/batch", status_code=HTTP_202_ACCEPTED, request_max_body_size=None, description=ITEMS)
async def store_spans(request: AnyRequest, project: Project) -> Response[StoredSpans]:
    """Accept agent events; answers when they can be read, with their rows."""
    return await _store(request, project, SPANS.name, StoredSpans)


class Straight:
    """Calls a route's function straight from ASGI: 20 us of processor time where Litestar takes 61.

    The function takes the request and its project and answers with a Struct. Routes, errors and the
    page of the API stay Litestar's.
    """

    def __init__(self, app: ASGIApp, project_of: ProjectOf) -> None:
        self._project_of = project_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        request: AnyRequest = Request(scope, receive, send)
        handler: Any = scope["route_handler"]
        answer = await handler.fn(request, await self._project_of(request))
        body = msgspec.json.encode(answer)
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(body)),
        ]
        await send(
            {"type": "http.response.start", "status": handler.status_code, "headers": headers}
        )
        await send({"type": "http.response.body", "body": body, "more_body": False})


def routers(project_from_key: ProjectOf, project_from_session: ProjectOf) -> list[Router]:
    """Returns the routes of SDKs, by API key, and the same for the dashboard, by its session."""
    return [
        Router(
            "/v1",
            route_handlers=[queue_traces, queue_spans],
            dependencies={"project": Provide(project_from_key)},
            middleware=[DefineMiddleware(Straight, project_of=project_from_key)],
            tags=["ingest"],
        ),
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
            include_in_schema=False,
        ),
    ]


def exception_handlers() -> ExceptionHandlersMap:
    """Returns how a refusal is answered."""
    return {Refused: _answer_refusal}


def _answer_refusal(_: Request[Any, Any, Any], refused: Refused) -> Response[Any]:
    body: dict[str, Any] = {"error": refused.message}
    headers: dict[str, str] = {}
    if isinstance(refused, Later):
        headers["Retry-After"] = str(refused.retry_after_s)
    if isinstance(refused, TooSlow):
        # The rest of the body is not waited for.
        headers["Connection"] = "close"
    details = getattr(refused, "details", None)
    if details is not None:
        body["details"] = details
    return Response(body, status_code=STATUS[type(refused)], headers=headers)


async def _store(
    request: AnyRequest,
    project: ProjectContext,
    topic: str,
    shape: type[StoredTraces] | type[StoredSpans],
) -> Response[Any]:
    edge = _edge(request)
    # Who waits for rows sees a refusal; Pulse's SDKs, which never wait, drop what is refused.
    accepted = await edge.accept(project, topic, _incoming(request), retried=True)
    shell = shape(len(accepted.ids), [])
    if not accepted.ids:
        return Response(shell)
    answer = await edge.read_back(project, topic, accepted.ids, accepted.offsets, shell)
    if answer is None:
        raise Overloaded(
            "The items are durable but cannot be read yet; sending them again does no harm",
            retry_after_s=5,
        )
    return answer


def _incoming(request: AnyRequest) -> Incoming:
    headers = request.headers
    return Incoming(
        request.stream(), headers.get("content-encoding"), headers.get("content-length")
    )


def _edge(request: AnyRequest) -> Edge:
    return cast("Edge", request.app.state.edge)
