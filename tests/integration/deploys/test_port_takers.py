"""An app has ended, and another program has taken its port: whose requests does it get?"""

import os
import signal
import socket

import pytest
from multidict import CIMultiDict

from api.deploys.proxy.upstream import Ask, Clocks, NotAnswered, Upstream, url_of
from controlplane.deploys.instances import list_instances
from controlplane.deploys.routing import list_routes
from deploys.apps import instance_in
from deploys.listeners import Listeners
from deploys.supervision.orders import read_state
from tests.integration.deploys.running import World, until


@pytest.fixture
def url(migrated_url: str) -> str:
    return migrated_url


async def test_it_gets_none_and_the_app_gets_them_again_once_it_is_back(world: World) -> None:
    world.settings = {"backoff_first_s": 2.0, "max_restarts": 10}
    upstream = Upstream(Clocks(), Listeners().of)
    async with world.deployer():
        await world.deploy()
        (route,) = await list_routes(world.database)
        (serving,) = await list_instances(world.database, "here", ("serving",))
        assert route.owner is not None
        ask = Ask(
            method="GET",
            url=url_of(route, b"/", b""),
            owner=route.owner,
            fields=CIMultiDict({"Host": "shop.example.com"}),
        )
        assert await (await upstream.ask(ask, "fresh")).text() == "first"

        state = read_state(instance_in(serving.details).folder)
        assert state is not None
        os.kill(state.app_pid, signal.SIGKILL)
        with await until(lambda: taken(route.port)) as other:
            for connection in ("kept", "fresh"):
                with pytest.raises(NotAnswered, match="another program has its port"):
                    await upstream.ask(ask, connection)
            other.setblocking(False)
            with pytest.raises(BlockingIOError):
                other.accept()

        assert await until(lambda: answered(upstream, ask)) == "first"
    await upstream.close()


def taken(port: int) -> socket.socket | None:
    try:
        return socket.create_server(("127.0.0.1", port))
    except OSError:
        return None


async def answered(upstream: Upstream, ask: Ask) -> str | None:
    try:
        return await (await upstream.ask(ask, "fresh")).text()
    except NotAnswered:
        return None
