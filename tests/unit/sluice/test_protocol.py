"""One connection: its deadlines, what it may send ahead, and how it is closed.

The server's clock is set by the tests; no deadline is waited for.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import pytest
import uvicorn
import uvloop

from sluice.connections import Bounds
from sluice.listening import Server, bind
from tests.unit.sluice.places import free_port

pytestmark = pytest.mark.filterwarnings("ignore:.*event_loop_policy.*:DeprecationWarning")

BOUNDS = Bounds(
    head_s=30, body_s=40, answer_s=50, idle_s=60, least_bytes_per_s=1000, discarded_bytes=100_000
)
ASK = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
LARGE = 8 << 20
END_S = 5.0


@pytest.fixture(scope="module")
def event_loop_policy() -> Any:
    """The loop of our servers."""
    return uvloop.EventLoopPolicy()


class Running(NamedTuple):
    """A server whose clock is ours, and what its application has seen."""

    server: Server
    port: int
    seen: list[bytes]

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Returns a connection that the server has taken."""
        before = len(self.server.connections)
        pair = await asyncio.open_connection("127.0.0.1", self.port)
        await until(lambda: len(self.server.connections) > before)
        return pair

    def sweep(self, at_s: float) -> None:
        """Looks after the connections, so many seconds from now."""
        now = asyncio.get_running_loop().time()
        self.server.connections.sweep(now)
        self.server.connections.sweep(now + at_s)

    @property
    def open(self) -> int:
        """How many connections there are."""
        return len(self.server.connections)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(END_S):
        while not condition():  # noqa: ASYNC110 - the condition is another's state
            await asyncio.sleep(0.005)


async def end_of(reader: asyncio.StreamReader) -> bytes:
    """Returns all that comes until the end."""
    async with asyncio.timeout(END_S):
        return await reader.read()


@asynccontextmanager
async def running(bounds: Bounds = BOUNDS) -> AsyncIterator[Running]:
    seen: list[bytes] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/reject":
            await reply(send, 413, b"no")
            return
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body, more = body + message["body"], message["more_body"]
        seen.append(body)
        if scope["path"] == "/large":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            for _ in range(LARGE >> 16):
                await send(
                    {"type": "http.response.body", "body": bytes(1 << 16), "more_body": True}
                )
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            return
        await reply(send, 200, body)

    listener = bind("127.0.0.1", free_port())
    config = uvicorn.Config(app, lifespan="off", log_config=None)
    server = Server(config, bounds)
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup([listener])
    try:
        yield Running(server, listener.getsockname()[1], seen)
    finally:
        for connection in list(server.server_state.connections):
            connection.abort()
        await server.shutdown([listener])


async def reply(send: Any, status: int, body: bytes) -> None:
    length = str(len(body)).encode()
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [(b"content-length", length)],
        }
    )
    await send({"type": "http.response.body", "body": body})


