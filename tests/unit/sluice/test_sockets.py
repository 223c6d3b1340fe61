"""WebSockets of our server, as the client `websockets` speaks them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import pytest
import uvicorn
import uvloop
from uvicorn.protocols.utils import ClientDisconnected
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Frame, Opcode

from schemas.connections import AUTHENTICATED, FRAMES
from sluice.connections import Bounds, Rank
from sluice.listening import Server, bind
from tests.unit.sluice.places import free_port

pytestmark = pytest.mark.filterwarnings("ignore:.*event_loop_policy.*:DeprecationWarning")

Talk = Callable[[Any, Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]], Any]


@pytest.fixture(scope="module")
def event_loop_policy() -> Any:
    """The loop of our servers."""
    return uvloop.EventLoopPolicy()


class Running(NamedTuple):
    """A server, and where it is."""

    server: Server
    port: int

    @property
    def url(self) -> str:
        """Of a WebSocket."""
        return f"ws://127.0.0.1:{self.port}/talk?token=secret"


@asynccontextmanager
async def running(talk: Talk, bounds: Bounds | None = None) -> AsyncIterator[Running]:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            assert (await receive())["type"] == "websocket.connect"
            await talk(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": scope["path"].encode()})

    listener = bind("127.0.0.1", free_port())
    config = uvicorn.Config(app, lifespan="off", log_config=None)
    server = Server(config, bounds or Bounds())
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup([listener])
    try:
        yield Running(server, listener.getsockname()[1])
    finally:
        await server.shutdown([listener])


async def echo(scope: Any, receive: Any, send: Any) -> None:
    scope["state"][AUTHENTICATED] = True
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message["text"]})


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - the condition is another's state
            await asyncio.sleep(0.005)


async def test_messages_go_both_ways_and_the_query_is_passed_on() -> None:
    seen = []

    async def talk(scope: Any, receive: Any, send: Any) -> None:
        seen.append((scope["path"], scope["query_string"]))
        await echo(scope, receive, send)

    async with running(talk) as one, connect(one.url, proxy=None) as client:
        await client.send("hello")

        assert await client.recv() == "hello"
        assert seen == [("/talk", b"token=secret")]


async def test_what_the_client_sends_with_its_request_is_read() -> None:
    frame = b"\x81\x82\0\0\0\0hi"  # masked with zeros
    head = (
        b"GET /talk HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    async with running(echo) as one:
        reader, writer = await asyncio.open_connection("127.0.0.1", one.port)
        writer.write(b"GET /before HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await reader.readuntil(b"0\r\n\r\n")).startswith(b"HTTP/1.1 200")
        writer.write(head + frame)

        answer = await reader.readuntil(b"\x81\x02hi")

        assert answer.startswith(b"HTTP/1.1 101 ")
        assert b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in answer
        writer.close()


async def test_an_answer_before_the_upgrade_has_its_status_and_body() -> None:
    async def deny(_: Any, __: Any, send: Any) -> None:
        await send({"type": "websocket.http.response.start", "status": 401, "headers": []})
        await send({"type": "websocket.http.response.body", "body": b"who are you"})

    async with running(deny) as one:
        with pytest.raises(InvalidStatus) as raised:
            async with connect(one.url, proxy=None):
                pass

    assert raised.value.response.status_code == 401
    assert raised.value.response.body == b"who are you"


async def test_it_has_the_place_of_the_connection_that_it_began_as_and_gives_it_back() -> None:
    async with running(echo) as one:
        async with connect(one.url, proxy=None) as client:
            await client.send("hello")
            await client.recv()

            (place,) = one.server.connections._places
            assert place.rank() is Rank.BUSY

        await until(lambda: len(one.server.connections) == 0)


async def test_one_of_nobody_known_goes_first() -> None:
    async def open_to_all(_: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})
        await receive()

    only_one = Bounds(connections=1)
    async with running(open_to_all, only_one) as one, connect(one.url, proxy=None) as client:
        _, writer = await asyncio.open_connection("127.0.0.1", one.port)

        with pytest.raises(ConnectionClosed):
            await client.recv()
        writer.close()


async def test_a_client_that_does_not_read_holds_the_sender_up() -> None:
    sent = 0

    async def flood(scope: Any, _: Any, send: Any) -> None:
        nonlocal sent
        scope["state"][AUTHENTICATED] = True
        await send({"type": "websocket.accept"})
        while True:
            await send({"type": "websocket.send", "text": "x" * 10_000})
            sent += 1

    async with running(flood) as one, connect(one.url, proxy=None, max_queue=1) as client:
        await until(lambda: sent > 10)
        (place,) = one.server.connections._places
        await until(lambda: place.rank() is Rank.WAITED_FOR)
        before = sent
        await asyncio.sleep(0)

        assert sent == before < 5_000
        client.transport.abort()


async def test_a_message_that_is_too_long_closes_it() -> None:
    async with running(echo) as one, connect(one.url, proxy=None) as client:
        await client.send("x" * (2 << 20))

        with pytest.raises(ConnectionClosed) as raised:
            await client.recv()

    assert raised.value.rcvd is not None
    assert raised.value.rcvd.code == 1009


async def test_the_end_of_the_server_closes_it() -> None:
    async with running(echo) as one:
        client = await connect(one.url, proxy=None)
    with pytest.raises(ConnectionClosed) as raised:
        await client.recv()

    assert raised.value.rcvd is not None
    assert raised.value.rcvd.code == 1012


async def test_no_log_line_has_the_query(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    async with running(echo) as one, connect(one.url, proxy=None) as client:
        await client.send("hello")
        await client.recv()

    ours = [record for record in caplog.records if not record.name.startswith("websockets.client")]
    assert not any("secret" in record.getMessage() for record in ours)


async def test_frames_that_were_written_once_are_sent_as_they_are() -> None:
    frames = [Frame(Opcode.TEXT, text.encode()) for text in ("one", "two " * 100, "three" * 20_000)]
    told: list[Any] = []

    async def talk(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})
        assert FRAMES in scope["extensions"]
        await send({"type": "websocket.send", "text": "zero"})
        body = b"".join(frame.serialize(mask=False) for frame in frames)
        await send({"type": FRAMES, "body": body})
        await send({"type": "websocket.send", "text": "last"})
        told.append(await receive())
        with pytest.raises(ClientDisconnected):
            await send({"type": FRAMES, "body": body})

    async with running(talk) as server, connect(server.url, proxy=None) as client:
        got = [await client.recv() for _ in range(5)]
        await client.close()
        async with asyncio.timeout(5):
            while not told:  # noqa: ASYNC110 - the condition is another's state
                await asyncio.sleep(0.01)

    assert got == ["zero", "one", "two " * 100, "three" * 20_000, "last"]
