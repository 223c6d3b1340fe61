"""What a process does beside its traffic, again and again: retention, purges, memory."""

import asyncio
import ctypes
import time
from collections.abc import Awaitable, Callable

import structlog

from clickhouse.failures import WarehouseError
from controlplane.failures import ControlPlaneError
from eventlog.log import LogError
from sluice.lean import forget_unused_code

TRIM_EVERY_S = 10.0
FORGET_EVERY_S = 10.0
PURGE_EVERY_S = 5.0
FOLLOW_EVERY_S = 5.0
RETENTION_EVERY_S = 3600.0
REFRESH_EVERY_S = 2.0
ALONE_EVERY_S = 1.0

Work = Callable[[], Awaitable[object]]

log = structlog.get_logger(__name__)


async def repeat(seconds: float, work: Work) -> None:
    """Does the work at its interval until cancelled; no failure of a round ends it."""
    while True:
        try:
            await work()
        except (ControlPlaneError, WarehouseError, LogError) as error:
            log.warning("upkeep failed, will try again", reason=str(error)[:500])
        except Exception:
            # A bug in one task is no reason to end the server, or to leave its work undone unheard.
            log.exception("upkeep met a bug, will try again")
        await asyncio.sleep(seconds)


def while_leading(is_leader: Callable[[], bool], work: Work, *, every_s: float) -> Work:
    """Returns work that only the leader does, at most once in so many seconds.

    To be asked for more often than that: a worker becomes the leader some time after its start.
    """
    due_at = 0.0

    async def work_if_due() -> None:
        nonlocal due_at
        if is_leader() and time.monotonic() >= due_at:
            await work()
            due_at = time.monotonic() + every_s

    return work_if_due


def at_most(work: Work, *, every_s: float) -> Work:
    """Returns work that is done at most once in so many seconds, to be asked for more often."""
    return while_leading(lambda: True, work, every_s=every_s)


async def trim_memory() -> None:
    """Gives back what large bodies have left in the allocator: measured 190 MB after 16 bombs."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        await asyncio.to_thread(trim, 0)


async def forget_code() -> None:
    """Gives back code that only the start, a look or a merge needed."""
    await asyncio.to_thread(forget_unused_code)
