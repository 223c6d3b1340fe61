"""A server whose logs are followed by the client `websockets`, and what a test asks of both."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from litestar import Litestar, Router
from litestar.datastructures import State
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from api.deploys.feeds import Feed, Feeds
from api.deploys.following import stream_lines
from clickhouse.client import QueryResult, Warehouse
from clickhouse.failures import WarehouseUnavailable
from deploys.lines.masking import Masker
from deploys.lines.sending import sender
from deploys.lines.writing import LineWriter, Log
from eventlog.sqlite_log import SqliteLog
from eventlog.tail import Tail
from sluice.connections import Bounds
from sluice.listening import Server, bind, config_of
from tests.integration.deploys.logs.hosts import TOKEN, Host
from tests.unit.sluice.places import free_port

WAIT_S = 20


class CountedStore:
    """The store, and how often it was asked; away for as long as the test says."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self.pages = 0
        self.is_away = False
        self.held = asyncio.Event()
        """Cleared, no question is answered."""
        self.held.set()

    async def query(self, sql: str, *arguments: Any, **settings: Any) -> QueryResult:
        if self.is_away:
            raise WarehouseUnavailable("away")
        self.pages += "max(seq)" not in sql
        await self.held.wait()
        return await self._warehouse.query(sql, *arguments, **settings)


class Followed:
    """A server whose deployments may be followed, and the log that they print into."""

    def __init__(self, warehouse: Warehouse, host: Host, event_log: SqliteLog) -> None:
        self.store = CountedStore(warehouse)
        self.host, self.event_log = host, event_log
        self.port = free_port()

    @asynccontextmanager
    async def serving(self, tail: Tail | None) -> AsyncIterator[None]:
        self.feeds = Feeds(tail)
        state = {
            "warehouse": self.store,
            "deploy_reader": self.host,
            "deploy_feeds": self.feeds,
            "allowed_origins": frozenset({"https://ui.example.com"}),
        }
        app = Litestar([Router("/api/v1", route_handlers=[stream_lines])], state=State(state))
        listener = bind("127.0.0.1", self.port)
        config = config_of(app, proxies=[], graceful_s=1)
        server = Server(config, Bounds(connections=2_000, connections_per_address=2_000))
        config.load()
        server.lifespan = config.lifespan_class(config)
        await server.startup([listener])
        try:
            yield
        finally:
            await server.shutdown([listener])

    def follow(self, deployment_id: str, query: str = f"token={TOKEN}", **more: Any) -> connect:
        url = f"ws://127.0.0.1:{self.port}/api/v1/logs/{deployment_id}/stream?{query}"
        return connect(url, proxy=None, **more)

    def writer(self, deployment_id: str, first_seq: int = 1) -> LineWriter:
        of = Log(self.host.project.project_id, deployment_id, first_seq)
        return LineWriter(of, Masker([]), send=sender(self.event_log))

    async def status(self, deployment_id: str, *arguments: Any, **more: Any) -> tuple[int, str]:
        """Returns what is answered in place of the upgrade."""
        with pytest.raises(InvalidStatus) as raised:
            async with self.follow(deployment_id, *arguments, **more):
                pass
        response = raised.value.response
        return response.status_code, json.loads(response.body or b"")["error"]


async def next_of(client: ClientConnection) -> dict[str, Any]:
    async with asyncio.timeout(WAIT_S):
        told: dict[str, Any] = json.loads(await client.recv())
        return told


async def seqs(client: ClientConnection, count: int) -> list[int]:
    return [(await next_of(client))["seq"] for _ in range(count)]


async def rest(client: ClientConnection) -> list[dict[str, Any]]:
    """Returns all messages until the close, which must be the usual one."""
    found = []
    async with asyncio.timeout(WAIT_S):
        async for message in client:
            found.append(json.loads(message))
    assert client.close_code == 1000
    return found


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not condition():  # noqa: ASYNC110 - the condition is another's state
            await asyncio.sleep(0.005)


def only_feed(followed: Followed) -> Feed:
    (one,) = followed.feeds._followed.values()
    return one.feed
