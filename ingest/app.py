"""What the routes that take items in share, and how a rejection becomes an HTTP answer."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, TypeAlias, cast
from urllib.parse import unquote_plus

import msgspec
from litestar import Request, Response
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.enums import ScopeType
from litestar.exceptions import InternalServerException
from litestar.types import ASGIApp, ExceptionHandlersMap, Receive, Scope, Send
from msgspec import Struct

from ingest.body import Incoming
from ingest.edge import Accepted, Edge
from ingest.rejections import (
    BadItems,
    BadJson,
    ItemTooLarge,
    Later,
    Overloaded,
    RateLimited,
    Rejected,
    TooLarge,
    TooManyBodies,
    TooSlow,
    UnknownEncoding,
    UnknownMediaType,
)
from schemas.projects import ProjectContext
from schemas.scopes import text_field_of

AnyRequest: TypeAlias = Request[object, object, State]

STATUS: Mapping[type[Rejected], int] = {
    BadJson: 400,
    BadItems: 400,
    TooSlow: 408,
    TooLarge: 413,
    ItemTooLarge: 413,
    UnknownEncoding: 415,
    UnknownMediaType: 415,
    RateLimited: 429,
    TooManyBodies: 503,
    Overloaded: 503,
}
Project: TypeAlias = NamedDependency[ProjectContext]
ProjectOf: TypeAlias = Callable[[AnyRequest], Awaitable[ProjectContext]]
SenderOf: TypeAlias = Callable[[AnyRequest], Awaitable[Any]]


async def accept(
    request: AnyRequest, project: ProjectContext, form: str, *, retried: bool = False
) -> Accepted:
    """Has the items of a request made durable. Raises `Rejected`, see `Edge.accept`."""
    incoming = incoming_of(request, {})
    return await edge_of(request).accept(project, form, incoming, retried=retried)


def incoming_of(request: AnyRequest, told: Mapping[str, str]) -> Incoming:
    """Returns what the edge needs of a request; `told` is what its form depends on."""
    return Incoming(
        _pieces(request.receive),
        header_of(request, b"content-encoding"),
        header_of(request, b"content-length"),
        told,
    )


async def _pieces(receive: Receive) -> AsyncIterator[bytes]:
    """Yields what comes of a body. Litestar's stream would read all headers first."""
    more = True
    while more:
        message: Any = await receive()
        if message["type"] == "http.disconnect":
            raise InternalServerException("client disconnected prematurely")
        if piece := message["body"]:
            yield piece
        more = message.get("more_body", False)


def header_of(request: AnyRequest, wanted: bytes) -> str | None:
    """Returns the first header of this name, which is in lower case; `None` where there is none."""
    return text_field_of(request.scope, wanted)


def parameter(request: AnyRequest, wanted: str) -> str:
    """Returns the first value of a query parameter; empty where there is none.

    A beacon of Open Sentry's SDK has its key twice. Litestar would keep what it parsed.
    """
    begin = f"{wanted}=".encode()
    for pair in request.scope["query_string"].split(b"&"):
        if pair.startswith(begin):
            return unquote_plus(pair[len(begin) :].decode("latin-1"))
    return ""


async def store(
    request: AnyRequest, project: ProjectContext, form: str, shape: Callable[[int], Struct]
) -> Response[Any]:
    """Answers with the rows of a request's items, which are of one kind, once they can be read.

    `shape` makes the answer around the rows, from their count.
    """
    # Who waits for rows sees a rejection; Pulse's SDKs, which never wait, drop what is rejected.
    accepted = await accept(request, project, form, retried=True)
    shell = shape(accepted.total)
    if not accepted.total:
        return Response(shell)
    (items,) = accepted.items
    answer = await edge_of(request).read_back(
        project, items.kind.name, items.ids, accepted.offsets, shell
    )
    if answer is None:
        raise Overloaded(
            "The items are durable but cannot be read yet; sending them again does no harm",
            retry_after_s=5,
        )
    return answer


class Written(Struct, frozen=True):
    """An answer whose body is written already."""

    body: bytes
    content_type: bytes


class Straight:
    """Calls a route's function straight from ASGI: 20 us of processor time where Litestar takes 61.

    The function takes the request and its sender, mostly a project, and answers with a Struct,
    which becomes JSON, or with what is `Written`. Routes, errors and the page of the API stay
    Litestar's.
    """

    def __init__(self, app: ASGIApp, sender_of: SenderOf) -> None:
        self._app = app
        self._sender_of = sender_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] == ScopeType.HTTP and scope["method"] == "OPTIONS":
            await self._app(scope, receive, send)
            return
        request: AnyRequest = Request(scope, receive, send)
        handler: Any = scope["route_handler"]
        answer = await handler.fn(request, await self._sender_of(request))
        if not isinstance(answer, Written):
            answer = Written(msgspec.json.encode(answer), b"application/json")
        headers = [
            (b"content-type", answer.content_type),
            (b"content-length", b"%d" % len(answer.body)),
        ]
        await send(
            {"type": "http.response.start", "status": handler.status_code, "headers": headers}
        )
        await send({"type": "http.response.body", "body": answer.body, "more_body": False})


def exception_handlers() -> ExceptionHandlersMap:
    """Returns how a rejection is answered."""
    return {Rejected: _answer_rejection}


def _answer_rejection(_: Request[Any, Any, Any], rejected: Rejected) -> Response[Any]:
    body: dict[str, Any] = {"error": rejected.message}
    headers: dict[str, str] = {}
    if isinstance(rejected, Later):
        headers["Retry-After"] = str(rejected.retry_after_s)
    if isinstance(rejected, TooSlow):
        # The rest of the body is not waited for.
        headers["Connection"] = "close"
    details = getattr(rejected, "details", None)
    if details is not None:
        body["details"] = details
    return Response(body, status_code=STATUS[type(rejected)], headers=headers)


def edge_of(request: AnyRequest) -> Edge:
    """Returns the process's edge."""
    return cast("Edge", request.app.state.edge)
