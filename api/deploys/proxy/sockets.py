"""One WebSocket for an app: messages pass in both directions until either side closes."""

import asyncio
from contextlib import suppress
from http import HTTPStatus
from typing import Any

import aiohttp
from aiohttp import WSMsgType
from litestar.types import Receive, Send

from api.deploys.proxy import refusals
from api.deploys.proxy.asking import fields_for_app
from api.deploys.proxy.flights import Flights, TooManyAtOnce
from api.deploys.proxy.places import Place
from api.deploys.proxy.refusals import Refusal
from api.deploys.proxy.upstream import CLOSED_S, Ask, BadAnswer, NotAnswered, Upstream, url_of
from api.deploys.proxy.withheld import Withheld
from schemas.deploys.routing import Route

GOING_AWAY = 1001
FAILED = 1011
SERVICE_RESTART = 1012
"""What a client is told when its app's instance is replaced: it may connect again at once."""
BROKEN = 1014
"""What a client is told when its app is gone without a word."""
_OF_OTHERS = frozenset({1004, 1005, 1006, 1015})
"""Codes that stand for what came, and that nobody may send (RFC 6455 section 7.4.1)."""


class Socket:
    """Passes one WebSocket on. Run it once."""

    def __init__(
        self, scope: Any, receive: Receive, send: Send, *, upstream: Upstream, withheld: Withheld
    ) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._upstream = upstream
        self._withheld = withheld
        self._replaced = asyncio.Event()

    async def run(self, place: Place, route: Route, flights: Flights) -> None:
        """Connects to the app, and then to the client. Raises `Refusal` where that fails.

        Of the app's own answer to the handshake, its choice of a subprotocol is passed on.
        """
        await self._receive()  # that the client asks for it
        try:
            with flights.socket(route, self._replaced.set):
                app = await self._dial(place, route)
                try:
                    await self._send(_accept(app))
                    await self._pass(app)
                finally:
                    await _close_app(app, GOING_AWAY)  # does nothing where it is closed
        except TooManyAtOnce:
            raise refusals.busy() from None

    async def _dial(self, place: Place, route: Route) -> aiohttp.ClientWebSocketResponse:
        first_byte_s = self._upstream.clocks.first_byte_s
        url = url_of(route, place.target, self._scope["query_string"], scheme="ws")
        fields = fields_for_app(self._scope, place, self._withheld)
        ask = Ask(method="GET", url=url, owner=route.owner, fields=fields)
        try:
            async with asyncio.timeout(first_byte_s):
                return await self._upstream.dial(ask, self._scope["subprotocols"])
        except aiohttp.WSServerHandshakeError as error:
            raise _unopened(error) from error
        except TimeoutError:
            raise refusals.late(first_byte_s) from None
        except (BadAnswer, NotAnswered) as error:
            raise refusals.failed(str(error)) from error
        except ValueError as error:
            raise refusals.unpassable() from error

    async def _pass(self, app: aiohttp.ClientWebSocketResponse) -> None:
        up = asyncio.ensure_future(self._to_app(app))
        down = asyncio.ensure_future(self._to_client(app))
        replaced = asyncio.ensure_future(self._replaced.wait())
        all_of_them = {up, down, replaced}
        try:
            await asyncio.wait(all_of_them, return_when=asyncio.FIRST_COMPLETED)
            if replaced.done():
                await self._close(SERVICE_RESTART, "this app has a new version")
        finally:
            for task in all_of_them:
                task.cancel()
            await asyncio.gather(*all_of_them, return_exceptions=True)

    async def _to_app(self, app: aiohttp.ClientWebSocketResponse) -> None:
        message_s = self._upstream.clocks.message_s
        with suppress(ConnectionError):
            while True:
                message: Any = await self._receive()
                if message["type"] == "websocket.disconnect":
                    code, reason = message.get("code", GOING_AWAY), message.get("reason") or ""
                    await _close_app(app, _sendable(code, GOING_AWAY), reason)
                    return
                try:
                    async with asyncio.timeout(message_s):
                        await _send_on(app, message)
                except TimeoutError:
                    # While an app does not read, we do not either: nothing else tells that the
                    # client may be gone.
                    await self._close(FAILED, "the app does not read")
                    return

    async def _to_client(self, app: aiohttp.ClientWebSocketResponse) -> None:
        with suppress(OSError):  # of a client that is gone
            while True:
                message = await app.receive()
                if message.type is WSMsgType.TEXT:
                    text: Any = {"type": "websocket.send", "text": message.data}
                    await self._send(text)
                elif message.type is WSMsgType.BINARY:
                    data: Any = {"type": "websocket.send", "bytes": message.data}
                    await self._send(data)
                elif message.type is WSMsgType.CLOSE:
                    await self._close(_sendable(message.data, 1000), message.extra or "")
                    return
                else:
                    code = app.close_code if message.type is WSMsgType.ERROR else None
                    await self._close(_sendable(code, BROKEN), "")
                    return

    async def _close(self, code: int, reason: str) -> None:
        closed: Any = {"type": "websocket.close", "code": code, "reason": reason}
        with suppress(OSError):
            await self._send(closed)


async def _close_app(app: aiohttp.ClientWebSocketResponse, code: int, reason: str = "") -> None:
    """Closes the app's side, whether it reads that or not."""
    with suppress(TimeoutError, ConnectionError):
        async with asyncio.timeout(CLOSED_S):
            await app.close(code=code, message=reason.encode())


async def _send_on(app: aiohttp.ClientWebSocketResponse, message: Any) -> None:
    if (text := message.get("text")) is not None:
        await app.send_str(text)
    else:
        await app.send_bytes(message["bytes"])


def _accept(app: aiohttp.ClientWebSocketResponse) -> Any:
    return {"type": "websocket.accept", "subprotocol": app.protocol, "headers": []}


def _sendable(code: int | None, otherwise: int) -> int:
    is_sendable = code is not None and 1000 <= code < 5000 and code not in _OF_OTHERS
    return code if code is not None and is_sendable else otherwise


def _unopened(error: aiohttp.WSServerHandshakeError) -> Refusal:
    """Returns what a client is told of a handshake that the app did not accept."""
    if 400 <= error.status < 600 and error.status in set(HTTPStatus):
        text = f"the app does not open this WebSocket: it answered {error.status}"
        return Refusal(HTTPStatus(error.status), text, f"{error.status // 100}xx")
    return refusals.failed("it speaks no WebSocket here")
