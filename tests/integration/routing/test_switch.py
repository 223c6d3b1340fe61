"""A new instance takes over: nobody's request fails, and the old one is stopped when it is idle."""

import asyncio
from collections.abc import Sequence

import aiohttp
import pytest

from api.deploys.proxy.flights import Flights
from api.deploys.proxy.routes import Routes
from schemas.deploys.routing import Route
from tests.integration.routing.apps import App, app
from tests.integration.routing.serving import DOMAIN, PROJECT, WAIT_S, Proxy, route, until

SWITCHES = 20
CLIENTS = 8
PATH = f"/app/{PROJECT}"


class Load:
    """Clients that keep their connections and ask without a pause, until told to stop."""

    def __init__(self, served: Proxy) -> None:
        self._served = served
        self.is_over = False
        self.answers: list[str] = []
        self.failures: list[str] = []

    async def ask(self, number: int) -> None:
        async with aiohttp.ClientSession() as client:
            while not self.is_over:
                method, body = ("POST", b"x" * 2000) if number % 2 else ("GET", None)
                try:
                    async with client.request(
                        method, f"{self._served.url}{PATH}/x", data=body
                    ) as answer:
                        told = await answer.json(content_type=None)
                        if answer.status == 200:
                            self.answers.append(told["app"])
                        else:
                            self.failures.append(f"{method} {answer.status} {told}")
                except (aiohttp.ClientError, OSError) as error:
                    self.failures.append(f"{method} {error!r}")


class TestSwitchOvers:
    async def test_twenty_of_them_under_load_fail_no_request(self, before: Proxy) -> None:
        """Old instances are closed hard once they are drained, as a runner does it."""
        load = Load(before)
        asking = [asyncio.ensure_future(load.ask(number)) for number in range(CLIENTS)]
        serving = None
        for number in range(SWITCHES):
            name = f"instance {number}"
            starting = app(name)
            started = await starting.__aenter__()
            await before.put(route(started.port, name))
            if serving is not None:
                old, closing = serving
                assert await before.routes.drain(old, WAIT_S) == 0
                await closing.__aexit__(None, None, None)
            await until(lambda name=name: load.answers[-1:] == [name])
            serving = (name, starting)
        load.is_over = True
        await asyncio.gather(*asking)
        assert serving is not None
        await serving[1].__aexit__(None, None, None)

        assert load.failures == []
        assert {f"instance {number}" for number in range(SWITCHES)} <= set(load.answers)

    async def test_a_request_that_is_under_way_is_answered_by_the_old_one(
        self, before: Proxy, one: App, client: aiohttp.ClientSession
    ) -> None:
        waiting = asyncio.ensure_future(client.get(f"{before.url}{PATH}/slow"))
        await until(lambda: one.asked)
        async with app("two") as two:
            await before.put(route(two.port, "two"))
            draining = asyncio.ensure_future(before.routes.drain("one", WAIT_S))
            async with client.get(f"{before.url}{PATH}/x") as answer:
                assert (await answer.json(content_type=None))["app"] == "two"
            assert not draining.done()
            one.go_on.set()

            assert await draining == 0
            async with await waiting as answer:
                assert await answer.text() == "one"

    async def test_one_that_does_not_end_is_not_waited_for_for_ever(
        self, before: Proxy, one: App, client: aiohttp.ClientSession
    ) -> None:
        async with client.get(f"{before.url}{PATH}/events"):
            await before.put()

            assert await before.routes.drain("one", 0.1) == 1
            assert before.routes.flights.requests_of("one") == 1

    async def test_an_instance_that_nobody_asked_is_drained_at_once(self, before: Proxy) -> None:
        assert await before.routes.drain("one", WAIT_S) == 0


class Source:
    """Routes as a control plane has them: a read takes until `go_on`, and sees what was then."""

    def __init__(self) -> None:
        self.routes: list[Route] = []
        self.reads = 0
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.error: Exception | None = None

    async def read(self) -> Sequence[Route]:
        self.reads += 1
        seen = list(self.routes)
        await self.go_on.wait()
        if self.error is not None:
            raise self.error
        return seen


async def test_an_app_that_serves_since_a_moment_ago_answers(before: Proxy) -> None:
    """Who was told that it runs asks at once, and may be sooner than the table."""
    async with app("one") as started, aiohttp.ClientSession() as client:
        before.table = [route(started.port, "one")]

        async with client.get(f"{before.url}{PATH}/x") as answer:
            assert answer.status == 200


class TestRoutes:
    async def test_its_version_rises_when_it_changes_and_only_then(self) -> None:
        source = Source()
        routes = Routes(source.read, Flights())
        assert await routes.refresh() == 0
        source.routes = [route(1, "one")]

        assert await routes.refresh() == 1
        assert await routes.refresh() == 1
        source.routes = [route(2, "two")]
        assert await routes.refresh() == 2
        assert routes.instance_ids == {"two"}

    async def test_a_refresh_has_what_was_committed_before_it(self) -> None:
        """The read that is under way began too early; a second one serves all who wait."""
        source = Source()
        routes = Routes(source.read, Flights())
        source.go_on.clear()
        early = asyncio.ensure_future(routes.refresh())
        await until(lambda: source.reads == 1)
        source.routes = [route(1, "one")]
        late = [asyncio.ensure_future(routes.refresh()) for _ in range(5)]
        await asyncio.sleep(0)
        source.go_on.set()

        assert await early == 0
        assert [await one for one in late] == [1] * 5
        assert source.reads == 2

    async def test_who_finds_no_route_looks_again_together_with_others(self) -> None:
        source = Source()
        routes = Routes(source.read, Flights())
        await routes.refresh()
        source.routes = [route(1, "one")]

        await asyncio.gather(*(routes.look_again() for _ in range(50)))

        assert routes.instance_ids == {"one"}
        assert source.reads == 3, "one before, the first, and one for all who came during that"

    async def test_what_cannot_be_read_leaves_it_as_it_was(self) -> None:
        source = Source()
        source.routes = [route(1, "one")]
        routes = Routes(source.read, Flights())
        await routes.refresh()
        source.error = OSError("the database is away")

        with pytest.raises(OSError, match="away"):
            await routes.refresh()
        assert routes.instance_ids == {"one"}
        source.error = None
        source.routes = []
        assert await routes.refresh() == 2

    async def test_hosts_are_compared_in_their_plain_form(self) -> None:
        source = Source()
        source.routes = [route(1, "one", hosts=("MÜNCHEN.example.", DOMAIN, "no host"))]
        routes = Routes(source.read, Flights())
        await routes.refresh()

        assert routes.of_host("xn--mnchen-3ya.example") is not None
        assert routes.of_host("no host") is None
