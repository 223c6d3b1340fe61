"""How apps are spoken to: HTTP/1.1 by aiohttp, which reads an answer while a body is still sent.

httpcore, and so httpx, sends all of a body first. A request costs aiohttp 0.13 ms of the processor,
httpcore 0.49 ms and httpx 0.73 ms.

NotAnswered   an app gave no answer; nothing of one has come
BadAnswer     what an app sends is no HTTP, or ends in the middle
"""

import asyncio
import socket
from collections.abc import AsyncIterable, Awaitable, Callable
from contextlib import suppress
from typing import Literal

import aiohttp
from aiohttp import AddrInfoType
from aiohttp.client_exceptions import ConnectionTimeoutError, SocketTimeoutError
from msgspec import Struct
from multidict import CIMultiDict
from yarl import URL

from schemas.deploys.routing import Route

MOST_HEAD_BYTES = 64 << 10
"""Of one header of an answer, or of its first line."""
MOST_MESSAGE_BYTES = 16 << 20
"""Of one message of a WebSocket: it is passed on as a whole."""
KEPT_S = 4.0
"""How long a connection waits for the next request: many servers close one after 5 s."""
CLOSED_S = 2.0
"""How long an app may take to answer that its WebSocket is closed."""
_SENT_AS_THEY_CAME = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
_ESCAPED = {byte: f"%{byte:02X}" for byte in (*range(0x21), *b'"#<>\\^`{|}', *range(0x7F, 0x100))}
"""What no path or query may hold, and clients send all the same."""


class Clocks(Struct, frozen=True, kw_only=True):
    """How long what may take."""

    connect_s: float = 5.0
    first_byte_s: float = 60.0
    """From the last byte of the request that was passed on to the first of the answer."""
    idle_s: float = 300.0
    """Between two bytes of an answer; and for how long an app may read nothing of what is sent."""
    message_s: float = 30.0
    """Until an app has taken a message of a WebSocket."""


class NotAnswered(Exception):
    """Raised when no byte of an answer has come."""

    def __init__(self, why: str, *, unsent: bool) -> None:
        super().__init__(why)
        self.unsent = unsent
        """Whether the app cannot have seen anything of the request either."""


class BadAnswer(Exception):
    """Raised when an answer is no HTTP, or ends in the middle."""


class Ask(Struct, frozen=True, kw_only=True):
    """A request as an app gets it."""

    method: str
    url: URL
    fields: CIMultiDict[str]
    body: AsyncIterable[bytes] | None = None


class Upstream:
    """The connections to all apps. Open it within a running loop, and close it."""

    def __init__(self, clocks: Clocks) -> None:
        self.clocks = clocks
        make = self._socket
        self._kept = self._session(
            aiohttp.TCPConnector(limit=0, keepalive_timeout=KEPT_S, socket_factory=make)
        )
        # An app may be closing a connection in the moment in which it is used again. What may not
        # be sent twice never meets that.
        self._fresh = self._session(
            aiohttp.TCPConnector(limit=0, force_close=True, socket_factory=make)
        )

    async def ask(self, ask: Ask, connection: Literal["kept", "fresh"]) -> aiohttp.ClientResponse:
        """Returns an answer whose body is not read yet.

        Raises `NotAnswered`, `BadAnswer`, and `ValueError` for what cannot be written as HTTP.
        """
        session = self._kept if connection == "kept" else self._fresh
        return await session.request(
            ask.method, ask.url, headers=ask.fields, data=ask.body, allow_redirects=False
        )

    async def dial(
        self, url: URL, fields: CIMultiDict[str], protocols: list[str]
    ) -> aiohttp.ClientWebSocketResponse:
        """Returns an open WebSocket.

        Raises `aiohttp.WSServerHandshakeError` with the app's answer, and as `ask` does.
        """
        return await self._fresh.ws_connect(
            url,
            headers=fields,
            protocols=protocols,
            autoclose=False,
            timeout=aiohttp.ClientWSTimeout(ws_close=CLOSED_S),
            max_msg_size=MOST_MESSAGE_BYTES,
        )

    async def close(self) -> None:
        """Closes all connections; where an app does not read, what is left for it is dropped."""
        for session in (self._kept, self._fresh):
            with suppress(TimeoutError):
                async with asyncio.timeout(CLOSED_S):
                    await session.close()

    def _socket(self, info: AddrInfoType) -> socket.socket:
        family, kind, protocol, *_ = info
        made = socket.socket(family, kind, protocol)
        # A connection that is closed lives on until the app has read what was written. One that
        # reads nothing would keep it for ever.
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            unread_ms = int(self.clocks.idle_s * 1000)
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, unread_ms)
        return made

    def _session(self, connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
        timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=self.clocks.connect_s, sock_read=self.clocks.idle_s
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            skip_auto_headers=_SENT_AS_THEY_CAME,
            timeout=timeout,
            middlewares=(_one_try,),
            max_line_size=MOST_HEAD_BYTES,
            max_field_size=MOST_HEAD_BYTES,
        )


def url_of(route: Route, target: bytes, query: bytes, *, scheme: str = "http") -> URL:
    """Returns what an app is asked for: path and query as they came, whatever they hold."""
    return URL.build(
        scheme=scheme,
        host=route.address,
        port=route.port,
        path=(target or b"/").decode("latin-1").translate(_ESCAPED),
        query_string=query.decode("latin-1").translate(_ESCAPED),
        encoded=True,
    )


async def _one_try(
    request: aiohttp.ClientRequest,
    handler: Callable[[aiohttp.ClientRequest], Awaitable[aiohttp.ClientResponse]],
) -> aiohttp.ClientResponse:
    """Lets no error through that the client would answer by a second request of its own."""
    try:
        return await handler(request)
    except ConnectionTimeoutError as error:
        raise NotAnswered("it took no connection in time", unsent=True) from error
    except aiohttp.ClientConnectorError as error:
        raise NotAnswered("it takes no connections", unsent=True) from error
    except SocketTimeoutError as error:
        raise TimeoutError from error
    except (aiohttp.ClientConnectionError, ConnectionError) as error:
        raise NotAnswered("it closed the connection", unsent=False) from error
    except aiohttp.ClientError as error:
        raise BadAnswer("what it sent is no HTTP") from error
