"""Starts wait for the engines that they need: after a power cut everything starts at once."""

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

import structlog
from tenacity import (
    AsyncRetrying,
    retry_if_exception_type,
    stop_after_delay,
    wait_random_exponential,
)

from clickhouse.failures import WarehouseUnavailable
from controlplane.failures import Unavailable
from eventlog.log import LogUnavailable

T = TypeVar("T")

START_PATIENCE_S = 60.0
"""How long a start waits for an engine; whoever started us starts us again after that."""

log = structlog.get_logger(__name__)


class Wait(Protocol):
    """`patiently` or `at_once`."""

    async def __call__(self, ask: Callable[[], Awaitable[T]], whom: str) -> T: ...


async def patiently(ask: Callable[[], Awaitable[T]], whom: str) -> T:
    """Asks until the engine answers or the patience of a start is at its end."""
    tries = AsyncRetrying(
        retry=retry_if_exception_type((LogUnavailable, WarehouseUnavailable, Unavailable)),
        wait=wait_random_exponential(multiplier=0.2, max=5.0),
        stop=stop_after_delay(START_PATIENCE_S),
        before_sleep=lambda state: log.warning(
            f"waiting for {whom}",
            reason=str(state.outcome.exception())[:300] if state.outcome else "",
        ),
        reraise=True,
    )
    return await tries(ask)


async def at_once(ask: Callable[[], Awaitable[T]], whom: str) -> T:
    """Asks once: what `sluice up` needs should be there before it."""
    return await ask()
