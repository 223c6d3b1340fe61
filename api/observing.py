"""What stands around every route: each request is measured."""

import re
import time

import structlog
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from schemas.metrics import REQUEST_SECONDS, histogram

access = structlog.get_logger("access")

KEY_IN_PATH = re.compile(r"(/cron/[^/]*/+|/heartbeats/+)[^/]+")
"""A check-in of a plain request has its DSN key there; a ping URL is a secret."""
STREAM = b"text/event-stream"
"""An answer that stays open: it is as quick as its beginning."""


def observed(application: ASGIApp, *, log_requests: bool) -> ASGIApp:
    """Measures each request; logs it on demand, without what of its URL may hold keys."""

    async def measure(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await application(scope, receive, send)
            return
        started = time.perf_counter()
        status, ended = 500, None

        async def note(message: Message) -> None:
            nonlocal status, ended
            if message["type"] == "http.response.start":
                status = message["status"]
                if any(value.startswith(STREAM) for _, value in message["headers"]):
                    ended = time.perf_counter()
            await send(message)

        try:
            await application(scope, receive, note)
        finally:
            seconds = (ended or time.perf_counter()) - started
            route = str(scope.get("path_template") or "other")
            histogram(REQUEST_SECONDS, scope["method"], route, str(status)).observe(seconds)
            if log_requests:
                access.info(
                    "request",
                    method=scope["method"],
                    path=KEY_IN_PATH.sub(r"\1…", scope["path"]),
                    status=status,
                    ms=round(seconds * 1000, 2),
                )

    return measure
