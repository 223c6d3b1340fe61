"""What a process does beside its traffic, again and again: retention, purges, memory."""

import asyncio
import ctypes
import time
from collections.abc import Awaitable, Callable
from datetime import datetime

import structlog

from clickhouse.errors import WarehouseError
from controlplane.errors import ControlPlaneError
from eventlog.log import LogError
from eventlog.sqlite_log import SqliteLog
from processors.purge import PurgedLog
from processors.retention import Retention

TRIM_EVERY_S = 10.0
PURGE_EVERY_S = 5.0
DAY_MS = 86_400_000
RETENTION_EVERY_S = 3600.0

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


async def retain(event_log: SqliteLog, retention: Retention, now: datetime) -> None:
    """Drops what is older than retention from store and log, and sessions that ended.

    Days are counted in UTC, of which `now` must be.
    """
    keeping = await retention.run(now)
    if keeping.purged:
        await event_log.purge_letters(keeping.purged)
    if keeping.today is not None:
        own_keep_ms = {project_id: days * DAY_MS for project_id, days in keeping.own_days.items()}
        await event_log.expire(int(now.timestamp() * 1000), own_keep_ms)


async def retain_shared(event_log: PurgedLog, retention: Retention, now: datetime) -> None:
    """The same for a worker: Kafka drops dead letters for their age, but not those of a project."""
    keeping = await retention.run(now)
    if keeping.purged:
        await event_log.purge_letters(keeping.purged)


async def trim_memory() -> None:
    """Gives back what large bodies have left in the allocator: measured 190 MB after 16 bombs."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        await asyncio.to_thread(trim, 0)
