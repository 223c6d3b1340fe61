"""Errors and transactions of several projects, added up from their hours."""

from collections.abc import Sequence
from typing import NamedTuple

from clickhouse.client import Warehouse
from schemas.projects import ProjectId

ERRORS = """
SELECT project_id::String, sum(events),
    sumIf(events, hour >= fromUnixTimestamp64Micro({since_us:Int64}, 'UTC'))
FROM error_hours
WHERE project_id IN {projects:Array(String)}
GROUP BY project_id
LIMIT {limit:UInt32}
"""
TRANSACTIONS = """
SELECT project_id::String, sum(count),
    sumIf(count, hour >= fromUnixTimestamp64Micro({since_us:Int64}, 'UTC')),
    sumIf(failed, hour >= fromUnixTimestamp64Micro({since_us:Int64}, 'UTC'))
FROM transaction_hours
WHERE project_id IN {projects:Array(String)}
GROUP BY project_id
LIMIT {limit:UInt32}
"""


class Totals(NamedTuple):
    """Of one project: all that is stored, and what is of the time since a full hour."""

    events: int = 0
    events_since: int = 0
    transactions: int = 0
    transactions_since: int = 0
    failed_since: int = 0


async def add_up_projects(
    warehouse: Warehouse, project_ids: Sequence[ProjectId], since_us: int
) -> dict[ProjectId, Totals]:
    """Returns the totals of each of the projects."""
    values = {"projects": list(project_ids), "since_us": since_us, "limit": len(project_ids)}
    found = dict.fromkeys(project_ids, Totals())
    if project_ids:
        for project_id, *counts in (await warehouse.query(ERRORS, values)).rows:
            found[project_id] = Totals(*counts)
        for project_id, *counts in (await warehouse.query(TRANSACTIONS, values)).rows:
            found[project_id] = Totals(*found[project_id][:2], *counts)
    return found
