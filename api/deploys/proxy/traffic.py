"""What stands before Sluice's own routes: requests for apps go to them, all others pass."""

from contextlib import suppress
from typing import Any

from litestar.types import ASGIApp, Receive, Send
from msgspec import Struct

from api.deploys.proxy import refusals
from api.deploys.proxy.challenges import IsClaimed, answer_challenge
from api.deploys.proxy.exchange import Exchange
from api.deploys.proxy.flights import TooManyAtOnce
from api.deploys.proxy.incoming import ClientLeft
from api.deploys.proxy.isolation import is_part_of_our_page, way_on
from api.deploys.proxy.places import Place, place_of
from api.deploys.proxy.refusals import Refusal, send_on, send_refusal
from api.deploys.proxy.routes import Routes
from api.deploys.proxy.sockets import Socket
from api.deploys.proxy.upstream import NotAnswered, Upstream
from api.deploys.proxy.withheld import Withheld
from controlplane.failures import Unavailable
from schemas.deploys.routing import LOOPBACK_APPS, NO_APPS_HOST, Route
from schemas.metrics import APP_REQUESTS

NOBODY = "-"
"""In place of project and environment where no app is met: what strangers ask for makes no series
of its own."""


class Traffic(Struct, frozen=True, kw_only=True):
    """What the proxy of a process works with."""

    routes: Routes
    upstream: Upstream
    withheld: Withheld = Withheld()
    apps_host: str = ""
    """Under which apps have names of their own. Empty: `localhost`, for who is at this machine;
    `none`: they have none."""
    is_claimed: IsClaimed | None = None
    """Which domains that lead here are answered for with their token; `None`: none is."""


def with_apps(application: ASGIApp, traffic: Traffic) -> ASGIApp:
    """Answers requests for apps by asking them. It belongs inside `with_forwarded`."""
    apps_hosts = frozenset({traffic.apps_host or LOOPBACK_APPS} - {NO_APPS_HOST})

    async def take(scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            place = place_of(scope, traffic.routes, apps_hosts)
            if place is not None:
                await _serve(traffic, place, scope, receive, send)
                return
            claimed = traffic.is_claimed
            if claimed is not None and await answer_challenge(scope, send, claimed):
                return
        await application(scope, receive, send)

    return take


async def _serve(traffic: Traffic, place: Place, scope: Any, receive: Receive, send: Send) -> None:
    outcome = "5xx"
    try:
        if (location := way_on(scope, place, traffic.apps_host)) is not None:
            outcome = "3xx"
            await send_on(send, location)
        elif scope["type"] == "http":
            outcome = await _exchange(traffic, place, scope, receive, send)
        else:
            outcome = await _connect(traffic, place, scope, receive, send)
    except Refusal as refusal:
        outcome = refusal.outcome
        await send_refusal(scope, send, refusal)
    except ClientLeft:
        outcome = "left"
    finally:
        route = place.route
        whose = (route.project_id, route.environment) if route else (NOBODY, NOBODY)
        APP_REQUESTS.labels(*whose, outcome).inc()


async def _exchange(
    traffic: Traffic, place: Place, scope: Any, receive: Receive, send: Send
) -> str:
    """Returns the outcome of a request. Raises `Refusal` and `ClientLeft`."""
    if is_part_of_our_page(scope, place):
        raise refusals.kept_from_our_pages()
    exchange = Exchange(scope, receive, send, upstream=traffic.upstream, withheld=traffic.withheld)
    try:
        await _try(traffic, place, exchange)
    except NotAnswered as error:
        if not exchange.may_try_again(error):
            raise refusals.failed(str(error)) from error
        try:
            await _try(traffic, place, exchange)
        except NotAnswered as again:
            raise refusals.failed(str(again)) from again
    return f"{(exchange.status or 500) // 100}xx"


async def _try(traffic: Traffic, place: Place, exchange: Exchange) -> None:
    await _make_sure(traffic.routes, place)
    # Looked up for each try: what failed may have been replaced meanwhile. Nothing is awaited
    # between the look-up and the count, so nobody takes an instance for drained in between.
    route = _routed(traffic.routes, place)
    try:
        with traffic.routes.flights.request(route):
            await exchange.run(place, route)
    except TooManyAtOnce:
        raise refusals.busy() from None


async def _connect(traffic: Traffic, place: Place, scope: Any, receive: Receive, send: Send) -> str:
    """Returns the outcome of a WebSocket that was opened. Raises `Refusal`."""
    socket = Socket(scope, receive, send, upstream=traffic.upstream, withheld=traffic.withheld)
    await _make_sure(traffic.routes, place)
    await socket.run(place, _routed(traffic.routes, place), traffic.routes.flights)
    return "1xx"


async def _make_sure(routes: Routes, place: Place) -> None:
    """Looks again where nothing serves: who was told that an app runs may ask it at once."""
    if _route_of(routes, place) is None:
        with suppress(Unavailable):
            await routes.look_again()


def _route_of(routes: Routes, place: Place) -> Route | None:
    return routes.of_host(place.host) if place.form == "domain" else routes.of_label(place.label)


def _routed(routes: Routes, place: Place) -> Route:
    """Returns who serves a place now. Raises `Refusal`."""
    route = _route_of(routes, place)
    if route is None:
        raise refusals.unrouted()
    if not route.port:
        raise refusals.portless()
    return route
