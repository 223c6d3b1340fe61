"""Has the daily histograms of checks follow the checks that are stored; one process does it."""

import time
from collections.abc import Callable
from datetime import timedelta

import structlog

from clickhouse.check_days import build_days, day_of, list_stale_days
from clickhouse.client import Warehouse
from schemas.uptime.measures import SECOND_US

EVERY_S = 300.0
WHOLE_EVERY_S = 86_400.0
KEPT_DAYS = 400
LOOKED_BACK_US = 3 * 3600 * SECOND_US
"""How long ago checks were received whose days are looked at each time; of later ones, the next
look at all days tells."""
MOST_ROUNDS = 200

log = structlog.get_logger(__name__)


class DaySums:
    """Builds the days that are over; to be asked every `EVERY_S`."""

    def __init__(
        self,
        warehouse: Warehouse,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        # For minutes at the first time, if there are many checks.
        self._warehouse = warehouse.aside
        self._clock = clock
        self._monotonic = monotonic
        self._whole_due_s = 0.0

    async def work(self) -> None:
        """Builds what is due; at first, and once a day, it looks at all days."""
        now_us = int(self._clock() * SECOND_US)
        today = day_of(now_us)
        is_whole = self._monotonic() >= self._whole_due_s
        since_us = None if is_whole else now_us - LOOKED_BACK_US
        first = today - timedelta(days=KEPT_DAYS)
        built, before = 0, None
        for _ in range(MOST_ROUNDS):
            stale = await list_stale_days(self._warehouse, first, today, since_us=since_us)
            # Where a copy of the store is behind, the same days are found again.
            if not stale or stale == before:
                break
            await build_days(self._warehouse, stale)
            built, before = built + len(stale), stale
        if built:
            log.info("daily histograms of checks were built", count=built)
        if is_whole:
            self._whole_due_s = self._monotonic() + WHOLE_EVERY_S
