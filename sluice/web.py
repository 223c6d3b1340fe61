"""The HTTP application of each kind of process."""

from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from litestar import Litestar
from litestar.routes import BaseRoute
from litestar.types import ASGIApp

from api import app as api_app
from api.auth import project_from_key, project_from_session
from api.deploys.proxy.traffic import Traffic, with_apps
from api.operations import Operations, get_health, get_metrics, get_ready
from api.outgoing import Outgoing
from api.reads import Turns
from api.reference import reference_router
from processors.exports.scheduled import places_of
from schemas.settings import Settings
from sluice.erasing import TEXTS
from sluice.forwarded import with_forwarded
from sluice.layers import layered, routed, sharing_paths
from sluice.person_items import ITEMS
from sluice.proxies import trusted_proxies
from sluice.systems import (
    SYSTEMS,
    agents,
    controls,
    exports,
    own_routers,
    pages,
    queries,
    sentry_cli,
)

OPERATIONS = (get_health, get_ready, get_metrics)

access = structlog.get_logger("access")


def reading_state(settings: Settings) -> dict[str, Any]:
    """Returns what the routes that read the store find on the application, beside the store."""
    return {
        "turns": Turns(settings.query_threads, max_memory_bytes=settings.query_max_memory_bytes),
        "outgoing": Outgoing(settings.max_outgoing_bytes),
        "export_places": places_of(settings).open,
        "person_texts": TEXTS,
        "person_items": ITEMS,
    }


def ingest_routes() -> list[Any]:
    """Returns the routes of ingest."""
    return sharing_paths(
        router
        for system in SYSTEMS
        for router in system.routers(project_from_key, project_from_session)
    )


def out_routes() -> list[Any]:
    """Returns the routes of the API and the dashboard."""
    routes = api_app.routes(queries(), controls(), pages(), agents(), sentry_cli(), exports())
    return sharing_paths([*routes, *own_routers()])


def every_route() -> Sequence[BaseRoute]:
    """Returns what all processes together answer, for the description of the whole."""
    handlers = [*ingest_routes(), *out_routes()]
    return Litestar(handlers, openapi_config=None, logging_config=None).routes


def application(handlers: Sequence[Any], state: Mapping[str, Any], settings: Settings) -> ASGIApp:
    """Returns the application of these routes over this state."""
    operations = Operations(state["probes"], settings.metrics_token)
    whole = {**reading_state(settings), **state, "operations": operations}
    routes = routed([*handlers, reference_router()], whole, api_app.exception_handlers())
    app = layered(routes, settings)
    traffic: Traffic | None = state.get("traffic")
    if traffic is not None:
        app = with_apps(app, traffic)
    return with_forwarded(app, trusted_proxies(settings))
