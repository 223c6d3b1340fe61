"""uvicorn's HTTP/1.1, with bounds on what a connection may send, how long it may take, and how long
it may leave an answer unread.

uvicorn bounds only what h11 reads and how long a connection idles. httptools keeps every header, of
a sender that nobody knows yet, for as long as they come.
"""

import asyncio
import socket
import struct
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Literal

import httptools
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from schemas.connections import AUTHENTICATED
from sluice.connections import Bounds, Connections, Rank
from sluice.headers import ALWAYS

WRITE_BUFFER_BYTES = 64 << 10
BYTES_OF_A_PIECE = 256
"""What a piece of a head has at least, on the average: each piece that comes is copied to what came
before, so many small ones would cost their square."""
OWN_BOUND_S = 1.0
"""How much later than a handler's own bound of a body ours is: it has better words."""
DISCARDED_OF_NO_REQUEST = 1 << 20
AT_ONCE = struct.pack("ii", 1, 0)


class _Bound(Exception):
    """Raised into the parser, which then goes no further."""


class _StagedTransport:
    """Closes in stages where the sender is not done, and then drops what is written.

    RFC 9112 section 9.6: what is closed with bytes unread is reset, and takes the answer with it.
    """

    def __init__(
        self, transport: asyncio.Transport, is_unread: Callable[[], bool], leave: Callable[[], None]
    ) -> None:
        self._transport = transport
        self._is_unread = is_unread
        self._leave = leave
        self._half_closed = False
        self.written_bytes = 0

    def write(self, data: bytes) -> None:
        if not self.is_closing():
            self.written_bytes += len(data)
            self._transport.write(data)

    def close(self) -> None:
        if self.is_closing():
            return
        if self._is_unread() and self._transport.can_write_eof():
            self._half_closed = True
            self._transport.write_eof()
        else:
            self._transport.close()
        self._leave()

    def is_closing(self) -> bool:
        return self._half_closed or self._transport.is_closing()


