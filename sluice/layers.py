"""What stands around the routes of every application of ours, whatever those are."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

from litestar import Litestar, MediaType, Response, Router
from litestar.datastructures import State
from litestar.handlers import HTTPRouteHandler
from litestar.plugins import PluginProtocol
from litestar.plugins.core import MsgspecDIPlugin
from litestar.routes import BaseRoute, HTTPRoute
from litestar.status_codes import HTTP_204_NO_CONTENT
from litestar.types import ASGIApp, ExceptionHandlersMap
from litestar.types.internal_types import RouteHandlerMapItem

from api.headers import with_headers
from api.methods import with_every_method
from api.observing import observed
from api.origins import open_routes, with_origins
from api.slashes import with_slashes_kept
from ingest import app as ingest_app
from schemas.settings import Settings
from sluice.origins import allowed_origins


class _ManyRoutes(Router):
    """What Litestar builds upon, for 600 routes: more than a third less of its part of a start.

    Their handler for OPTIONS is one and the same, since `api.methods` names what is allowed;
    Litestar makes one for each, and reads its signature. And it looks through all routes for
    each that is added.
    """

    __slots__ = ()

    def register(self, value: Any) -> list[BaseRoute]:
        """Adds the routes of a router, or of a handler."""
        routes = super().register(value)
        for route in routes:
            if isinstance(route, HTTPRoute):
                route.route_handlers = [*_but_options(route), self._options]
                self._by_path[route.path] = {
                    method: one for one in route.route_handlers for method in one.http_methods
                }
        return routes

    @property
    def route_handler_method_map(self) -> dict[str, RouteHandlerMapItem]:
        """The handlers of HTTP, which alone may share a path, by path and method."""
        return self._by_path

    @cached_property
    def _by_path(self) -> dict[str, RouteHandlerMapItem]:
        return {}

    @cached_property
    def _options(self) -> HTTPRouteHandler:
        made = HTTPRouteHandler("/", http_method=["OPTIONS"], sync_to_thread=False)
        handler = made(_answer_options)
        handler.owner = self
        return handler


class _Routed(Litestar, _ManyRoutes):  # type: ignore[misc]  # as Litestar's own `register`
    """Litestar without what it does for others."""

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


def routed(
    handlers: Sequence[Any], state: Mapping[str, Any], exceptions: ExceptionHandlersMap
) -> Litestar:
    """Returns the handlers as an application, over this state; `exceptions` are answered so."""
    return _Routed(
        route_handlers=handlers,
        exception_handlers={**exceptions, **ingest_app.exception_handlers()},
        state=State(dict(state)),
        openapi_config=None,
        logging_config=None,
        debug=False,
    )


def layered(application: Litestar, settings: Settings) -> ASGIApp:
    """Puts around it what every request passes; who asks is told outside of that."""
    app = with_every_method(with_slashes_kept(application), application.routes)
    app = observed(app, log_requests=settings.access_log)
    app = with_origins(app, allowed_origins(settings), open_routes(application.routes))
    return with_headers(app)


def sharing_paths(handlers: Iterable[Any]) -> list[Any]:
    """Returns the handlers so that several routers may have routes of one path.

    Litestar gives each route of a router a handler for OPTIONS, and refuses the second of a path.
    Without them, the application makes one.
    """
    sharing = list(handlers)
    for router in sharing:
        for route in router.routes if isinstance(router, Router) else ():
            if isinstance(route, HTTPRoute):
                route.route_handlers = _but_options(route)
    return sharing


def _but_options(route: HTTPRoute) -> list[HTTPRouteHandler]:
    return [one for one in route.route_handlers if one.http_methods != {"OPTIONS"}]


def _answer_options() -> Response[None]:
    return Response(None, status_code=HTTP_204_NO_CONTENT, media_type=MediaType.TEXT)
