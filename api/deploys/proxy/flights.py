"""What is under way to each instance, so that an old one is stopped when nobody waits for it."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from schemas.deploys.routing import Route
from schemas.metrics import APP_REQUESTS_RUNNING, APP_SOCKETS

MOST_REQUESTS = 512
"""Of one app at one time. Each holds up to some hundred kilobytes in both directions together."""
MOST_SOCKETS = 2_000


class TooManyAtOnce(Exception):
    """Raised when an app has as many requests or WebSockets as one app may have at one time."""


class _Instance:
    """What is under way to one instance."""

    def __init__(self) -> None:
        self.requests = 0
        self.quiet = asyncio.Event()
        self.quiet.set()
        self.sockets: set[Callable[[], None]] = set()
        """For each WebSocket what closes it."""


class Flights:
    """Requests and WebSockets of all apps; a process has one."""

    def __init__(self, *, most_requests: int = MOST_REQUESTS, most_sockets: int = MOST_SOCKETS):
        self._most_requests = most_requests
        self._most_sockets = most_sockets
        self._instances: dict[str, _Instance] = {}

    @contextmanager
    def request(self, route: Route) -> Iterator[None]:
        """Counts a request until its answer has been sent. Raises `TooManyAtOnce`."""
        instance = self._instances.setdefault(route.instance_id, _Instance())
        if instance.requests >= self._most_requests:
            raise TooManyAtOnce
        instance.requests += 1
        instance.quiet.clear()
        APP_REQUESTS_RUNNING.inc()
        try:
            yield
        finally:
            APP_REQUESTS_RUNNING.dec()
            instance.requests -= 1
            if not instance.requests:
                instance.quiet.set()
            self._forget(route.instance_id)

    @contextmanager
    def socket(self, route: Route, close: Callable[[], None]) -> Iterator[None]:
        """Counts a WebSocket; `close` is called to end it. Raises `TooManyAtOnce`."""
        instance = self._instances.setdefault(route.instance_id, _Instance())
        if len(instance.sockets) >= self._most_sockets:
            raise TooManyAtOnce
        instance.sockets.add(close)
        APP_SOCKETS.inc()
        try:
            yield
        finally:
            APP_SOCKETS.dec()
            instance.sockets.discard(close)
            self._forget(route.instance_id)

    def requests_of(self, instance_id: str) -> int:
        """Returns how many requests wait for an instance, or are being answered by it."""
        instance = self._instances.get(instance_id)
        return instance.requests if instance else 0

    def sockets_of(self, instance_id: str) -> int:
        """Returns how many WebSockets lead to an instance."""
        instance = self._instances.get(instance_id)
        return len(instance.sockets) if instance else 0

    async def drain(self, instance_id: str, timeout_s: float) -> int:
        """Waits until no request is under way to an instance, then closes its WebSockets.

        Returns how many requests are left when the time is over. To be called when the routes do
        not lead to it any more. May be called twice.
        """
        instance = self._instances.get(instance_id)
        if instance is None:
            return 0
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await instance.quiet.wait()
        for close in tuple(instance.sockets):
            close()
        return instance.requests

    def _forget(self, instance_id: str) -> None:
        instance = self._instances[instance_id]
        if not instance.requests and not instance.sockets:
            del self._instances[instance_id]
