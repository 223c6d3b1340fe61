"""The bodies of some events of a list, in one statement."""

from collections.abc import Sequence

from clickhouse.client import Warehouse
from clickhouse.errors.events import EventLine
from schemas.projects import ProjectContext

BODIES = """
SELECT event_id, body
FROM errors
WHERE project_id = {project_id:String}
    AND group_hash IN {hashes:Array(UInt64)}
    AND timestamp >= fromUnixTimestamp64Micro({from_us:Int64}, 'UTC')
    AND timestamp <= fromUnixTimestamp64Micro({to_us:Int64}, 'UTC')
    AND event_id IN {ids:Array(String)}
LIMIT {limit:UInt32}
"""


async def read_bodies(
    warehouse: Warehouse, project: ProjectContext, lines: Sequence[EventLine]
) -> dict[str, bytes]:
    """Returns the bodies of events by their ids. Raises `QueryTooExpensive` for too many bytes."""
    if not lines:
        return {}
    values = {
        "project_id": project.project_id,
        "hashes": list({line.group_hash for line in lines}),
        "from_us": min(line.at_us for line in lines),
        "to_us": max(line.at_us for line in lines),
        "ids": [line.event_id for line in lines],
        "limit": len(lines),
    }
    rows = (await warehouse.query(BODIES, values, as_bytes=("body",))).rows
    return {row[0]: row[1] for row in rows}