class TestDeadlines:
    @pytest.mark.parametrize(
        ("sent", "within_s"),
        [
            pytest.param(b"", 30, id="nothing"),
            pytest.param(b"GET / HTTP/1.1\r\nX: ", 30, id="half-a-head"),
            pytest.param(ASK + b"GET /", 30, id="half-a-second-head"),
            pytest.param(ASK, 60, id="idle"),
            pytest.param(ASK + b"\r\n", 60, id="idle-with-blank-lines"),
        ],
    )
    async def test_what_does_not_come_in_time_is_not_waited_for(
        self, sent: bytes, within_s: int
    ) -> None:
        async with running() as server:
            reader, writer = await server.connect()
            writer.write(sent)
            if sent.startswith(ASK):
                await reader.readuntil(b"\r\n\r\n")
            await asyncio.sleep(0.02)
            server.sweep(within_s - 1)
            assert server.open == 1

            server.sweep(within_s + 1)

            await end_of(reader)
            await until(lambda: server.open == 0)
            writer.close()

    @pytest.mark.parametrize(("came_bytes", "within_s"), [(1, 41), (20_000, 61)])
    async def test_a_body_has_a_second_more_for_what_came_and_is_told_why(
        self, came_bytes: int, within_s: int
    ) -> None:
        async with running() as server:
            reader, writer = await server.connect()
            writer.write(POST % (b"/", 50_000) + b"x" * came_bytes)
            await until(lambda: connection_of(server)._reading.came_bytes >= came_bytes)
            server.sweep(within_s - 1)
            assert server.open == 1

            server.sweep(within_s + 1)
            writer.write_eof()

            answer = await end_of(reader)
            assert answer.startswith(b"HTTP/1.1 408 ")
            assert b"nosniff" in answer
            assert server.seen == []
            writer.close()

    async def test_an_answer_that_nobody_reads_is_cut_and_held_back_until_then(self) -> None:
        async with running() as server:
            reader, writer = await server.connect()
            writer.transport.pause_reading()
            writer.write(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
            await until(lambda: connection_of(server).flow.write_paused)
            held = connection_of(server)._staged._transport.get_write_buffer_size()
            server.sweep(49)
            assert server.open == 1

            server.sweep(LARGE // 1000 + 60)

            assert held <= 1 << 20
            await until(lambda: server.open == 0)
            writer.transport.abort()

    async def test_an_answer_that_is_read_is_whole(self) -> None:
        async with running() as server:
            reader, writer = await server.connect()
            writer.write(b"GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")

            assert len(await end_of(reader)) > LARGE
            writer.close()

    async def test_a_handler_that_takes_its_time_is_not_cut(self) -> None:
        async with running() as server:
            reader, writer = await server.connect()
            writer.write(POST % (b"/", 2) + b"hi")
            await reader.readuntil(b"hi")
            connection_of(server).cycle.response_complete = False

            server.sweep(10_000)

            assert server.open == 1
            writer.close()


class TestEnds:
    @pytest.mark.parametrize("version", [b"1.0", b"1.1"])
    async def test_a_rejection_reaches_a_sender_that_is_still_sending(self, version: bytes) -> None:
        async with running(Bounds()) as server:
            reader, writer = await server.connect()
            head = POST.replace(b"1.1", version) % (b"/reject", 4 << 20)
            writer.write(head.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
            for _ in range(64):
                writer.write(bytes(1 << 16))
                await writer.drain()

            assert (await end_of(reader)).startswith(b"HTTP/1.1 413 ")
            writer.close()

    async def test_a_connection_is_kept_when_the_rest_of_a_rejected_body_has_come(self) -> None:
        async with running() as server:
            reader, writer = await server.connect()
            writer.write(POST % (b"/reject", 90_000))
            await reader.readuntil(b"no")
            writer.write(b"x" * 90_000 + POST % (b"/", 2) + b"hi")

            assert (await reader.readuntil(b"hi")).startswith(b"HTTP/1.1 200 ")
            writer.close()

    @pytest.mark.parametrize("close", [b"", b"Connection: close\r\n"])
    async def test_what_comes_of_a_rejected_body_is_bounded(self, close: bytes) -> None:
        async with running() as server:
            _, writer = await server.connect()
            writer.write((POST % (b"/reject", 1 << 30)).replace(b"Host", close + b"Host"))

            with pytest.raises(ConnectionError):
                await send_without_end(writer)
            writer.close()

    async def test_who_sends_no_end_of_a_rejected_body_is_cut_soon(self) -> None:
        async with running() as server:
            reader, writer = await server.connect()
            writer.write((POST % (b"/reject", 9)).replace(b"Host", b"Connection: close\r\nHost"))
            await end_of(reader)

            server.sweep(6)

            await until(lambda: server.open == 0)
            writer.close()


class TestAhead:
    async def test_requests_may_be_sent_ahead(self) -> None:
        async with running() as server:
            reader, writer = await server.connect()
            writer.write(b"".join(POST % (b"/", 2) + b"%02d" % n for n in range(99)))

            for number in range(99):
                await reader.readuntil(b"\r\n\r\n%02d" % number)
            writer.close()

    async def test_not_any_number_of_them(self) -> None:
        async with running() as server:
            reader, writer = await server.connect()
            writer.write(ASK * 1000)

            answers = (await end_of(reader)).count(b"HTTP/1.1 200")

            assert answers <= BOUNDS.pipelined
            writer.close()

    async def test_bytes_that_are_no_request_do_not_break_into_an_answer(self) -> None:
        async with running() as server:
            reader, writer = await server.connect()
            writer.write(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\nnonsense\r\n\r\n")

            assert b"400" not in await end_of(reader)
            writer.close()

    async def test_a_head_in_very_small_pieces_is_rejected(self) -> None:
        async with running() as server:
            reader, writer = await server.connect()
            connection = connection_of(server)
            connection.data_received(b"GET / HTTP/1.1\r\nA: ")

            for _ in range(BOUNDS.head_bytes // 256):
                connection.data_received(b"x")

            writer.write_eof()
            assert (await end_of(reader)).startswith(b"HTTP/1.1 431 ")
            writer.close()


class TestUpgrade:
    @pytest.mark.parametrize("protocol", [b"websocket", b"h2c"])
    async def test_no_other_protocol_is_spoken_and_the_request_answered(
        self, protocol: bytes
    ) -> None:
        async with running() as server:
            reader, writer = await server.connect()
            offer = b"Connection: Upgrade\r\nUpgrade: %s\r\nHost" % protocol
            writer.write(ASK.replace(b"Host", offer) + POST % (b"/", 2) + b"hi")

            answers = await reader.readuntil(b"hi")

            assert answers.count(b"HTTP/1.1 200") == 2
            writer.close()

    async def test_the_body_behind_such_an_offer_is_no_request(self) -> None:
        inner = ASK.replace(b"/ ", b"/smuggled ")
        async with running() as server:
            reader, writer = await server.connect()
            offer = b"Connection: Upgrade\r\nUpgrade: h2c\r\nHost"
            writer.write((POST % (b"/", len(inner))).replace(b"Host", offer))
            writer.write(inner)
            writer.write(POST % (b"/", 2) + b"hi")

            answers = await reader.readuntil(b"\r\n\r\nhi")

            assert server.seen == [inner, b"hi"]
            assert answers.count(b"HTTP/1.1 200") == 2
            writer.close()

    async def test_connect_is_rejected(self) -> None:
        async with running() as server:
            reader, writer = await server.connect()
            writer.write(b"CONNECT other:443 HTTP/1.1\r\nHost: other\r\n\r\n")
            writer.write_eof()

            assert (await end_of(reader)).startswith(b"HTTP/1.1 400 ")
            writer.close()


async def send_without_end(writer: asyncio.StreamWriter) -> None:
    for _ in range(1000):
        writer.write(bytes(1 << 16))
        await writer.drain()
        await asyncio.sleep(0)


def connection_of(server: Running) -> Any:
    """Returns the only connection."""
    (connection,) = server.server.server_state.connections
    return connection
