"""HEAD and OPTIONS for every route (RFC 9110, sections 9.3.2 and 9.3.7)."""

from collections.abc import Iterable
from typing import Any

from litestar.enums import ScopeType
from litestar.routes import BaseRoute
from litestar.types import ASGIApp, Receive, Scope, Send

USED_UP = ("/dashboard/api/local-login",)
"""What a GET uses up: a program that only looks at a link must not."""


def with_head(application: ASGIApp) -> ASGIApp:
    """Asks for HEAD as for GET; the server drops the body."""

    async def ask(scope: Scope, receive: Receive, send: Send) -> None:
        is_head = scope["type"] == ScopeType.HTTP and scope["method"] == "HEAD"
        if not is_head or scope["path"].rstrip("/") in USED_UP:
            await application(scope, receive, send)
            return
        asked: Any = {**scope, "method": "GET"}
        await application(asked, receive, send)
        scope["path_template"] = asked.get("path_template", "")

    return ask


def with_options(application: ASGIApp, routes: Iterable[BaseRoute]) -> ASGIApp:
    """Names every method of a path: Litestar, who answers, names those of its first handler."""
    methods: dict[str, set[str]] = {}
    for route in routes:
        methods.setdefault(route.path_format, set()).update(getattr(route, "methods", ()))

    async def ask(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP or scope["method"] != "OPTIONS":
            await application(scope, receive, send)
            return

        async def send_more(message: Any) -> None:
            allowed = methods.get(scope.get("path_template") or "")
            if message["type"] == "http.response.start" and allowed:
                named = sorted(allowed | ({"HEAD"} if "GET" in allowed else set()))
                others = [field for field in message["headers"] if field[0].lower() != b"allow"]
                message["headers"] = [*others, (b"allow", ", ".join(named).encode())]
            await send(message)

        await application(scope, receive, send_more)

    return ask
