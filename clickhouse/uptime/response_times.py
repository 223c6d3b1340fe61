"""How fast monitors answered, hour by hour: what a public status page may show of them."""

from collections.abc import Collection

from clickhouse.client import Warehouse
from schemas.projects import ProjectId

HOURS = 24
HOUR_US = 3_600_000_000
BY_HOUR = """
SELECT
    monitor_id,
    toUInt32(intDiv(toUnixTimestamp64Micro(slot) - {from_us:Int64}, 3600000000)) AS hour,
    quantileExact(0.5)(total_ms)
FROM checks
WHERE project_id = {project_id:String}
    AND monitor_id IN {monitor_ids:Array(String)}
    AND slot >= fromUnixTimestamp64Micro({from_us:Int64}, 'UTC')
    AND slot < fromUnixTimestamp64Micro({to_us:Int64}, 'UTC')
    AND outcome IN ('ok', 'degraded')
GROUP BY monitor_id, hour
LIMIT 10000
"""


async def median_by_hour(
    warehouse: Warehouse, project_id: ProjectId, monitor_ids: Collection[str], to_us: int
) -> dict[str, list[float | None]]:
    """Returns the median of each of the last 24 hours in milliseconds, the oldest first.

    An hour without a check that passed is `None`. A monitor without any is not in it.
    """
    values = {
        "project_id": project_id,
        "monitor_ids": sorted(monitor_ids),
        "from_us": to_us - HOURS * HOUR_US,
        "to_us": to_us,
    }
    found: dict[str, list[float | None]] = {}
    for monitor_id, hour, median_ms in (await warehouse.query(BY_HOUR, values)).rows:
        of_monitor = found.setdefault(monitor_id, [None] * HOURS)
        of_monitor[min(hour, HOURS - 1)] = round(float(median_ms), 1)
    return found
