"""Answers on their way: how many bytes of them are in hand, and how each is sent.

An answer is sent in texts of a few megabytes. Each is counted from before it is read until the
connection has taken it; the next is read after that. So an answer that nobody reads holds one text,
and no thread of the store.

TooManyAnswers   what is on its way already leaves no bytes for one more (503)
"""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any, Protocol

import structlog
from litestar.response import Response
from litestar.types import ASGIApp, Receive, Scope, Send
from msgspec import Struct, json

from schemas import metrics
from schemas.projects import ProjectId

PIECE_BYTES = 64 << 10
"""Handed to the connection at a time, which holds about as much itself. What is no longer than
that is sent at once and not counted."""
JSON = ((b"content-type", b"application/json"),)
WAIT_S = 10.0
RETRY_AFTER_S = 2

log = structlog.get_logger(__name__)


class TooManyAnswers(Exception):
    """Raised when too many bytes of answers are on their way for one more."""


class Outgoing:
    """The bytes of all answers in hand; one per process.

    No project may hold more than it leaves to others. So there are always some left, and a project
    that has none has half of them for certain.
    """

    def __init__(self, max_bytes: int, *, wait_s: float = WAIT_S) -> None:
        self._max_bytes = max_bytes
        self._wait_s = wait_s
        self._used = 0
        self._used_by: Counter[ProjectId] = Counter()
        self._given_back = asyncio.Event()

    @asynccontextmanager
    async def taken(self, project_id: ProjectId, size: int) -> AsyncIterator["Share"]:
        """Waits for bytes and yields them; the caller gives them back, but where this fails.

        Raises `TooManyAnswers` when there are none in time.
        """
        share = Share(self, project_id)
        try:
            async with asyncio.timeout(self._wait_s):
                while not self.fits(project_id, size):
                    await self._given_back.wait()
        except TimeoutError as error:
            metrics.ANSWERS_PUT_OFF.inc()
            raise TooManyAnswers from error
        share.change(size)
        try:
            yield share
        except BaseException:
            share.give_back()
            raise

    def fits(self, project_id: ProjectId, size: int) -> bool:
        """Tells whether a project may have so many bytes more."""
        size = self.counted(size)
        free = self._max_bytes - self._used
        return size <= free and self._used_by[project_id] + size <= free

    def counted(self, size: int) -> int:
        """Returns how much a text counts: a row may be larger than what one project may hold."""
        return min(size, self._max_bytes // 4)

    def add(self, project_id: ProjectId, size: int) -> None:
        """Counts bytes, or takes them off where they are less than none."""
        self._used += size
        self._used_by[project_id] += size
        if not self._used_by[project_id]:
            del self._used_by[project_id]
        metrics.ANSWER_BYTES.inc(size)
        if size < 0:
            self._given_back.set()
            self._given_back = asyncio.Event()


class Share:
    """The bytes that one answer holds."""

    def __init__(self, outgoing: Outgoing, project_id: ProjectId) -> None:
        self._outgoing = outgoing
        self._project_id = project_id
        self.size = 0

    def change(self, size: int) -> None:
        """Holds so many bytes from now on. Raises `TooManyAnswers` where there are not so many."""
        more = self._outgoing.counted(size) - self.size
        if more > 0 and not self._outgoing.fits(self._project_id, more):
            metrics.ANSWERS_PUT_OFF.inc()
            raise TooManyAnswers
        self._outgoing.add(self._project_id, more)
        self.size += more

    def give_back(self) -> None:
        """Holds nothing any more; may be called twice."""
        self.change(0)


class Texts(Protocol):
    """The items of an answer's one list, in texts of bounded size, without the list's brackets."""

    @property
    def is_last(self) -> bool:
        """Whether no text comes after the one that was taken last."""
        ...

    async def take(self) -> bytes:
        """Returns the next text, in place of the one before; may raise what the store raises."""
        ...

    def close(self) -> None:
        """Gives back what it holds; may be called twice."""
        ...


async def answer(shell: Struct, texts: Texts, *, status_code: int = 200) -> Response[bytes]:
    """Returns the answer `shell`, whose last list is empty and is filled with the texts.

    Closes the texts, now or when they are sent. What the first text raises is raised here, so that
    it is answered as ever.
    """
    before, _, after = json.encode(shell).rpartition(b"[]")
    try:
        text = await texts.take()
    except BaseException:
        texts.close()
        raise
    if not texts.is_last:
        return Streamed(before + b"[" + text, texts, b"]" + after, status_code=status_code)
    return whole(b"".join((before, b"[", text, b"]", after)), texts, status_code=status_code)


def whole(text: bytes, texts: Texts, *, status_code: int = 200) -> Response[bytes]:
    """Returns an answer whose bytes are all there; closes the texts when they are sent."""
    if len(text) > PIECE_BYTES:
        return Streamed(text, texts, b"", status_code=status_code)
    texts.close()
    return Response(text, status_code=status_code, media_type="application/json")


class Streamed(Response[bytes]):
    """An answer that is sent as its connection takes it.

    When something fails on the way the connection is broken off: what came is no whole JSON then.
    """

    def __init__(
        self,
        first: bytes,
        texts: Texts,
        after: bytes,
        *,
        status_code: int,
        own_headers: Sequence[tuple[bytes, bytes]] = JSON,
    ) -> None:
        super().__init__(b"", status_code=status_code, media_type="application/json")
        self._own_headers = own_headers
        self._first = first
        self._texts = texts
        self._after = after

    def to_asgi_response(self, *_: Any, **__: Any) -> ASGIApp:  # type: ignore[override]  # sent
        """Returns what sends it."""
        return self

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends it, or ends when nobody is there any more."""
        sending = asyncio.ensure_future(self._send(scope, send))
        gone = asyncio.ensure_future(_gone(receive))
        try:
            await asyncio.wait((sending, gone), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sending, gone):
                task.cancel()
            await asyncio.gather(sending, gone, return_exceptions=True)
            self._texts.close()
        if not sending.cancelled():
            sending.result()

    async def _send(self, scope: Scope, send: Send) -> None:
        headers = list(self._own_headers)
        if self._texts.is_last:
            length = len(self._first) + len(self._after)
            headers.append((b"content-length", str(length).encode()))
        status = self.status_code or 200
        await send({"type": "http.response.start", "status": status, "headers": headers})
        async with aclosing(self._pieces()) as pieces:
            try:
                async for piece in pieces:
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
            except Exception as error:
                # Left unfinished: the server then closes the connection.
                log.error("answer broken off", path=scope["path"], reason=str(error)[:1000])
                return
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _pieces(self) -> AsyncGenerator[bytes]:
        text, self._first = self._first, b""
        while True:
            for first in range(0, len(text), PIECE_BYTES):
                yield text[first : first + PIECE_BYTES]
            if self._texts.is_last:
                break
            del text
            text = await self._texts.take()
        if self._after:
            yield self._after


async def _gone(receive: Receive) -> None:
    """Returns when the client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass
