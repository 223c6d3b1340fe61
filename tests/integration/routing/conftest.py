"""A proxy and an app behind it, for the tests that need no other."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.integration.routing.apps import App, app
from tests.integration.routing.serving import Proxy, proxy, route


@pytest.fixture
async def one() -> AsyncIterator[App]:
    async with app("one") as served:
        yield served


@pytest.fixture
async def before(one: App) -> AsyncIterator[Proxy]:
    """The proxy, with a route to `one`."""
    async with proxy() as served:
        await served.put(route(one.port))
        yield served


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    """Sends what a test says and nothing by itself."""
    async with aiohttp.ClientSession(
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
    ) as session:
        yield session
