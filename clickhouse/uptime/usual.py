"""How long checks take now, and how long they took at the same time of the last weeks."""

from collections.abc import Sequence
from typing import Any

from clickhouse.client import Warehouse
from schemas.projects import ProjectId
from schemas.uptime.stretches import Stretch

QUARTERS = 4
"""Of the time that is compared in each week; now is one alone."""
MEDIANS = """
SELECT
    monitor_id::String,
    week,
    intDiv(toUnixTimestamp64Micro(slot) - starts_us[week + 1], {quarter_us:Int64}) AS quarter,
    count(),
    quantileExact(0.5)(total_ms)
FROM (
    SELECT monitor_id, slot, total_ms,
        {starts_us:Array(Int64)} AS starts_us,
        {ends_us:Array(Int64)} AS ends_us,
        arrayFirstIndex(
            (start_us, end_us) -> toUnixTimestamp64Micro(slot) >= start_us
                AND toUnixTimestamp64Micro(slot) < end_us,
            starts_us, ends_us
        ) - 1 AS week
    FROM checks
    WHERE project_id = {project_id:String}
        AND monitor_id IN {monitor_ids:Array(String)}
        AND ({ranges})
        AND outcome IN ('ok', 'degraded')
        AND total_ms > 0
)
GROUP BY monitor_id, week, quarter
LIMIT 100000
"""
RANGE = """(slot >= fromUnixTimestamp64Micro({from_%d:Int64}, 'UTC')
            AND slot < fromUnixTimestamp64Micro({to_%d:Int64}, 'UTC'))"""


async def read_medians(
    warehouse: Warehouse,
    project_id: ProjectId,
    monitor_ids: Sequence[str],
    weeks: Sequence[Stretch],
    quarter_us: int,
) -> dict[str, list[tuple[int, int, float]]]:
    """Returns by monitor, for each quarter with checks that passed: week, checks, median ms.

    `weeks` are ranges that do not meet; the first is now.
    """
    values: dict[str, Any] = {
        "project_id": project_id,
        "monitor_ids": list(monitor_ids),
        "starts_us": [one.start_us for one in weeks],
        "ends_us": [one.end_us for one in weeks],
        "quarter_us": quarter_us,
    }
    for number, one in enumerate(weeks):
        values |= {f"from_{number}": one.start_us, f"to_{number}": one.end_us}
    ranges = "\n        OR ".join(RANGE % (number, number) for number in range(len(weeks)))
    found: dict[str, list[tuple[int, int, float]]] = {}
    rows = (await warehouse.query(MEDIANS.replace("{ranges}", ranges), values)).rows
    for monitor_id, week, _, checks, median_ms in rows:
        found.setdefault(monitor_id, []).append((week, checks, float(median_ms)))
    return found
