"""The HTTP application of one process: both doors on one port."""

import time
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

import structlog
from litestar import Litestar
from litestar.datastructures import State
from litestar.enums import ScopeType
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import SwaggerRenderPlugin
from litestar.response.base import ASGIResponse
from litestar.static_files import create_static_files_router
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from api import app as api_app
from api.auth import project_from_key, project_from_session
from api.slashes import with_slashes_kept
from controlplane.attempts import AttemptLimits
from controlplane.handoffs import Handoffs
from ingest import app as ingest_app
from schemas.metrics import REQUEST_SECONDS
from sluice.node import Node, NodeProbes

access = structlog.get_logger("access")


def create_app(node: Node) -> ASGIApp:
    """Returns the application of a started node."""
    settings = node.settings
    origins = (origin.strip().rstrip("/") for origin in settings.allowed_origins.split(","))
    state = State(
        {
            "database": node.database,
            "vault": node.vault,
            "keyring": node.keyring,
            "attempts": AttemptLimits(),
            "handoffs": Handoffs(),
            "allowed_origins": frozenset(origin for origin in origins if urlsplit(origin).netloc),
            "signup_enabled": settings.signup_enabled,
            "warehouse": node.warehouse,
            "query_threads": settings.query_threads,
            "providers": node.book.providers,
            "edge": node.edge,
            "probes": NodeProbes(node),
        }
    )
    application = Litestar(
        route_handlers=[
            *ingest_app.routers(project_from_key, project_from_session),
            *api_app.routes(),
            _docs_files(),
        ],
        exception_handlers={
            **api_app.exception_handlers(),
            **ingest_app.exception_handlers(),
        },
        state=state,
        openapi_config=_openapi(),
        logging_config=None,
        debug=False,
    )
    doors = with_slashes_kept(_without_preflights(application))
    return observed(doors, log_requests=settings.access_log)


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


def _openapi() -> OpenAPIConfig:
    base = "/docs/static"
    return OpenAPIConfig(
        title="Sluice",
        version="0.1.0",
        description="One pipeline for everything a team wants to know about its running software.",
        path="/docs",
        render_plugins=[
            SwaggerRenderPlugin(
                path="/",
                js_url=f"{base}/swagger-ui-bundle.js",
                css_url=f"{base}/swagger-ui.css",
                standalone_preset_js_url=f"{base}/swagger-ui-standalone-preset.js",
            )
        ],
    )


def _docs_files() -> Any:
    # Served from the package, so that the page works where no content network is reached.
    return create_static_files_router(
        path="/docs/static",
        directories=[str(files("swagger_ui").joinpath("static"))],
        include_in_schema=False,
    )
