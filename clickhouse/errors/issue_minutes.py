"""The course of an issue by minutes, for times of which an hour says too little."""

from collections.abc import Sequence

from clickhouse.client import Warehouse
from clickhouse.errors.event_filters import EventFilter, condition
from clickhouse.errors.issue_details import Hour
from schemas.projects import ProjectContext

MOST_MINUTES = 24 * 60
MINUTES = """
SELECT toUnixTimestamp(toStartOfMinute(timestamp)) AS minute_s, count() AS events,
    uniqExactIf(user_hash, user_key != '') AS people
FROM errors
WHERE {where}
GROUP BY minute_s
ORDER BY minute_s DESC
LIMIT {limit:UInt32}
"""


async def read_minutes(
    warehouse: Warehouse,
    project: ProjectContext,
    hashes: Sequence[int],
    from_us: int,
    to_us: int,
) -> list[Hour]:
    """Returns the minutes that have events, the first one first; of a day at most, the newest."""
    wanted = EventFilter(group_hashes=tuple(hashes), from_us=from_us, to_us=to_us)
    where = condition(project, wanted)
    sql = MINUTES.replace("{where}", where.sql)
    rows = (await warehouse.query(sql, where.values | {"limit": MOST_MINUTES})).rows
    return [Hour(row[0] * 1_000_000, row[1], row[2]) for row in reversed(rows)]
