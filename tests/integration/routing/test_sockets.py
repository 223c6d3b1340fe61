"""WebSockets of apps: both ways, how they end, and what an app may not do with them."""

import asyncio
from typing import Any

import aiohttp
import pytest
from aiohttp import WSMsgType

from api.deploys.proxy.flights import Flights
from api.deploys.proxy.upstream import Clocks
from tests.integration.routing.apps import App, raw_app
from tests.integration.routing.serving import (
    DOMAIN,
    OWN_SESSION,
    PROJECT,
    WAIT_S,
    Proxy,
    proxy,
    route,
    settled,
    until,
)

PATH = f"/app/{PROJECT}/ws"
PIECE = b"x" * (256 << 10)
MOST_ON_THE_WAY = 40 << 20
"""Of bytes that nobody reads: the kernel alone has up to 10 MB for each of two connections."""


async def open_socket(
    client: aiohttp.ClientSession, served: Proxy, path: str = PATH, **options: Any
) -> aiohttp.ClientWebSocketResponse:
    async with asyncio.timeout(WAIT_S):
        return await client.ws_connect(f"{served.url}{path}", **options)


class TestMessages:
    @pytest.mark.parametrize(("path", "host"), [(PATH, "127.0.0.1"), ("/ws", DOMAIN)])
    async def test_they_pass_both_ways(
        self, before: Proxy, client: aiohttp.ClientSession, path: str, host: str
    ) -> None:
        async with await open_socket(client, before, path, headers={"Host": host}) as socket:
            await socket.send_str("grüße")
            await socket.send_bytes(b"\x00\x01\xff")

            assert await socket.receive_str(timeout=WAIT_S) == "GRÜSSE"
            assert await socket.receive_bytes(timeout=WAIT_S) == b"\xff\x01\x00"

    async def test_large_ones_pass_as_a_whole(
        self, before: Proxy, client: aiohttp.ClientSession
    ) -> None:
        large = b"x" * (1 << 20)
        async with await open_socket(client, before) as socket:
            await socket.send_bytes(large)

            assert await socket.receive_bytes(timeout=WAIT_S) == large

    async def test_a_subprotocol_is_chosen_by_the_app(
        self, before: Proxy, client: aiohttp.ClientSession
    ) -> None:
        protocols = ("chat.v1", "chat.v2")
        async with await open_socket(client, before, protocols=protocols) as socket:
            assert socket.protocol == "chat.v2"

    async def test_the_handshake_has_nothing_of_sluice(
        self, before: Proxy, one: App, client: aiohttp.ClientSession
    ) -> None:
        fields = {
            "Cookie": f"a=1; better-auth.session_token={OWN_SESSION}",
            "Authorization": "Bearer pulse_sk_1",
            "Origin": "https://page.example.com",
            "X-Forwarded-For": "6.6.6.6",
        }
        async with await open_socket(client, before, headers=fields):
            pass

        assert one.fields["Cookie"] == "a=1"
        assert "Authorization" not in one.fields
        assert one.fields["Origin"] == "https://page.example.com"
        assert one.fields["X-Forwarded-For"] == "127.0.0.1"
        assert one.fields["X-Forwarded-Proto"] == "http"


