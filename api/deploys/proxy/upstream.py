"""How apps are spoken to: HTTP/1.1 by aiohttp, which reads an answer while a body is still sent.

httpcore, and so httpx, sends all of a body first. A request costs aiohttp 0.13 ms of the processor,
httpcore 0.49 ms and httpx 0.73 ms.

NotAnswered   an app gave no answer; nothing of one has come
BadAnswer     what an app sends is no HTTP, or ends in the middle
"""

import asyncio
import socket
from collections.abc import AsyncIterable, Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, Literal, NamedTuple

import aiohttp
from aiohttp import AddrInfoType
from aiohttp.client_exceptions import ConnectionTimeoutError, SocketTimeoutError
from aiohttp.client_proto import ResponseHandler
from aiohttp.tracing import Trace
from msgspec import Struct
from multidict import CIMultiDict
from yarl import URL

from schemas.deploys.routing import Owner, Route

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


Listening = Callable[[Owner, int], Awaitable[frozenset[int] | None]]
"""Returns the sockets that listen on a port; `None` where one of them is not the owner's."""


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
    owner: Owner | None
    fields: CIMultiDict[str]
    body: AsyncIterable[bytes] | None = None


class Upstream:
    """The connections to all apps. Open it within a running loop, and close it."""

    def __init__(self, clocks: Clocks, listening: Listening | None = None) -> None:
        """Without `listening`, whoever has the port of an app is taken for the app."""
        self.clocks = clocks
        self._owners: dict[int, Owner | None] = {}
        make = self._socket
        proof = _Proof(self._owners, listening)
        self._kept = self._session(
            _Connector(proof, limit=0, keepalive_timeout=KEPT_S, socket_factory=make)
        )
        # An app may be closing a connection in the moment in which it is used again. What may not
        # be sent twice never meets that.
        self._fresh = self._session(
            _Connector(proof, limit=0, force_close=True, socket_factory=make)
        )

    async def ask(self, ask: Ask, connection: Literal["kept", "fresh"]) -> aiohttp.ClientResponse:
        """Returns an answer whose body is not read yet.

        Raises `NotAnswered`, `BadAnswer`, and `ValueError` for what cannot be written as HTTP.
        """
        self._owners[ask.url.port or 0] = ask.owner
        session = self._kept if connection == "kept" else self._fresh
        return await session.request(
            ask.method, ask.url, headers=ask.fields, data=ask.body, allow_redirects=False
        )

    async def dial(self, ask: Ask, protocols: list[str]) -> aiohttp.ClientWebSocketResponse:
        """Returns an open WebSocket.

        Raises `aiohttp.WSServerHandshakeError` with the app's answer, and as `ask` does.
        """
        self._owners[ask.url.port or 0] = ask.owner
        return await self._fresh.ws_connect(
            ask.url,
            headers=ask.fields,
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


class _Proof(NamedTuple):
    """What it takes to know who listens."""

    owners: Mapping[int, Owner | None]
    """By the port of their app, of which no two have the same."""
    listening: Listening | None

    async def sockets(self, port: int) -> frozenset[int] | None:
        """Returns what listens. Raises `NotAnswered` where that is not the app."""
        owner = self.owners.get(port)
        if owner is None or self.listening is None:
            return None
        found = await self.listening(owner, port)
        if found is None:
            raise NotAnswered("another program has its port", unsent=True)
        return found


class _Connector(aiohttp.TCPConnector):
    """Makes connections to apps and to nobody else, whoever takes their port meanwhile."""

    def __init__(self, proof: _Proof, **options: Any) -> None:
        super().__init__(**options)
        self._proof = proof

    async def _create_connection(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,
    ) -> ResponseHandler:
        # The same before and after: it cannot have been another's in between.
        port = req.url.port or 0
        before = await self._proof.sockets(port)
        made = await super()._create_connection(req, traces, timeout)
        try:
            after = await self._proof.sockets(port)
        except BaseException:
            made.close()
            raise
        if before != after or after == frozenset():
            made.close()
            raise NotAnswered("it begins to listen just now", unsent=True)
        return made


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
