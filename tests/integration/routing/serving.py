"""The proxy as `sluice up` has it: behind our server, before routes of Sluice's own."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from api.deploys.proxy.challenges import IsClaimed
from api.deploys.proxy.flights import Flights
from api.deploys.proxy.routes import Routes
from api.deploys.proxy.traffic import Traffic, with_apps
from api.deploys.proxy.upstream import Clocks, Listening, Upstream
from api.deploys.proxy.withheld import Withheld
from api.headers import with_headers
from schemas.deploys.routing import PRODUCTION, Owner, Route
from sluice.connections import Bounds
from sluice.forwarded import with_forwarded
from sluice.listening import Server, config_of

PROJECT = "3f2b8c1e-0d4a-4f6b-9a77-5c1d2e3f4a5b"
OTHER_PROJECT = "99999999-0d4a-4f6b-9a77-5c1d2e3f4a5b"
DOMAIN = "shop.example.com"
OWN_HOST = "sluice.example.com"
WAIT_S = 10.0
OWN_SESSION = "signed-by-sluice"


def route(
    port: int,
    instance: str = "one",
    *,
    project: str = PROJECT,
    environment: str = PRODUCTION,
    hosts: Sequence[str] = (DOMAIN,),
    owner: Owner | None = None,
) -> Route:
    return Route(
        project_id=project,
        environment=environment,
        hosts=tuple(hosts),
        address="127.0.0.1",
        port=port,
        instance_id=instance,
        owner=owner,
    )


async def sluice(scope: Any, receive: Any, send: Any) -> None:
    """Stands for Sluice's own routes: says what it was asked for."""
    text = f"sluice {scope['path']}".encode()
    headers = [(b"content-type", b"text/html"), (b"content-length", b"%d" % len(text))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": text, "more_body": False})


class Proxy:
    """A proxy under test: its table is what `table` holds at a `refresh`."""

    def __init__(self, *, flights: Flights) -> None:
        self.table: list[Route] = []
        self.routes = Routes(self._read, flights, own_hosts=frozenset({OWN_HOST}))
        self.port = 0

    async def put(self, *routes: Route) -> None:
        self.table = list(routes)
        await self.routes.refresh()

    async def _read(self) -> Sequence[Route]:
        await asyncio.sleep(0)
        return list(self.table)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@asynccontextmanager
async def proxy(
    *,
    clocks: Clocks = Clocks(),  # noqa: B008 - frozen
    apps_host: str = "",
    trusted: Sequence[str] = (),
    flights: Flights | None = None,
    own: Any = sluice,
    is_claimed: IsClaimed | None = None,
    listening: Listening | None = None,
) -> AsyncIterator[Proxy]:
    """Serves a proxy on a free port for as long as it is asked for."""
    served = Proxy(flights=flights or Flights())
    upstream = Upstream(clocks, listening)
    withheld = Withheld(
        is_own_session=lambda value: value == OWN_SESSION,
        is_own_token=lambda token: token == "signed.by.sluice",
    )
    traffic = Traffic(
        routes=served.routes,
        upstream=upstream,
        withheld=withheld,
        apps_host=apps_host,
        is_claimed=is_claimed,
    )
    application: Any = with_forwarded(with_apps(with_headers(own), traffic), trusted)
    async with serving(application) as port:
        served.port = port
        yield served
    await upstream.close()


@asynccontextmanager
async def serving(application: Any) -> AsyncIterator[int]:
    """Serves an application on a free port, which it yields, as Sluice's own processes do."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Server(config_of(application, proxies=(), graceful_s=1), Bounds())
        task = asyncio.create_task(server.serve(sockets=[listener]))
        port = listener.getsockname()[1]
        await server.ready.wait()
        try:
            yield port
        finally:
            server.should_exit = True
            await task


async def until(holds: Callable[[], object]) -> None:
    """Waits until something holds that nobody tells of."""
    async with asyncio.timeout(WAIT_S):
        while not holds():  # noqa: ASYNC110 - as it is
            await asyncio.sleep(0.01)


async def settled(bytes_so_far: Callable[[], int]) -> None:
    """Waits until bytes have passed, and then for a time in which many more could."""
    async with asyncio.timeout(WAIT_S):
        last = 0
        while not last or last != bytes_so_far():
            last = bytes_so_far()
            await asyncio.sleep(0.3)
