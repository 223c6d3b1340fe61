"""The body of a request for an app, as it comes, and whether who sent it is still there."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

from litestar.types import Receive

from schemas.scopes import field_of


class ClientLeft(Exception):
    """Raised when a client has closed its connection before all of its body had come."""


class Incoming:
    """One body. It is passed on while it comes: what the app does not take is not read either."""

    def __init__(self, scope: Any, receive: Receive) -> None:
        self._receive = receive
        length = field_of(scope, b"content-length")
        self.is_chunked = field_of(scope, b"transfer-encoding") is not None
        self.length = None if self.is_chunked or length is None else length.decode("latin-1")
        self.is_there = self.is_chunked or (self.length or "0").strip("0") != ""
        self.is_begun = False
        self._ended = asyncio.Event()
        if not self.is_there:
            self._ended.set()
        self.has_left = False
        """Whether it is known that the client is gone."""

    async def pieces(self, on_piece: Callable[[], None]) -> AsyncIterator[bytes]:
        """Yields the body; calls `on_piece` whenever more of it has come. Raises `ClientLeft`."""
        self.is_begun = True
        more = True
        while more:
            message: Any = await self._receive()
            if message["type"] == "http.disconnect":
                self.has_left = True
                self._ended.set()
                # To end here would make half a body look like a whole one to the app.
                raise ClientLeft
            on_piece()
            more = message.get("more_body", False)
            if piece := message.get("body", b""):
                yield piece
        self._ended.set()

    async def left(self) -> None:
        """Returns when the client has left; only then, or when the answer is complete."""
        await self._ended.wait()
        while not self.has_left:
            message: Any = await self._receive()
            self.has_left = message["type"] == "http.disconnect"
