"""Tells "we are offline" from "they are down"."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog

Canary = Callable[[], Awaitable[bool]]
"""Tells whether this machine is connected."""
TIMEOUT_S = 3.0
log = structlog.get_logger(__name__)


class SharedCanary:
    """One look for all who ask at a time, and none that began before somebody asked.

    A failure is judged by what is reachable after it: an answer of a moment ago tells nothing.
    """

    def __init__(self, ask: Canary) -> None:
        self._ask = ask
        self._now: asyncio.Task[bool] | None = None
        self._next: asyncio.Task[bool] | None = None

    async def __call__(self) -> bool:
        """Tells whether this machine is connected. A canary that breaks counts as connected."""
        if self._next is None:
            self._next = asyncio.get_running_loop().create_task(self._after(self._now))
        return await asyncio.shield(self._next)

    async def _after(self, before: asyncio.Task[bool] | None) -> bool:
        if before is not None and not before.done():
            await asyncio.wait([before])
        self._now, self._next = self._next, None
        try:
            return await self._ask()
        except Exception:
            log.exception("canary broke")
            return True


def tcp_canary(addresses: Sequence[tuple[str, int]]) -> Canary:
    """Returns a canary that is connected while one of these takes a TCP connection.

    Name what does not depend on each other, as the gateway and two resolvers of the Internet.
    """

    async def ask() -> bool:
        looks = {asyncio.ensure_future(_takes(host, port)) for host, port in addresses}
        try:
            for look in asyncio.as_completed(looks):
                if await look:
                    return True
        finally:
            for one in looks:
                one.cancel()
            await asyncio.gather(*looks, return_exceptions=True)
        return False

    return ask


async def _takes(host: str, port: int) -> bool:
    try:
        async with asyncio.timeout(TIMEOUT_S):
            _, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError):
        return False
    writer.transport.abort()
    return True