class TestEnds:
    async def test_the_app_closes(self, before: Proxy, client: aiohttp.ClientSession) -> None:
        async with await open_socket(client, before) as socket:
            await socket.send_str("bye")
            message = await socket.receive(timeout=WAIT_S)

        assert (message.type, message.data, message.extra) == (
            WSMsgType.CLOSE,
            4321,
            "as you wish",
        )

    async def test_the_client_closes(
        self, before: Proxy, one: App, client: aiohttp.ClientSession
    ) -> None:
        socket = await open_socket(client, before)
        await socket.close(code=4001, message=b"enough")
        async with asyncio.timeout(WAIT_S):
            await one.left.wait()

        assert one.close_code == 4001
        await until(lambda: before.routes.flights.sockets_of("one") == 0)

    async def test_the_client_is_gone(
        self, before: Proxy, one: App, client: aiohttp.ClientSession
    ) -> None:
        socket = await open_socket(client, before)
        transport = socket.get_extra_info("socket")
        assert transport is not None
        transport.shutdown(2)

        async with asyncio.timeout(WAIT_S):
            await one.left.wait()

    async def test_the_app_is_gone(self, before: Proxy, client: aiohttp.ClientSession) -> None:
        async with await open_socket(client, before) as socket:
            await socket.send_str("die")
            message = await socket.receive(timeout=WAIT_S)

        assert (message.type, message.data) == (WSMsgType.CLOSE, 1014)

    async def test_the_app_is_replaced(
        self, before: Proxy, one: App, client: aiohttp.ClientSession
    ) -> None:
        async with await open_socket(client, before) as socket:
            await socket.send_str("hello")
            await socket.receive_str(timeout=WAIT_S)
            await before.put()

            assert await before.routes.drain("one", WAIT_S) == 0
            message = await socket.receive(timeout=WAIT_S)

        assert (message.type, message.data) == (WSMsgType.CLOSE, 1012)
        async with asyncio.timeout(WAIT_S):
            await one.left.wait()

    async def test_the_client_sends_more_than_one_message_may_hold(
        self, before: Proxy, one: App, client: aiohttp.ClientSession
    ) -> None:
        async with await open_socket(client, before) as socket:
            await socket.send_bytes(b"x" * (2 << 20))
            message = await socket.receive(timeout=WAIT_S)

        assert (message.type, message.data) == (WSMsgType.CLOSE, 1009)
        async with asyncio.timeout(WAIT_S):
            await one.left.wait()


class TestBackpressure:
    async def test_an_app_that_does_not_read_holds_its_sender_up(
        self, before: Proxy, one: App, client: aiohttp.ClientSession
    ) -> None:
        sent = 0

        async def send(socket: aiohttp.ClientWebSocketResponse) -> None:
            nonlocal sent
            for _ in range(400):
                await socket.send_bytes(PIECE)
                sent += len(PIECE)

        socket = await open_socket(client, before, f"/app/{PROJECT}/deaf")
        sending = asyncio.ensure_future(send(socket))
        await settled(lambda: sent)

        assert sent < MOST_ON_THE_WAY
        one.go_on.set()
        await sending
        await until(lambda: one.body_bytes == 400 * len(PIECE))
        await socket.close()

    async def test_a_client_that_does_not_read_holds_the_app_up(
        self, before: Proxy, one: App
    ) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", before.port, limit=1024)
        writer.write(
            f"GET /app/{PROJECT}/flood HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\n"
            "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
        )
        await settled(lambda: one.body_bytes)

        assert one.body_bytes < MOST_ON_THE_WAY
        writer.close()

    async def test_an_app_that_does_not_read_is_left_after_a_time(self, one: App) -> None:
        async with (
            proxy(clocks=Clocks(message_s=0.3)) as served,
            aiohttp.ClientSession() as client,
        ):
            await served.put(route(one.port))
            socket = await open_socket(client, served, f"/app/{PROJECT}/deaf")
            sending = asyncio.gather(*(socket.send_bytes(PIECE) for _ in range(200)))

            await until(lambda: served.routes.flights.sockets_of("one") == 0)
            sending.cancel()


class TestHandshakes:
    @pytest.mark.parametrize(
        ("path", "status"), [(f"/app/{PROJECT}/closed", 403), (f"/app/{PROJECT}/plain", 502)]
    )
    async def test_an_app_that_opens_none(
        self, before: Proxy, client: aiohttp.ClientSession, path: str, status: int
    ) -> None:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await open_socket(client, before, path)

        assert refused.value.status == status

    async def test_nothing_runs(self, before: Proxy, client: aiohttp.ClientSession) -> None:
        await before.put()

        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await open_socket(client, before)

        assert refused.value.status == 503

    async def test_an_app_that_answers_no_http(
        self, before: Proxy, client: aiohttp.ClientSession
    ) -> None:
        async with raw_app(b"SSH-2.0-OpenSSH_9.2\r\n\r\n") as (port, _):
            await before.put(route(port))
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await open_socket(client, before)

        assert refused.value.status == 502

    async def test_more_than_one_app_may_have(self, one: App) -> None:
        async with (
            proxy(flights=Flights(most_sockets=1)) as served,
            aiohttp.ClientSession() as client,
        ):
            await served.put(route(one.port))
            async with await open_socket(client, served):
                with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                    await open_socket(client, served)

        assert refused.value.status == 503
