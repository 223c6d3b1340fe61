"""What stands around the routes of every application of ours, whatever those are."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from litestar import Litestar, Router
from litestar.datastructures import State
from litestar.plugins import PluginProtocol
from litestar.plugins.core import MsgspecDIPlugin
from litestar.routes import HTTPRoute
from litestar.types import ASGIApp, ExceptionHandlersMap

from api.headers import with_headers
from api.methods import with_every_method
from api.observing import observed
from api.origins import open_routes, with_origins
from api.slashes import with_slashes_kept
from ingest import app as ingest_app
from schemas.settings import Settings
from sluice.origins import allowed_origins


class _Routed(Litestar):
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
                route.route_handlers = [
                    one for one in route.route_handlers if one.http_methods != {"OPTIONS"}
                ]
    return sharing
