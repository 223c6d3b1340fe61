"""How fresh the data of a project is: when what was stored last had arrived."""

import asyncio
import time

from clickhouse.client import Warehouse
from schemas.kinds import KINDS
from schemas.projects import ProjectContext

LOOKS_BACK_S = 90 * 86_400

# The ledger is small and in the order of its minutes; so the tables are read for one minute alone.
MINUTE = """
SELECT toUnixTimestamp(minute)
FROM outcomes
WHERE project_id = {project_id:String}
    AND minute >= toDateTime({from_s:Int64}, 'UTC')
    AND outcome = 'accepted'
ORDER BY project_id DESC, minute DESC
LIMIT 1
"""
NEWEST = """
SELECT toUnixTimestamp64Micro(max(received_at))
FROM {table:Identifier}
WHERE project_id = {project_id:String}
    AND received_at >= toDateTime64({from_s:Int64}, 6, 'UTC')
LIMIT 1
"""


async def newest_stored_us(warehouse: Warehouse, project: ProjectContext) -> int | None:
    """Returns when the event that was stored last arrived, `None` for none within 90 days."""
    given = {"project_id": project.project_id}
    since = given | {"from_s": int(time.time()) - LOOKS_BACK_S}
    minutes = (await warehouse.query(MINUTE, since)).rows
    if not minutes:
        return None
    within = given | {"from_s": int(minutes[0][0])}
    tables = [kind.tables[0].name for kind in KINDS]
    found = await asyncio.gather(
        *(warehouse.query(NEWEST, within | {"table": table}) for table in tables)
    )
    return max(int(answer.rows[0][0]) for answer in found) or int(minutes[0][0]) * 1_000_000
