"""Reading the body of a request, bounded in bytes, in time, and over all requests together."""

import asyncio
import io
from collections.abc import Iterator
from contextlib import contextmanager

import multipart
from litestar.types import Receive

from clickhouse.served.errors import refusal
from sluice.warehouse.asks import MAX_FIELDS, PARAMETER, Ask
from sluice.warehouse.codings import inflate

TOO_LARGE = 229
BAD_ARGUMENTS = 36
NOT_IMPLEMENTED = 48
SOCKET_TIMEOUT = 209
TOO_MANY = 202
IDLE_S = 30
"""For how long a sender may be silent within a body."""


class Disconnected(Exception):
    """Raised when the client has gone."""


class Bodies:
    """All bodies that are held at one time."""

    def __init__(self, max_body_bytes: int) -> None:
        self._max_body_bytes = max_body_bytes
        # One of the largest, and others beside it: sent and inflated are both held for a moment.
        self._free_bytes = 3 * max_body_bytes

    @contextmanager
    def room(self) -> Iterator["Room"]:
        """Makes room for one body, until the call with it has ended."""
        room = Room(self)
        try:
            yield room
        finally:
            self._free_bytes += room.held_bytes

    def take(self, room: "Room", size: int) -> None:
        """Counts bytes for a room. Raises `EngineError` where there is no more."""
        if room.held_bytes + size > 2 * self._max_body_bytes:
            raise refusal(TOO_LARGE, "QUERY_IS_TOO_LARGE", "The body is too large.")
        if size > self._free_bytes:
            raise refusal(
                TOO_MANY, "TOO_MANY_SIMULTANEOUS_QUERIES", "Too many bytes are on their way."
            )
        room.held_bytes += size
        self._free_bytes -= size

    async def read(self, ask: Ask, room: "Room", receive: Receive) -> tuple[Ask, bytes]:
        """Returns the request with its fields from a form, and its body inflated."""
        wire = await self._receive(room, receive)
        coding = ask.headers.get("content-encoding", "").strip().lower()
        body = inflate(wire, coding, self._max_body_bytes)
        if body is not wire:
            self.take(room, len(body))
        if ask.headers.get("content-type", "").lower().startswith("multipart/form-data"):
            return _read_form(ask, body, self._max_body_bytes), b""
        return ask, body

    async def _receive(self, room: "Room", receive: Receive) -> bytes:
        pieces, more, size = [], True, 0
        while more:
            try:
                message = await asyncio.wait_for(receive(), IDLE_S)
            except TimeoutError as error:
                raise refusal(SOCKET_TIMEOUT, "SOCKET_TIMEOUT", "The body stopped.") from error
            if message["type"] != "http.request":
                raise Disconnected
            piece, more = message["body"], message["more_body"]
            size += len(piece)
            if size > self._max_body_bytes:
                raise refusal(TOO_LARGE, "QUERY_IS_TOO_LARGE", "The body is too large.")
            self.take(room, len(piece))
            pieces.append(piece)
        return b"".join(pieces)


class Room:
    """The bytes of one request."""

    def __init__(self, bodies: Bodies) -> None:
        self._bodies = bodies
        self.held_bytes = 0


def _read_form(ask: Ask, body: bytes, max_bytes: int) -> Ask:
    """Adds the fields of a form: what a client does not put into the URL for its length."""
    _, options = multipart.parse_options_header(ask.headers["content-type"])
    query, parameters = ask.query, dict(ask.parameters)
    try:
        parts = multipart.MultipartParser(
            io.BytesIO(body),
            options.get("boundary", ""),
            part_limit=MAX_FIELDS,
            partsize_limit=max_bytes,
            spool_limit=max_bytes,
            memory_limit=max_bytes,
        ).parts()
    except multipart.MultipartError as error:
        raise refusal(BAD_ARGUMENTS, "BAD_ARGUMENTS", f"Not a form: {error}") from error
    for part in parts:
        if part.filename or not (part.name == "query" or part.name.startswith(PARAMETER)):
            raise refusal(NOT_IMPLEMENTED, "NOT_IMPLEMENTED", "External data is not understood.")
        if part.name == "query":
            query += part.raw
        else:
            parameters[part.name] = part.raw.decode("utf-8", "replace")
    return ask._replace(query=query, parameters=parameters)
