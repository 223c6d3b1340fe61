"""Removes source maps that no event needed for a long time, and pieces that nobody put together."""

import time
from collections.abc import Callable

import structlog

from controlplane.database import Database
from controlplane.errors.source_maps.bundles import expire_bundles
from controlplane.errors.source_maps.chunks import expire_chunks

EVERY_S = 3600.0

log = structlog.get_logger(__name__)


class ExpiredMaps:
    """One a process; called more often than it works."""

    def __init__(
        self, database: Database, days: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._database = database
        self._days = days
        self._clock = clock
        self._due_s = 0.0

    async def work(self) -> None:
        """Looks once an hour."""
        if self._clock() < self._due_s:
            return
        now_us = time.time_ns() // 1000
        await expire_chunks(self._database, now_us)
        gone = await expire_bundles(self._database, now_us, self._days)
        self._due_s = self._clock() + EVERY_S
        if gone:
            log.info("unused source maps removed", count=gone)
