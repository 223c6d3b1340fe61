"""What pages of other origins may do here, as browsers ask first and want to be told.

The operator allows origins, for every route. Some routes are open to all pages (`OpenRoute`).
Every answer says so, errors too: a page cannot read a 401 or a 429 that does not.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, TypeAlias

from litestar.enums import ScopeType
from litestar.routes import BaseRoute, HTTPRoute
from litestar.types import ASGIApp, Receive, Send

from schemas.open_routes import OPTION, OpenRoute
from schemas.scopes import field_of

Fields: TypeAlias = list[tuple[bytes, bytes]]

METHODS = b"GET, HEAD, POST, PATCH, PUT, DELETE, OPTIONS"
USUAL_FIELDS = b"authorization, content-encoding, content-type, x-project-id"
"""What a page may send where it does not say what it is going to."""
VARIES = (b"vary", b"Origin")
"""On every answer: a cache must not give that of one origin, or of none, to a page of another."""
NOT_REUSED = (b"cache-control", b"no-cache")
"""Of open routes, in place of `no-store`. Sentry's SDK sends with `keepalive`, and does not read
the answer: with `no-store`, Chromium takes the request for under way until somebody does. All that
is under way may have 64 KiB together, so after about 15 errors no other leaves the page."""
KEPT_S = b"600"
"""Chrome keeps the answer of a preflight for two hours at most, which is long for a revoked one."""


def open_routes(routes: Iterable[BaseRoute]) -> Mapping[str, OpenRoute]:
    """Returns the routes that are open to all pages, by their paths."""
    return {
        route.path_format: handler.opt[OPTION]
        for route in routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
        if OPTION in handler.opt
    }


def with_origins(
    application: ASGIApp, allowed: Collection[str], opened: Mapping[str, OpenRoute]
) -> ASGIApp:
    """Answers preflights, and tells browsers which pages may read on."""
    origins = {origin.encode() for origin in allowed}
    varies = [VARIES] if origins else []

    async def tell(scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await application(scope, receive, send)
            return
        origin = field_of(scope, b"origin")
        if origin is None or origin.lower() not in origins:
            await application(scope, receive, _as_opened(send, scope, opened, origin, varies))
            return
        told = [*_naming(origin), VARIES]
        if _is_preflight(scope):
            fields = field_of(scope, b"access-control-request-headers") or USUAL_FIELDS
            await _allow(send, [*told, (b"access-control-allow-headers", fields)])
            return
        usual = [*told, (b"access-control-expose-headers", b"Retry-After")]
        await application(scope, receive, _as_opened(send, scope, opened, origin, usual))

    return tell if origins or opened else application


def _as_opened(
    send: Send,
    scope: Any,
    opened: Mapping[str, OpenRoute],
    origin: bytes | None,
    otherwise: Fields,
) -> Send:
    """Tells of an open route what it is open for, of any other what is told `otherwise`."""

    async def send_more(message: Any) -> None:
        if message["type"] == "http.response.start":
            # The router has found the route by now.
            route = opened.get(scope.get("path_template") or "")
            told = otherwise if route is None else [*_opened(scope, route, origin), NOT_REUSED]
            message["headers"] = [*message["headers"], *told]
        await send(message)

    return send_more


def _opened(scope: Any, route: OpenRoute, origin: bytes | None) -> Fields:
    if origin is None:
        return [VARIES]
    anybody = [(b"access-control-allow-origin", b"*")]
    told = [*(_naming(origin) if route.with_cookies else anybody), VARIES]
    if _is_preflight(scope):
        return [
            *told,
            (b"access-control-allow-methods", b"POST, OPTIONS"),
            (b"access-control-allow-headers", route.fields.encode()),
            (b"access-control-max-age", b"%d" % route.kept_s),
        ]
    return [*told, (b"access-control-expose-headers", route.exposed.encode())]


def _naming(origin: bytes) -> Fields:
    return [
        (b"access-control-allow-origin", origin),
        (b"access-control-allow-credentials", b"true"),
    ]


def _is_preflight(scope: Any) -> bool:
    asked = field_of(scope, b"access-control-request-method")
    return scope["method"] == "OPTIONS" and bool(asked)


async def _allow(send: Send, told: Fields) -> None:
    headers = [
        *told,
        (b"access-control-allow-methods", METHODS),
        (b"access-control-max-age", KEPT_S),
    ]
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b"", "more_body": False})
