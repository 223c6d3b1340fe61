"""What proxies of the operator's own ask: where apps are, and which domains get a certificate."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, cast

from litestar import Request, Response, get
from litestar.datastructures import State
from msgspec import Meta, Struct

from api.declared import takes
from api.deploys.proxy.routes import Routes
from api.deploys.routing.traefik import Entrance, traefik_configuration
from api.parameters import read, values_of
from schemas.deploys.routing import is_label, plain_host
from schemas.described import describes

GATEWAYS = "gateways"
"""Where the application's state holds `Gateways`."""

AnyRequest = Request[object, object, State]


class Gateways(Struct, frozen=True, kw_only=True):
    """What these routes work with."""

    routes: Routes
    entrance: Entrance
    admit: Callable[[AnyRequest], Awaitable[None]]
    """Raises where who asks may not know where apps are."""
    is_verified: Callable[[str], Awaitable[bool]]
    """Whether a domain, in its plain form, is proved to be somebody's here; also while nothing of
    theirs runs."""


class AskQuery(Struct, frozen=True):
    """What Caddy asks about."""

    domain: Annotated[
        str | None,
        Meta(
            description="The name that a client wants a certificate of.",
            examples=["shop.example.com"],
        ),
    ] = None


class Allowed(Struct, frozen=True):
    """Whether a certificate is to be got."""

    allowed: bool


@get(
    "/routing/traefik",
    summary="Tell Traefik where apps are",
    media_type="application/json",
    opt=describes(asks="operator"),
)
async def get_traefik_configuration(request: AnyRequest) -> dict[str, Any]:
    """Return Traefik's dynamic configuration, for its HTTP provider."""
    gateways = _gateways(request)
    await gateways.admit(request)
    return traefik_configuration(gateways.routes.routes, gateways.entrance)


@get(
    "/routing/caddy/ask",
    summary="Tell Caddy whether a domain gets a certificate",
    opt={**takes(AskQuery), **describes(answer=Allowed, errors=(404,))},
    media_type="application/json",
)
async def ask_for_certificate(request: AnyRequest) -> Response[Allowed]:
    """Tell Caddy whether to get a certificate: 200 for domains that are somebody's here, else 404.

    Anybody may ask: a handshake with Caddy tells the same.
    """
    gateways = _gateways(request)
    host = plain_host(read(values_of(request), AskQuery).domain or "") or ""
    is_ours = await _is_served(gateways, host)
    return Response(Allowed(is_ours), status_code=200 if is_ours else 404)


HANDLERS = (get_traefik_configuration, ask_for_certificate)


async def _is_served(gateways: Gateways, host: str) -> bool:
    if gateways.routes.of_host(host) is not None:
        return True
    label, _, parent = host.partition(".")
    if parent and parent == gateways.entrance.apps_host:
        return is_label(label) and gateways.routes.of_label(label) is not None
    return bool(host) and await gateways.is_verified(host)


def _gateways(request: AnyRequest) -> Gateways:
    return cast("Gateways", request.app.state[GATEWAYS])
