"""The proxy of `bench_switch`, in a process of its own.

It says on which port it listens. Then it reads `put PORT NAME` and `drain NAME` from its input, and
answers each with a line.
"""

import asyncio
import socket
import sys
from collections.abc import Sequence
from typing import Any

import uvloop

from api.deploys.proxy.flights import Flights
from api.deploys.proxy.routes import Routes
from api.deploys.proxy.traffic import Traffic, with_apps
from api.deploys.proxy.upstream import Clocks, Upstream
from schemas.deploys.routing import PRODUCTION, Route
from sluice.connections import Bounds
from sluice.forwarded import with_forwarded
from sluice.listening import Server, config_of

PROJECT = "3f2b8c1e-0d4a-4f6b-9a77-5c1d2e3f4a5b"
DRAIN_S = 30.0


async def run_proxy() -> None:
    """Serves the proxy as `sluice up` does, until its input ends."""
    table: list[Route] = []

    async def source() -> Sequence[Route]:
        return list(table)

    routes = Routes(source, Flights())
    upstream = Upstream(Clocks())
    application: Any = with_forwarded(
        with_apps(_nothing, Traffic(routes=routes, upstream=upstream)), ()
    )
    listener = socket.create_server(("127.0.0.1", 0))
    server = Server(config_of(application, proxies=(), graceful_s=1), Bounds())
    serving = await server.begin(listener)
    print(listener.getsockname()[1], flush=True)
    commands = await _standard_input()
    while line := (await commands.readline()).decode().split():
        match line:
            case ["put", port, name]:
                table[:] = [_route(int(port), name)]
                await routes.refresh()
                print("done", flush=True)
            case ["drain", name]:
                print(await routes.drain(name, DRAIN_S), flush=True)
    server.should_exit = True
    await serving
    await upstream.close()


def _route(port: int, name: str) -> Route:
    return Route(
        project_id=PROJECT,
        environment=PRODUCTION,
        hosts=(),
        address="127.0.0.1",
        port=port,
        instance_id=name,
    )


async def _nothing(_: Any, __: Any, ___: Any) -> None:
    """Stands for Sluice's own routes, which nobody asks for here."""


async def _standard_input() -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
    return reader


if __name__ == "__main__":
    uvloop.run(run_proxy())
