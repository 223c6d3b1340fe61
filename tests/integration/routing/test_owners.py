"""A request goes to the app that its route names, and to nobody who has its port meanwhile."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import aiohttp
import pytest

from schemas.deploys.routing import Owner
from tests.integration.routing.apps import App
from tests.integration.routing.serving import PROJECT, Proxy, proxy, route

OWNER = Owner(1, "now", "here")
OWN, OTHERS, NOBODY = frozenset({7}), None, frozenset[int]()
PATH = f"/app/{PROJECT}"
Open = Callable[[aiohttp.ClientSession, str], Awaitable[int]]


@asynccontextmanager
async def before(one: App, told: Sequence[frozenset[int] | None]) -> AsyncIterator[Proxy]:
    """Serves a proxy that is told in turn who listens, and at the end again and again the last."""
    answers = list(told)

    async def listening(owner: Owner, port: int) -> frozenset[int] | None:
        assert (owner, port) == (OWNER, one.port)
        return answers.pop(0) if len(answers) > 1 else answers[0]

    async with proxy(listening=listening) as served:
        await served.put(route(one.port, owner=OWNER))
        yield served


async def get(client: aiohttp.ClientSession, url: str) -> int:
    async with client.get(url) as answer:
        return answer.status


async def post(client: aiohttp.ClientSession, url: str) -> int:
    async with client.post(url, data=b"secret") as answer:
        return answer.status


async def dial(client: aiohttp.ClientSession, url: str) -> int:
    try:
        async with client.ws_connect(url):
            return 101
    except aiohttp.WSServerHandshakeError as error:
        return error.status


EACH = pytest.mark.parametrize("open_", [get, post, dial])


@EACH
@pytest.mark.parametrize(
    "told",
    [
        [OTHERS],
        [OWN, OTHERS],
        [NOBODY, NOBODY, NOBODY],
        [OWN, frozenset({8}), frozenset({8}), frozenset({9})],
    ],
    ids=["before", "since", "not any more", "others in between"],
)
async def test_another_program_hears_nothing_of_a_request(
    one: App, client: aiohttp.ClientSession, open_: Open, told: Sequence[frozenset[int] | None]
) -> None:
    async with before(one, told) as served:
        status = await open_(client, f"{served.url}{PATH}/socket")

    assert status == 502
    assert one.asked == []


@EACH
async def test_the_app_itself_hears_it(
    one: App, client: aiohttp.ClientSession, open_: Open
) -> None:
    async with before(one, [OWN]) as served:
        await open_(client, f"{served.url}{PATH}/socket")

    assert len(one.asked) == 1


async def test_a_request_that_came_while_it_began_to_listen_is_sent_once_more(
    one: App, client: aiohttp.ClientSession
) -> None:
    async with before(one, [NOBODY, OWN, OWN]) as served:
        assert await post(client, f"{served.url}{PATH}/x") == 200

    assert len(one.asked) == 1
