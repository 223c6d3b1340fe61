"""Uptime by day as dashboards read it: a copy of what the control plane knows."""

import time
import uuid
from collections.abc import Iterable
from datetime import date
from itertools import islice
from typing import NamedTuple

import pyarrow as pa

from clickhouse.client import Warehouse
from clickhouse.tables import encode, times

AT_ONCE = 50_000
"""Rows in one insert: 500 monitors over 90 days."""
LISTED = """
SELECT
    project_id, monitor_id, day, name, state, target_ppm,
    up_us, degraded_us, down_us, unknown_us,
    maintenance_us, paused_us, voided_us, before_us, outages
FROM uptime_days FINAL
WHERE monitor_id IN {monitor_ids:Array(String)}
    AND day >= {first_day:Date}
"""


TEXTS = ("project_id", "monitor_id", "name", "state")
LENGTHS = (
    *("up_us", "degraded_us", "down_us", "unknown_us"),
    *("maintenance_us", "paused_us", "voided_us", "before_us"),
)
TYPES = {
    **dict.fromkeys(TEXTS, pa.string()),
    "day": pa.date32(),
    **dict.fromkeys(("target_ppm", "outages"), pa.uint32()),
    **dict.fromkeys(LENGTHS, pa.uint64()),
}


class UptimeDay(NamedTuple):
    """How a day of UTC of a monitor divides, in microseconds."""

    project_id: str
    monitor_id: str
    day: date
    name: str
    state: str
    target_ppm: int
    up_us: int
    degraded_us: int
    down_us: int
    unknown_us: int
    maintenance_us: int
    paused_us: int
    voided_us: int
    before_us: int
    outages: int


async def list_uptime_days(
    warehouse: Warehouse, monitor_ids: list[str], first_day: date
) -> list[UptimeDay]:
    """Returns the days of monitors as the store has them."""
    values = {"monitor_ids": monitor_ids, "first_day": first_day}
    return [UptimeDay(*row) for row in (await warehouse.query(LISTED, values)).rows]


async def write_uptime_days(warehouse: Warehouse, days: Iterable[UptimeDay]) -> None:
    """Puts days in the place of what the store has of them; a repeat changes nothing."""
    waiting = iter(days)
    while page := list(islice(waiting, AT_ONCE)):
        noted = times([time.time_ns() // 1000] * len(page))
        columns = dict(zip(UptimeDay._fields, map(list, zip(*page, strict=True)), strict=True))
        arrays = {name: pa.array(columns[name], kind) for name, kind in TYPES.items()}
        arrays["noted_at"] = noted
        rows = pa.record_batch(list(arrays.values()), names=list(arrays))
        # Each is another one: what is written again has changed.
        await warehouse.insert("uptime_days", encode(rows), uuid.uuid4().hex)
