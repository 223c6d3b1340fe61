"""Unusual latency: looked for again and again, told once until it is over."""

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import structlog

from clickhouse.client import Warehouse
from clickhouse.uptime.usual import QUARTERS, read_medians
from controlplane.database import Database
from controlplane.uptime.notices import (
    Noted,
    Notice,
    end_notice,
    list_timed,
    open_notice,
    open_notices,
)
from controlplane.uptime.overlays import read_overlays
from controlplane.uptime.watched import AT_ONCE, Watched, find_watched
from processors.uptime.unusual import Judged, Quarter, judge
from schemas.projects import ProjectId
from schemas.uptime.measures import SECOND_US
from schemas.uptime.stretches import Stretch, is_in
from schemas.zones import DAY_US, clock_of

EVERY_S = 60.0
WEEKS = 4
SHORTEST_US, LONGEST_US = 900 * SECOND_US, 6 * 3600 * SECOND_US
CHECKS_IN_QUARTER = 12
"""That a quarter is long enough for, but for `LONGEST_US`."""
UNUSUAL = Notice("latency.unusual", "")

log = structlog.get_logger(__name__)


class LatencyAlerts:
    """Looks at the monitors that want it; to be asked every `EVERY_S`."""

    def __init__(
        self, database: Database, warehouse: Warehouse, clock: Callable[[], float] = time.time
    ) -> None:
        self._database = database
        self._warehouse = warehouse
        self._clock = clock

    async def work(self) -> None:
        """Looks once."""
        now_us = int(self._clock() * SECOND_US)
        known = {monitor_id for monitor_id, _ in await open_notices(self._database, UNUSUAL.kind)}
        ids = await list_timed(self._database)
        for monitor_id in known.difference(ids):
            await end_notice(self._database, monitor_id, UNUSUAL, now_us)
        for first in range(0, len(ids), AT_ONCE):
            monitors = await find_watched(self._database, ids[first : first + AT_ONCE])
            for of, some in _alike(monitors).items():
                for one, judged in await self._judge(*of, some, now_us):
                    await self._note(one, judged, one.monitor_id in known, now_us)

    async def _judge(
        self,
        project_id: ProjectId,
        time_zone: str,
        quarter_us: int,
        monitors: Sequence[Watched],
        now_us: int,
    ) -> list[tuple[Watched, Judged]]:
        weeks = weeks_before(time_zone, quarter_us, now_us)
        ids = [one.monitor_id for one in monitors]
        found = await read_medians(self._warehouse, project_id, ids, weeks, quarter_us)
        quarters = {name: [Quarter(*row) for row in rows] for name, rows in found.items()}
        judged = [(one, judge(quarters.get(one.monitor_id, ()))) for one in monitors]
        return [(one, told) for one, told in judged if told is not None]

    async def _note(self, of: Watched, judged: Judged, is_known: bool, now_us: int) -> None:
        if is_known and judged.is_usual:
            await end_notice(self._database, of.monitor_id, UNUSUAL, now_us)
        elif judged.is_unusual and not is_known and not await self._is_maintained(of, now_us):
            noted = Noted(now_us, now_us, False, _details(judged))
            if await open_notice(self._database, of, UNUSUAL, noted):
                log.info("latency is unusual", monitor_id=of.monitor_id)

    async def _is_maintained(self, of: Watched, now_us: int) -> bool:
        """Tells whether maintenance makes it slow: if it is still slow behind it, that is told."""
        now = Stretch(now_us - 1, now_us)
        async with self._database.reading() as session:
            overlays = await read_overlays(session, of.monitor_id, now)
        return is_in(overlays.maintenance, now_us - 1)


def weeks_before(time_zone: str, quarter_us: int, now_us: int) -> list[Stretch]:
    """Returns the quarter that ends now, and those around it at the same local time of weeks."""
    clock = clock_of(time_zone, now_us - (WEEKS + 1) * 7 * DAY_US, now_us)
    local_us = now_us + clock.offset_at(now_us)
    found = [Stretch(now_us - quarter_us, now_us)]
    for week in range(1, WEEKS + 1):
        then_us = clock.first_of(local_us - week * 7 * DAY_US)
        start_us = then_us - (QUARTERS - 1) * quarter_us
        found.append(Stretch(start_us, start_us + QUARTERS * quarter_us))
    return found


def _alike(monitors: Sequence[Watched]) -> Mapping[tuple[ProjectId, str, int], list[Watched]]:
    """Returns monitors by what one statement asks for; those looked at too seldom are left out."""
    found = defaultdict(list)
    for one in monitors:
        quarter_us = max(SHORTEST_US, CHECKS_IN_QUARTER * one.interval_us)
        if quarter_us <= LONGEST_US:
            found[(one.project_id, one.time_zone, quarter_us)].append(one)
    return found


def _details(judged: Judged) -> dict[str, Any]:
    return {
        "message": f"Half of its checks take more than {judged.now_ms:.0f} ms. Usual at this time "
        f"are {judged.usual_ms:.0f} ms; more than {judged.limit_ms:.0f} ms is told.",
        "p50_ms": round(judged.now_ms, 3),
        "usual_ms": round(judged.usual_ms, 3),
        "limit_ms": round(judged.limit_ms, 3),
    }
