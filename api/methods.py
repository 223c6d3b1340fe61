"""HEAD and OPTIONS for every route (RFC 9110, sections 9.3.2 and 9.3.7)."""

import re
from collections.abc import Iterable, Mapping, Set
from typing import Any

from litestar.routes import BaseRoute
from litestar.types import ASGIApp, Receive, Send

USED_UP = re.compile(r"/dashboard/api/local-login/*|/enter/*|/api/\d+/cron/.*")
"""What a GET uses up, or tells of a job: a program that only looks at a link must not."""


def with_every_method(application: ASGIApp, routes: Iterable[BaseRoute]) -> ASGIApp:
    """Answers HEAD as GET, whose body the server drops, and OPTIONS with all that is allowed."""
    methods: dict[str, set[str]] = {}
    for route in routes:
        methods.setdefault(route.path_format, set()).update(getattr(route, "methods", ()))

    async def ask(scope: Any, receive: Receive, send: Send) -> None:
        method = scope.get("method")
        if method == "HEAD" and not USED_UP.fullmatch(scope["path"]):
            asked: Any = {**scope, "method": "GET"}
            await application(asked, receive, send)
            scope["path_template"] = asked.get("path_template", "")
        elif method == "OPTIONS":
            await application(scope, receive, _naming(methods, scope, send))
        else:
            await application(scope, receive, send)

    return ask


def _naming(methods: Mapping[str, Set[str]], scope: Any, send: Send) -> Send:
    """Names every method of a path: Litestar, who answers, names those of its first handler."""

    async def send_more(message: Any) -> None:
        allowed = methods.get(scope.get("path_template") or "")
        if message["type"] == "http.response.start" and allowed:
            named = sorted(allowed | ({"HEAD"} if "GET" in allowed else set()))
            others = [field for field in message["headers"] if field[0].lower() != b"allow"]
            message["headers"] = [*others, (b"allow", ", ".join(named).encode())]
        await send(message)

    return send_more
