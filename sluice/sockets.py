"""WebSockets (RFC 6455) in the place of the HTTP connections that they begin as.

uvicorn speaks the protocol, over `websockets`. Here is what our connections need beside that: a
place among all others, and silence about the query string, which may hold a token.
"""

import asyncio
import logging
from collections.abc import Collection
from typing import Any

from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request
from websockets.protocol import State

from schemas.connections import AUTHENTICATED, FRAMES
from sluice.connections import Connections, Rank

MOST_MESSAGE_BYTES = 1 << 20
"""Of one message that a client sends."""
LOGGER = "sluice.sockets"


def asks_for_socket(method: bytes, headers: Collection[tuple[bytes, bytes]]) -> bool:
    """Tells whether a request offers the protocol, as rules 1, 5 and 7 of section 4.1 have it."""
    fields = dict(headers)
    offered = fields.get(b"upgrade", b"").lower() == b"websocket"
    return method == b"GET" and offered and b"sec-websocket-key" in fields


class BoundedSocket(WebSocketsSansIOProtocol):
    """One connection, from the request that began it."""

    def __init__(self, *args: Any, connections: Connections, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # uvicorn's tells of each connection with its query string.
        self.logger = logging.getLogger(LOGGER)
        self.logger.setLevel(logging.WARNING)
        self.conn.logger, self.conn.debug = self.logger, False
        self._connections = connections

    def begin(self, transport: asyncio.Transport, head: bytes, rest: bytes) -> None:
        """Goes on from a request's head, and what came behind it."""
        self.connection_made(transport)
        transport.set_protocol(self)
        self.data_received(head)
        if rest:
            self.data_received(rest)

    def handle_connect(self, event: Request) -> None:
        """Begins the app; called when the request is whole."""
        super().handle_connect(event)
        if not self.close_sent:
            self.scope["extensions"][FRAMES] = {}

    def connection_lost(self, exc: Exception | None) -> None:
        """Gives its place back; called by the transport."""
        self._connections.forget(self)
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Holds messages back; called by the transport."""
        super().pause_writing()
        self._connections.update(self)

    def resume_writing(self) -> None:
        """Lets them go on; called by the transport."""
        super().resume_writing()
        self._connections.update(self)

    async def send(self, message: Any) -> None:
        """Sends a message, when the client has read of what was sent before; called by the app."""
        if message["type"] == FRAMES:
            await self._send_frames(message["body"])
            return
        await super().send(message)
        if message["type"] == "websocket.accept":
            self._connections.update(self)

    async def _send_frames(self, body: bytes) -> None:
        await self.writable.wait()
        if self.disconnected or self.conn.state is not State.OPEN:
            raise ClientDisconnected
        self.transport.write(body)

    def rank(self) -> Rank:
        """Returns what it is at this moment."""
        if not self.handshake_complete or not self.scope["state"].get(AUTHENTICATED):
            return Rank.STRANGER
        return Rank.BUSY if self.writable.is_set() else Rank.WAITED_FOR

    def overdue(self, now: float, elapsed_s: float) -> str | None:
        """Has no deadline but that of the pings, which uvicorn sends."""
        return None

    def abort(self) -> None:
        """Closes at once."""
        self.transport.abort()
