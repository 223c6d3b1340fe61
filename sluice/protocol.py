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
from typing import Any, Literal, cast

import httptools
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from api.headers import ALWAYS
from schemas.connections import AUTHENTICATED
from sluice.connections import Bounds, Connections, Rank
from sluice.sockets import BoundedSocket, asks_for_socket

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
        self.plain = self._transport = transport
        self._is_unread = is_unread
        self._leave = leave
        self._half_closed = False
        self._written_bytes = 0
        self._read_bytes = 0
        """Of what was written, when all of it had been read the last time."""
        self._unread_s = 0.0

    def write(self, data: bytes) -> None:
        if not self.is_closing():
            self._written_bytes += len(data)
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

    def is_left_unread(self, elapsed_s: float, bounds: Bounds) -> bool:
        """Tells whether the client leaves an answer unread for too long."""
        waiting_bytes = self._transport.get_write_buffer_size()
        if not waiting_bytes:
            self._unread_s, self._read_bytes = 0.0, self._written_bytes
            return False
        self._unread_s += elapsed_s
        read_bytes = self._written_bytes - waiting_bytes - self._read_bytes
        return self._unread_s > bounds.answer_s + read_bytes / bounds.least_bytes_per_s

    def abort(self) -> None:
        """Closes at once, and lets the kernel forget what nobody reads."""
        if self._transport.get_write_buffer_size():
            held: Any = self._transport.get_extra_info("socket")
            held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
        self._transport.abort()


