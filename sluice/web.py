"""The HTTP application of each kind of process."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import structlog
from litestar import Litestar, Router
from litestar.datastructures import State
from litestar.plugins import PluginProtocol
from litestar.plugins.core import MsgspecDIPlugin
from litestar.routes import BaseRoute, HTTPRoute
from litestar.types import ASGIApp

from api import app as api_app
from api.auth import project_from_key, project_from_session
from api.deploys.proxy.traffic import Traffic, with_apps
from api.headers import with_headers
from api.methods import with_every_method
from api.observing import observed
from api.operations import Operations, get_health, get_metrics, get_ready
from api.origins import open_routes, with_origins
from api.outgoing import Outgoing
from api.reads import Turns
from api.reference import reference_router
from api.slashes import with_slashes_kept
from ingest import app as ingest_app
from processors.exports.scheduled import places_of
from schemas.settings import Settings
from sluice.forwarded import with_forwarded
from sluice.origins import allowed_origins
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


class _Application(Litestar):
    """Litestar without what it does for others, a third of its part of a start."""

    def _validate_registration_value(self, value: Any) -> Any:
        """Takes a router as it is, and not a deep copy: ours are made for one application each."""
        if not isinstance(value, Router):
            return super()._validate_registration_value(value)
        value.owner = self
        return value

    @staticmethod
    def _get_default_plugins(plugins: list[PluginProtocol]) -> list[PluginProtocol]:
        """Leaves out those for pydantic and attrs: what we take and answer is of msgspec."""
        return [*plugins, MsgspecDIPlugin()]


def reading_state(settings: Settings) -> dict[str, Any]:
    """Returns what the routes that read the store find on the application, beside the store."""
    return {
        "turns": Turns(settings.query_threads, max_memory_bytes=settings.query_max_memory_bytes),
        "outgoing": Outgoing(settings.max_outgoing_bytes),
        "export_places": places_of(settings).open,
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


def sharing_paths(handlers: Iterable[Any]) -> list[Any]:
    """Returns the handlers so that several routers may have routes of one path.

    Litestar gives each route of a router a handler for OPTIONS, and refuses the second of a path.
    Without them, the application makes one.
    """
    sharing = list(handlers)
    for router in sharing:
        for route in router.routes if isinstance(router, Router) else ():
            if isinstance(route, HTTPRoute):
                route.route_handlers = [
                    one for one in route.route_handlers if one.http_methods != {"OPTIONS"}
                ]
    return sharing


def application(handlers: Sequence[Any], state: Mapping[str, Any], settings: Settings) -> ASGIApp:
    """Returns the application of these routes over this state."""
    operations = Operations(state["probes"], settings.metrics_token)
    routed = _Application(
        route_handlers=[*handlers, reference_router()],
        exception_handlers={
            **api_app.exception_handlers(),
            **ingest_app.exception_handlers(),
        },
        state=State({**reading_state(settings), **state, "operations": operations}),
        openapi_config=None,
        logging_config=None,
        debug=False,
    )
    app = with_every_method(with_slashes_kept(routed), routed.routes)
    app = observed(app, log_requests=settings.access_log)
    app = with_origins(app, allowed_origins(settings), open_routes(routed.routes))
    app = with_headers(app)
    traffic: Traffic | None = state.get("traffic")
    if traffic is not None:
        app = with_apps(app, traffic)
    return with_forwarded(app, trusted_proxies(settings))
