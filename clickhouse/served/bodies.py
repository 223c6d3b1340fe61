"""Reading the body of a request, bounded in bytes, in time, and over all requests together."""

import asyncio
import io
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import multipart
from litestar.types import Receive

from clickhouse.served.asks import MAX_FIELDS, PARAMETER, Ask
from clickhouse.served.codes import Code
from clickhouse.served.codings import inflate
from clickhouse.served.errors import refusal

IDLE_S = 30
"""For how long a sender may be silent within a body."""
BODY_S = 300
"""For how long a body may come in."""

Take = Callable[[int], None]
"""Counts bytes for a request. Safe in threads. Raises `EngineError` when none are free."""


class Disconnected(Exception):
    """Raised when the client has gone."""


class Bodies:
    """The bodies of readers, or of writers, that are held at one time."""

    def __init__(self, max_body_bytes: int, *, body_s: float = BODY_S) -> None:
        self._max_body_bytes = max_body_bytes
        self._body_s = body_s
        # One of the largest, and others beside it: sent and inflated are both held for a moment.
        self._free_bytes = 3 * max_body_bytes
        # One user's do not keep out those of the others.
        self._most_of_a_user = 2 * max_body_bytes
        self._held_by: Counter[str] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def reserve(self, user: str) -> Iterator[Take]:
        """Gives what takes memory for one body, until the call with it has ended."""
        held_bytes = 0

        def take(size: int) -> None:
            nonlocal held_bytes
            with self._lock:
                left_to_user = self._most_of_a_user - self._held_by[user]
                if size > min(left_to_user, self._free_bytes):
                    raise refusal(
                        Code.TOO_MANY_SIMULTANEOUS_QUERIES, "Too many bytes are on their way."
                    )
                held_bytes += size
                self._count(user, size)

        try:
            yield take
        finally:
            with self._lock:
                self._count(user, -held_bytes)

    def _count(self, user: str, size: int) -> None:
        self._free_bytes -= size
        self._held_by[user] += size

    async def receive(self, take: Take, receive: Receive) -> bytes:
        """Returns the body as it was sent. Raises `EngineError`, and `Disconnected`."""
        pieces, more, size = [], True, 0
        now = asyncio.get_running_loop().time
        last = now() + self._body_s
        while more:
            try:
                message = await asyncio.wait_for(receive(), min(IDLE_S, last - now()))
            except TimeoutError as error:
                raise refusal(Code.SOCKET_TIMEOUT, "The body stopped.") from error
            if message["type"] != "http.request":
                raise Disconnected
            piece, more = message["body"], message["more_body"]
            size += len(piece)
            if size > self._max_body_bytes:
                raise refusal(Code.QUERY_IS_TOO_LARGE, "The body is too large.")
            take(len(piece))
            pieces.append(piece)
        return b"".join(pieces)

    def open(self, ask: Ask, take: Take, wire: bytes) -> tuple[Ask, bytes]:
        """Returns the request with its fields from a form, and its body inflated. Blocking."""
        coding = ask.headers.get("content-encoding", "").strip().lower()
        body = wire
        if coding not in {"", "identity"}:
            body = inflate(wire, coding, self._max_body_bytes, take)
        if ask.headers.get("content-type", "").lower().startswith("multipart/form-data"):
            return _read_form(ask, body, self._max_body_bytes), b""
        return ask, body


def _read_form(ask: Ask, body: bytes, max_bytes: int) -> Ask:
    """Adds the fields of a form: clients send so what is bound where it is too long for a URL."""
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
        raise refusal(Code.BAD_ARGUMENTS, f"Not a form: {error}") from error
    for part in parts:
        if part.filename or not (part.name == "query" or part.name.startswith(PARAMETER)):
            raise refusal(Code.NOT_IMPLEMENTED, "External data is not understood.")
        if part.name == "query":
            query += part.raw
        else:
            parameters[part.name] = part.raw.decode("utf-8", "replace")
    return ask._replace(query=query, parameters=parameters)