class BoundedHttp(HttpToolsProtocol):
    """One connection; `connections` are those of its server."""

    def __init__(self, *args: Any, connections: Connections | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._connections = Connections(Bounds()) if connections is None else connections
        self._bounds = self._connections.bounds
        self._raw: asyncio.Transport = None  # type: ignore[assignment]
        self._reading: Literal["head", "body"] | None = "head"
        self._since = self.loop.time()
        """When what is being read began, or else when the last answer was complete."""
        self._came_bytes = 0
        self._unread_s = 0.0
        self._read_bytes = 0
        self._is_known = False
        self._is_rejected = False
        # Two counts of a head, because the parser tells of a header only when it is whole: the
        # bytes of those that are, and the bytes that came since it last told of anything else.
        self._told_bytes = self._untold_bytes = self._pieces = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Takes its place; called by the transport."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=WRITE_BUFFER_BYTES)
        self._raw = transport
        staged: Any = _StagedTransport(transport, self._is_unread, self._leave)
        self.transport = staged
        self._connections.admit(self, self.client[0] if self.client else None)

    def connection_lost(self, exc: Exception | None) -> None:
        """Gives its place back; called by the transport."""
        self._connections.forget(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parses, or discards when the last answer was given; called by the transport."""
        if self.transport.is_closing():
            self._came_bytes += len(data)
        else:
            self._untold_bytes += len(data)
            self._pieces += 1
            self._parse(data)
        most_bytes = DISCARDED_OF_NO_REQUEST if self._is_rejected else self._bounds.discarded_bytes
        if self._came_bytes > most_bytes and self._is_discarding():
            self._connections.cut(self, "body")

    def rank(self) -> Rank:
        """Returns what it is at this moment."""
        if not self._is_known and (self._reading or not _is_authenticated(self.cycle)):
            return Rank.STRANGER
        if self._reading or self.flow.write_paused or self.transport.is_closing():
            return Rank.WAITED_FOR
        return Rank.IDLE if self.cycle.response_complete else Rank.BUSY

    def overdue(self, now: float, elapsed_s: float) -> str | None:
        """Returns which deadline has passed; a body's is answered first."""
        bounds = self._bounds
        if self._leaves_unread(elapsed_s):
            return "answer"
        if self.flow.read_paused:
            self._since += elapsed_s  # the sender waits for us
        spent_s = now - self._since
        if self._is_discarding():
            return "body" if spent_s > self._allowed_s(bounds.discarded_s) else None
        if self._reading == "head":
            return "head" if spent_s > bounds.head_s else None
        if self._reading == "body":
            if spent_s <= self._allowed_s(bounds.body_s + OWN_BOUND_S):
                return None
            if self.cycle.response_started or self.pipeline:
                return "body"
            self._connections.count("body")
            self._reject(HTTPStatus.REQUEST_TIMEOUT, b'{"error":"Request body too slow"}')
            return None
        return "idle" if self.cycle.response_complete and spent_s > bounds.idle_s else None

    def abort(self) -> None:
        """Closes at once, and lets the kernel forget what nobody reads."""
        if self._raw.get_write_buffer_size():
            held: Any = self._raw.get_extra_info("socket")
            held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
        self._raw.abort()

    def pause_writing(self) -> None:
        """Holds the answer back; called by the transport."""
        super().pause_writing()
        self._connections.update(self)

    def resume_writing(self) -> None:
        """Lets it go on; called by the transport."""
        super().resume_writing()
        self._connections.update(self)

    def on_message_begin(self) -> None:
        """Begins to count; called by the parser."""
        self._told_bytes = self._untold_bytes = 0
        if self.cycle is not None:
            self._begin("head")
            self._connections.update(self)
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Counts a piece of the URL; called by the parser."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Counts a header or a trailer; called by the parser."""
        self._count(len(name) + len(value) + len(": \r\n"))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Starts the request; called by the parser."""
        self._untold_bytes = self._pieces = 0
        if self.parser.should_upgrade():
            if self.parser.get_method() == b"CONNECT":
                raise _Bound
            return  # begins anew in `_parse`
        if len(self.pipeline) >= self._bounds.pipelined:
            raise _Bound
        self._begin("body")
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Passes a piece of the body on; called by the parser."""
        self._came_bytes += len(body)
        self._untold_bytes = self._pieces = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Lets the answer follow; called by the parser."""
        if self.parser.should_upgrade():
            return
        self._reading = None
        self._pieces = 0
        self._since = self.loop.time()
        super().on_message_complete()
        self._connections.update(self)

    def on_response_complete(self) -> None:
        """Goes on with what waits behind it; called by the answer."""
        self._is_known = self._is_known or _is_authenticated(self.cycle)
        if self.transport.is_closing():
            return
        self._begin(self._reading)
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        self._connections.update(self)

    def _begin(self, reading: Literal["head", "body"] | None) -> None:
        self._reading = reading
        self._since = self.loop.time()
        self._came_bytes = 0

    def _parse(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._parse_without_upgrade(data[upgrade.args[0] :])
            return
        except httptools.HttpParserError:
            if self._told_bytes > self._bounds.head_bytes:
                self._reject(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
            else:
                self._reject(HTTPStatus.BAD_REQUEST, b'{"error":"Invalid HTTP request"}')
            return
        bounds = self._bounds
        most_pieces = bounds.head_bytes // BYTES_OF_A_PIECE
        if self._untold_bytes > bounds.head_bytes or self._pieces > most_pieces:
            self._reject(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def _parse_without_upgrade(self, rest: bytes) -> None:
        """Reads the request as if no other protocol had been offered: we speak none.

        The parser takes what follows the head for that protocol. It is the body, and whoever stands
        between us and the client knows it as such: it must not be read as a request.
        """
        start = b"%s %s HTTP/%s\r\n" % (
            self.parser.get_method(),
            self.url,
            self.parser.get_http_version().encode(),
        )
        fields = [b"%s: %s\r\n" % field for field in self.headers if field[0] != b"upgrade"]
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does
        self._parse(start + b"".join(fields) + b"\r\n" + rest)

    def _count(self, size: int) -> None:
        self._told_bytes += size
        if self._told_bytes > self._bounds.head_bytes:
            raise _Bound

    def _reject(self, status: HTTPStatus, body: bytes = b"") -> None:
        """Answers what no handler is to see, and closes."""
        if self.transport.is_closing():
            return
        if self._answers_another():
            # What is written now would be taken for a part of that answer.
            self._connections.cut(self, "pipeline")
            return
        self._is_rejected = True
        fields = [
            *self.server_state.default_headers,
            *ALWAYS,
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ]
        lines = b"".join(b"%s: %s\r\n" % field for field in fields)
        self.transport.write(STATUS_LINE[status] + lines + b"\r\n" + body)
        self.transport.close()

    def _answers_another(self) -> bool:
        cycle = self.cycle
        if cycle is None or cycle.response_complete:
            return bool(self.pipeline)
        return bool(self.pipeline) or cycle.response_started or self._reading != "body"

    def _leave(self) -> None:
        """Lets go of a request that gets no answer any more, or not the one of its handler."""
        self._begin(self._reading)
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.flow.resume_writing()
        self.flow.resume_reading()
        self._connections.update(self)

    def _is_unread(self) -> bool:
        return self._is_rejected or self._reading == "body"

    def _leaves_unread(self, elapsed_s: float) -> bool:
        waiting_bytes = self._raw.get_write_buffer_size()
        written_bytes = self.transport.written_bytes  # type: ignore[attr-defined]
        if not waiting_bytes:
            self._unread_s, self._read_bytes = 0.0, written_bytes
            return False
        self._unread_s += elapsed_s
        read_bytes = written_bytes - waiting_bytes - self._read_bytes
        allowed_s = self._bounds.answer_s + read_bytes / self._bounds.least_bytes_per_s
        return bool(self._unread_s > allowed_s)

    def _allowed_s(self, grace_s: float) -> float:
        return grace_s + self._came_bytes / self._bounds.least_bytes_per_s

    def _is_discarding(self) -> bool:
        return self.transport.is_closing() or (
            self._reading == "body" and self.cycle.response_complete
        )


def _is_authenticated(cycle: RequestResponseCycle) -> bool:
    return bool(cycle.scope["state"].get(AUTHENTICATED))
