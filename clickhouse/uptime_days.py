"""Uptime by day as dashboards read it: a copy of what the control plane knows."""

from collections.abc import Iterable
from datetime import date
from itertools import islice
from typing import Any, NamedTuple

from clickhouse.client import Warehouse

AT_ONCE = 200
"""Rows in one statement: names go into it, at most 200 characters of 4 bytes each."""
LISTED = """
SELECT
    project_id, monitor_id, day, name, state, target_ppm,
    up_us, degraded_us, down_us, unknown_us, maintenance_us, paused_us, before_us, outages
FROM uptime_days FINAL
WHERE monitor_id IN {monitor_ids:Array(String)}
    AND day >= {first_day:Date}
"""
WRITE = """
INSERT INTO uptime_days (
    project_id, monitor_id, day, name, state, target_ppm,
    up_us, degraded_us, down_us, unknown_us, maintenance_us, paused_us, before_us, outages,
    noted_at
)
SELECT
    project_ids, monitor_ids, days, names, states, targets,
    numbers.1, numbers.2, numbers.3, numbers.4, numbers.5, numbers.6, numbers.7, numbers.8,
    now64(6)
FROM (SELECT 1)
ARRAY JOIN
    {project_ids:Array(String)} AS project_ids,
    {monitor_ids:Array(String)} AS monitor_ids,
    {days:Array(Date)} AS days,
    {names:Array(String)} AS names,
    {states:Array(String)} AS states,
    {targets:Array(UInt32)} AS targets,
    {numbers:Array(Tuple(UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt32))}
        AS numbers
"""


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
        values: dict[str, Any] = {
            "project_ids": [one.project_id for one in page],
            "monitor_ids": [one.monitor_id for one in page],
            "days": [one.day for one in page],
            "names": [one.name for one in page],
            "states": [one.state for one in page],
            "targets": [one.target_ppm for one in page],
            "numbers": [tuple(one[6:]) for one in page],
        }
        await warehouse.command(WRITE, values)
