"""The HTTP application of each kind of process."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from litestar import Litestar
from litestar.datastructures import State
from litestar.enums import ScopeType
from litestar.response.base import ASGIResponse
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from api import app as api_app
from api.auth import project_from_key, project_from_session
from api.operations import Operations, get_health, get_metrics, get_ready
from api.outgoing import Outgoing
from api.reads import Turns
from api.reference import reference
from api.slashes import with_slashes_kept
from ingest import app as ingest_app
from schemas.metrics import REQUEST_SECONDS
from schemas.settings import Settings
from sluice.headers import with_headers
from sluice.systems import SYSTEMS, queries

OPERATIONS = (get_health, get_ready, get_metrics)

access = structlog.get_logger("access")


def reading_state(settings: Settings) -> dict[str, Any]:
    """Returns what the routes that read the store find on the application, beside the store."""
    return {
        "turns": Turns(settings.query_threads, max_memory_bytes=settings.query_max_memory_bytes),
        "outgoing": Outgoing(settings.max_outgoing_bytes),
    }


def ingest_routes() -> list[Any]:
    """Returns the routes of ingest."""
    return [
        router
        for system in SYSTEMS
        for router in system.routers(project_from_key, project_from_session)
    ]


def out_routes() -> list[Any]:
    """Returns the routes of the API."""
    return api_app.routes(queries())


def application(handlers: Sequence[Any], state: Mapping[str, Any], settings: Settings) -> ASGIApp:
    """Returns the application of these routes over this state."""
    operations = Operations(state["probes"], settings.metrics_token)
    routed = Litestar(
        route_handlers=handlers,
        exception_handlers={
            **api_app.exception_handlers(),
            **ingest_app.exception_handlers(),
        },
        state=State({**reading_state(settings), **state, "operations": operations}),
        openapi_config=reference(),
        logging_config=None,
        debug=False,
    )
    app = with_slashes_kept(_without_preflights(routed))
    return with_headers(observed(app, log_requests=settings.access_log))


def observed(application: ASGIApp, *, log_requests: bool) -> ASGIApp:
    """Measures each request; logs it on demand, without its query string, which may hold keys."""

    async def measure(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await application(scope, receive, send)
            return
        started = time.perf_counter()
        status = 500

        async def note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await application(scope, receive, note)
        finally:
            seconds = time.perf_counter() - started
            route = str(scope.get("path_template") or "other")
            REQUEST_SECONDS.labels(scope["method"], route, str(status)).observe(seconds)
            if log_requests:
                access.info(
                    "request",
                    method=scope["method"],
                    path=scope["path"],
                    status=status,
                    ms=round(seconds * 1000, 2),
                )

    return measure


def _without_preflights(application: ASGIApp) -> ASGIApp:
    """Answers OPTIONS as the contract does, 404: Litestar would say 204 on every route."""

    async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP or scope["method"] != "OPTIONS":
            await application(scope, receive, send)
            return
        answer = ASGIResponse(body=b"404 Not Found", status_code=404, media_type="text/plain")
        await answer(scope, receive, send)

    return refuse
