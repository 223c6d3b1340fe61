"""Deletes what is too old, and what belonged to a deleted project, from every table alike.

Base tables and rollups are cut at the same `received_date`, so that they keep telling the same
numbers.
"""

from collections.abc import Mapping

from clickhouse.client import Warehouse
from schemas.projects import ProjectId

TABLES = """
SELECT DISTINCT table
FROM system.columns
WHERE database = currentDatabase() AND name = 'received_date' AND table NOT LIKE '.%'
    AND table IN (SELECT name FROM system.tables WHERE database = currentDatabase()
        AND engine NOT LIKE '%View')
ORDER BY table
"""
EXPIRED = """
SELECT count()
FROM {table:Identifier}
WHERE project_id NOT IN {own:Array(String)} AND received_date < today() - {days:UInt32}
"""
EXPIRE = """
DELETE FROM {table:Identifier}
WHERE project_id NOT IN {own:Array(String)} AND received_date < today() - {days:UInt32}
"""
PROJECT_EXPIRED = """
SELECT count()
FROM {table:Identifier}
WHERE project_id = {project_id:String} AND received_date < today() - {days:UInt32}
"""
PROJECT_EXPIRE = """
DELETE FROM {table:Identifier}
WHERE project_id = {project_id:String} AND received_date < today() - {days:UInt32}
"""
PURGE = "DELETE FROM {table:Identifier} WHERE project_id = {project_id:String}"


async def expire_rows(
    warehouse: Warehouse, *, default_days: int, days: Mapping[ProjectId, int]
) -> None:
    """Deletes rows received longer ago than their project keeps them."""
    for table in await tables_with_data(warehouse):
        values = {"table": table, "days": default_days, "own": sorted(days)}
        await _delete_if_any(warehouse, EXPIRED, EXPIRE, values)
        for project_id, own_days in days.items():
            values = {"table": table, "days": own_days, "project_id": project_id}
            await _delete_if_any(warehouse, PROJECT_EXPIRED, PROJECT_EXPIRE, values)


async def purge_project(warehouse: Warehouse, project_id: ProjectId) -> None:
    """Deletes every row of a project, from every table."""
    for table in await tables_with_data(warehouse):
        await warehouse.command(PURGE, {"table": table, "project_id": project_id})


async def tables_with_data(warehouse: Warehouse) -> list[str]:
    """Returns every table that holds rows of projects, rollups included."""
    return [row[0] for row in (await warehouse.query(TABLES)).rows]


async def _delete_if_any(
    warehouse: Warehouse, count: str, delete: str, values: Mapping[str, object]
) -> None:
    # A deletion rewrites parts: look first, for most days nothing is due.
    if (await warehouse.query(count, values)).rows[0][0]:
        await warehouse.command(delete, values)
