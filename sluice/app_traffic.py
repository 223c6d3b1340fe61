"""What a process has of deployed apps that people ask: it passes requests on, and shows logs."""

from functools import partial

from api.auth import AnyRequest
from api.deploys.callers import caller_in
from api.deploys.proxy.flights import Flights
from api.deploys.proxy.routes import Routes
from api.deploys.proxy.traffic import Traffic
from api.deploys.proxy.upstream import Clocks, Upstream
from api.deploys.proxy.withheld import Withheld
from api.deploys.routing.handlers import GATEWAYS, Gateways
from api.deploys.routing.handlers import AnyRequest as ProxyRequest
from api.deploys.routing.traefik import Entrance
from api.operations import Operations
from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.deploys.domains import is_sole_claim
from controlplane.deploys.routing import is_verified, list_routes
from controlplane.deploys.rows import Reach
from controlplane.logins import is_login
from deploys.listeners import Listeners
from schemas.deploys.routing import NO_APPS_HOST
from sluice.own_address import own_hosts
from sluice.process import Process

REFRESH_EVERY_S = 1.0


async def reach_of(request: AnyRequest) -> Reach:
    """Returns whose deployments a request may see."""
    return (await caller_in(request)).reach


def add_apps(process: Process, database: Database, vault: Vault) -> Routes:
    """Adds what passes requests on to apps, and what the routes of deployments need."""
    settings = process.settings
    routes = Routes(partial(list_routes, database), Flights(), own_hosts=own_hosts(settings))
    upstream = Upstream(Clocks(), Listeners().of)
    withheld = Withheld(
        is_own_session=lambda value: vault.signed_token(value) is not None,
        is_own_token=partial(is_login, vault),
    )
    process.state["traffic"] = Traffic(
        routes=routes,
        upstream=upstream,
        withheld=withheld,
        apps_host=settings.apps_host,
        # Where its own name is not known, it could be asked for as well, and it leads here.
        is_claimed=partial(is_sole_claim, database) if settings.public_url else None,
    )
    process.state["reach_of"] = reach_of
    apps_host = "" if settings.apps_host == NO_APPS_HOST else settings.apps_host
    process.state[GATEWAYS] = Gateways(
        routes=routes,
        entrance=Entrance(apps_host=apps_host),
        admit=_admit,
        is_verified=partial(is_verified, database),
    )
    process.upkeep.append((REFRESH_EVERY_S, routes.refresh))
    process.stack.push_async_callback(upstream.close)
    return routes


async def _admit(request: ProxyRequest) -> None:
    """Lets in whom `/metrics` lets in: where apps are is the operator's business."""
    operations: Operations = request.app.state.operations
    operations.reject_strangers(request)
