"""Answers that are ready before the body of their request has come wait for the rest of it.

Whoever answers earlier has to hope that the sender listens while it sends. Few do: a proxy or a
client that meets a closing connection in the middle of a body reports a reset, not the 401, 413 or
429 that was sent (RFC 9112 section 9.6). So the rest is read and dropped first, within bounds; what
comes beyond them is up to the discarding of `sluice.protocol`.

Who asks first whether to send it (`Expect`) is answered at once, and the connection is closed: Go's
clients would send the next request on it, where we wait for this body (CVE-2024-24791). Proxies
that pass the question on (Caddy) do not wait for its answer, so theirs is a body like any other.

An answer of an app, by our own proxy, is not held back (`BOTH_WAYS`): it may well come while the
body still does.
"""

import asyncio
from typing import Any

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from schemas.connections import BOTH_WAYS
from sluice.connections import Bounds

QUIET_S = 0.25
"""Who sends nothing for so long may be waiting for the answer."""
TOLD_BY_PROXIES = (b"x-forwarded-for", b"forwarded", b"via")
BODILESS = frozenset({"GET", "HEAD", "OPTIONS"})


def with_bodies_read(application: ASGIApp, bounds: Bounds) -> ASGIApp:
    """Holds an early answer back until its request's body has been read, or a bound is reached."""

    async def hold(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP or scope["method"] in BODILESS:
            await application(scope, receive, send)
            return
        rest = _Rest(receive, bounds)

        async def send_later(message: Any) -> None:
            is_held = not rest.is_read and BOTH_WAYS not in scope.get("state", ())
            if message["type"] == "http.response.start" and is_held:
                if rest.is_begun or not _waits(scope):
                    await rest.drop()
                else:
                    message["headers"] = [*message["headers"], (b"connection", b"close")]
            await send(message)

        await application(scope, rest.receive, send_later)

    return hold


class _Rest:
    """What is left of one body."""

    def __init__(self, receive: Receive, bounds: Bounds) -> None:
        self._receive = receive
        self._bounds = bounds
        self.is_begun = self.is_read = False

    async def receive(self) -> Any:
        message: Any = await self._receive()
        self.is_begun = True
        self.is_read = not message.get("more_body", False)
        return message

    async def drop(self) -> None:
        now, bounds = asyncio.get_running_loop().time, self._bounds
        began, dropped_bytes = now(), 0
        try:
            async with asyncio.timeout(QUIET_S) as clock:
                while not self.is_read and dropped_bytes < bounds.discarded_bytes:
                    message = await self.receive()
                    dropped_bytes += len(message.get("body", b""))
                    grace_s = bounds.discarded_s + dropped_bytes / bounds.least_bytes_per_s
                    clock.reschedule(min(now() + QUIET_S, began + grace_s))
        except TimeoutError:
            return


def _waits(scope: Scope) -> bool:
    """Tells whether the sender waits to be told to send its body."""
    names = {name for name, _ in scope["headers"]}
    return b"expect" in names and names.isdisjoint(TOLD_BY_PROXIES)
