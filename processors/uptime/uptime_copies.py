"""Has the store's copy of uptime by day follow the control plane, for dashboards; one process."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from clickhouse.client import Warehouse
from clickhouse.uptime_days import UptimeDay, list_uptime_days, write_uptime_days
from controlplane.database import Database
from controlplane.uptime.courses import Course, read_courses, silent_since
from controlplane.uptime.watched import AT_ONCE, Watched, list_watched
from schemas.uptime.days import Day, day_bars, last_days
from schemas.uptime.measures import SECOND_US
from schemas.uptime.stretches import Stretch

EVERY_S = 300.0
WHOLE_EVERY_S = 3600.0
DAYS, ALL_DAYS = 2, 90


class UptimeCopies:
    """Writes the days that are others than in the store; to be asked every `EVERY_S`."""

    def __init__(
        self,
        database: Database,
        warehouse: Warehouse,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._warehouse = warehouse
        self._clock = clock
        self._monotonic = monotonic
        self._whole_due_s = 0.0

    async def work(self) -> None:
        """Compares the last two days; at first, and once an hour, the last ninety."""
        now_us = int(self._clock() * SECOND_US)
        is_whole = self._monotonic() >= self._whole_due_s
        days = last_days("UTC", ALL_DAYS if is_whole else DAYS, now_us)
        after = ""
        while True:
            monitors = await list_watched(self._database, after=after)
            if monitors:
                await self._copy(monitors, days, now_us)
            if len(monitors) < AT_ONCE:
                break
            after = monitors[-1].monitor_id
        if is_whole:
            self._whole_due_s = self._monotonic() + WHOLE_EVERY_S

    async def _copy(self, monitors: Sequence[Watched], days: Sequence[Day], now_us: int) -> None:
        ids: list[str] = [one.monitor_id for one in monitors]
        bounds = Stretch(days[0].bounds.start_us, now_us)
        courses = await read_courses(self._database, monitors, bounds)
        known = await list_uptime_days(self._warehouse, ids, days[0].day)
        wanted = await asyncio.to_thread(_days_of, monitors, courses, days, now_us)
        same = set(known)
        await write_uptime_days(self._warehouse, [one for one in wanted if one not in same])


def _days_of(
    monitors: Sequence[Watched],
    courses: Mapping[Any, Course],
    days: Sequence[Day],
    now_us: int,
) -> list[UptimeDay]:
    found = []
    for one in monitors:
        bars = day_bars(days, one.created_us, *courses[one.monitor_id])
        for bar in bars:
            of = bar.measured
            if of.before_us and not of.counted_us + of.unknown_us:
                continue  # it was not there yet
            found.append(
                UptimeDay(
                    one.project_id,
                    one.monitor_id,
                    bar.day,
                    one.name,
                    _state(one, now_us) if bar.day == days[-1].day else "",
                    one.target_ppm,
                    *(of.up_us, of.degraded_us, of.down_us, of.unknown_us),
                    *(of.maintenance_us, of.paused_us, of.excluded_us, of.before_us, of.outages),
                )
            )
    return found


def _state(one: Watched, now_us: int) -> str:
    if one.paused:
        return "paused"
    return "unknown" if silent_since(one, now_us) is not None else one.state