class _Head:
    """What came of a head. Two counts, because the parser tells of a header only when it is whole:
    the bytes of those that are, and the bytes that came since it last told of anything else."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._told_bytes = self._untold_bytes = self._pieces = 0

    def begin(self) -> None:
        self._told_bytes = self._untold_bytes = 0

    def come(self, size: int) -> None:
        """Counts a piece of whatever it is."""
        self._untold_bytes += size
        self._pieces += 1

    def tell(self, size: int) -> None:
        """Counts what the parser has told of. Raises `_Bound`."""
        self._told_bytes += size
        if self.is_told_too_large():
            raise _Bound

    def end(self) -> None:
        """Counts no more: what comes is a body, or belongs to the next request."""
        self._untold_bytes = self._pieces = 0

    def is_told_too_large(self) -> bool:
        return self._told_bytes > self._max_bytes

    def is_too_large(self) -> bool:
        most_pieces = self._max_bytes // BYTES_OF_A_PIECE
        return self._untold_bytes > self._max_bytes or self._pieces > most_pieces


class _Reading:
    """What is being read of a connection, since when, and how much of it came."""

    def __init__(self, now: float, least_bytes_per_s: int) -> None:
        self._least_bytes_per_s = least_bytes_per_s
        self.part: Literal["head", "body"] | None = "head"
        self.since = now
        """When it began, or else when the last answer was complete."""
        self.came_bytes = 0

    def begin(self, part: Literal["head", "body"] | None, now: float) -> None:
        self.part, self.since, self.came_bytes = part, now, 0

    def is_late(self, now: float, grace_s: float) -> bool:
        return now - self.since > grace_s + self.came_bytes / self._least_bytes_per_s


class BoundedHttp(HttpToolsProtocol):
    """One connection; `connections` are those of its server."""

    def __init__(self, *args: Any, connections: Connections | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._connections = Connections(Bounds()) if connections is None else connections
        self._bounds = self._connections.bounds
        self._staged: _StagedTransport
        self._reading = _Reading(self.loop.time(), self._bounds.least_bytes_per_s)
        self._head = _Head(self._bounds.head_bytes)
        self._is_known = False
        self._is_rejected = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Takes its place; called by the transport."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=WRITE_BUFFER_BYTES)
        self._staged = _StagedTransport(
            transport, lambda: self._is_rejected or self._reading.part == "body", self._leave
        )
        self.transport = cast("asyncio.Transport", self._staged)
        self._connections.admit(self, self.client[0] if self.client else None)

    def connection_lost(self, exc: Exception | None) -> None:
        """Gives its place back; called by the transport."""
        self._connections.forget(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parses, or discards when the last answer was given; called by the transport."""
        if self.transport.is_closing():
            self._reading.came_bytes += len(data)
        else:
            self._head.come(len(data))
            self._parse(data)
        most_bytes = DISCARDED_OF_NO_REQUEST if self._is_rejected else self._bounds.discarded_bytes
        if self._reading.came_bytes > most_bytes and self._is_discarding():
            self._connections.cut(self, "body")

    def rank(self) -> Rank:
        """Returns what it is at this moment."""
        if not self._is_known and (self._reading.part or not _is_authenticated(self.cycle)):
            return Rank.STRANGER
        if self._reading.part or self.flow.write_paused or self.transport.is_closing():
            return Rank.WAITED_FOR
        return Rank.IDLE if self.cycle.response_complete else Rank.BUSY

    def overdue(self, now: float, elapsed_s: float) -> str | None:
        """Returns which deadline has passed; a body's is answered first."""
        bounds, reading = self._bounds, self._reading
        if self._staged.is_left_unread(elapsed_s, bounds):
            return "answer"
        if self.flow.read_paused:
            reading.since += elapsed_s  # the sender waits for us
        if self._is_discarding():
            return "body" if reading.is_late(now, bounds.discarded_s) else None
        if reading.part == "head":
            return "head" if reading.is_late(now, bounds.head_s) else None
        if reading.part is None:
            is_idle = self.cycle.response_complete and reading.is_late(now, bounds.idle_s)
            return "idle" if is_idle else None
        if not reading.is_late(now, bounds.body_s + OWN_BOUND_S):
            return None
        if self.cycle.response_started or self.pipeline:
            return "body"
        self._connections.count("body")
        self._reject(HTTPStatus.REQUEST_TIMEOUT, b'{"error":"Request body too slow"}')
        return None

    def abort(self) -> None:
        """Closes at once."""
        self._staged.abort()

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
        self._head.begin()
        if self.cycle is not None:
            self._reading.begin("head", self.loop.time())
            self._connections.update(self)
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Counts a piece of the URL; called by the parser."""
        self._head.tell(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Counts a header or a trailer; called by the parser."""
        self._head.tell(len(name) + len(value) + len(": \r\n"))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Starts the request; called by the parser."""
        self._head.end()
        if self.parser.should_upgrade():
            if self.parser.get_method() == b"CONNECT":
                raise _Bound
            return  # begins anew in `_parse`
        if len(self.pipeline) >= self._bounds.pipelined:
            raise _Bound
        self._reading.begin("body", self.loop.time())
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Passes a piece of the body on; called by the parser."""
        self._reading.came_bytes += len(body)
        self._head.end()
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Lets the answer follow; called by the parser."""
        if self.parser.should_upgrade():
            return
        self._head.end()
        self._reading.part, self._reading.since = None, self.loop.time()
        super().on_message_complete()
        self._connections.update(self)

    def on_response_complete(self) -> None:
        """Goes on with what waits behind it; called by the answer."""
        self._is_known = self._is_known or _is_authenticated(self.cycle)
        if self.transport.is_closing():
            return
        self._reading.begin(self._reading.part, self.loop.time())
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        self._connections.update(self)

    def _parse(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            rest = data[upgrade.args[0] :]
            if asks_for_socket(self.parser.get_method(), self.headers) and _is_free(self):
                _become_socket(self, self._staged.plain, self._connections, rest)
                return
            # We speak no other protocol: the request is read as if none had been offered.
            head = _head(self.parser, self.url, self.headers, without=b"upgrade")
            self.parser = httptools.HttpRequestParser(self)
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does
            self._parse(head + rest)
            return
        except httptools.HttpParserError:
            if self._head.is_told_too_large():
                self._reject(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
            else:
                self._reject(HTTPStatus.BAD_REQUEST, b'{"error":"Invalid HTTP request"}')
            return
        if self._head.is_too_large():
            self._reject(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def _reject(self, status: HTTPStatus, body: bytes = b"") -> None:
        """Answers what no handler is to see, and closes."""
        if self.transport.is_closing():
            return
        cycle = self.cycle
        is_answering = cycle is not None and not cycle.response_complete
        is_of_another = is_answering and (cycle.response_started or self._reading.part != "body")
        if self.pipeline or is_of_another:
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
        if status is HTTPStatus.SERVICE_UNAVAILABLE:
            fields.append((b"retry-after", b"1"))
        lines = b"".join(b"%s: %s\r\n" % field for field in fields)
        self.transport.write(STATUS_LINE[status] + lines + b"\r\n" + body)
        self.transport.close()

    def _leave(self) -> None:
        """Lets go of a request that gets no answer any more, or not the one of its handler."""
        self._reading.begin(self._reading.part, self.loop.time())
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.flow.resume_writing()
        self.flow.resume_reading()
        self._connections.update(self)

    def _is_discarding(self) -> bool:
        return self.transport.is_closing() or (
            self._reading.part == "body" and self.cycle.response_complete
        )


def _is_authenticated(cycle: RequestResponseCycle) -> bool:
    return bool(cycle.scope["state"].get(AUTHENTICATED))


def _is_free(http: HttpToolsProtocol) -> bool:
    """Tells whether nothing is to be answered before the request that is read."""
    return not http.pipeline and (http.cycle is None or http.cycle.response_complete)


def _become_socket(
    http: HttpToolsProtocol, transport: asyncio.Transport, connections: Connections, rest: bytes
) -> None:
    """Lets a WebSocket go on with a connection whose request has offered one."""
    taken = BoundedSocket(http.config, http.server_state, http.app_state, connections=connections)
    connections.replace(cast("BoundedHttp", http), taken)
    http.connections.discard(http)
    taken.begin(transport, _head(http.parser, http.url, http.headers), rest)


def _head(
    parser: httptools.HttpRequestParser,
    url: bytes,
    headers: list[tuple[bytes, bytes]],
    *,
    without: bytes = b"",
) -> bytes:
    """Returns the head of a request, without the protocol that it offers where that is not taken.

    The parser takes what follows such a head for that protocol. It is the body, and whoever stands
    between us and the client knows it as such: it must not be read as a request.
    """
    version = parser.get_http_version().encode()
    start = b"%s %s HTTP/%s\r\n" % (parser.get_method(), url, version)
    fields = [b"%s: %s\r\n" % field for field in headers if field[0] != without]
    return start + b"".join(fields) + b"\r\n"
