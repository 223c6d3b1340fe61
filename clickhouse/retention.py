"""Deletes what is too old, and what belonged to a deleted project, from every table alike.

Base tables and rollups are cut at the same `received_date`, so that they keep telling the same
numbers. The day is the caller's, in UTC as every `received_date`: an engine's own `today()` is that
of its machine's zone.
"""

from collections.abc import Mapping
from datetime import date, timedelta

from clickhouse.client import Warehouse
from schemas.projects import ProjectId

FIRST_DAY = date(1970, 1, 1)
"""Of the type Date."""
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
WHERE project_id NOT IN {own:Array(String)} AND received_date < {before:Date}
"""
EXPIRE = """
DELETE FROM {table:Identifier}
WHERE project_id NOT IN {own:Array(String)} AND received_date < {before:Date}
"""
PROJECT_EXPIRED = """
SELECT count()
FROM {table:Identifier}
WHERE project_id = {project_id:String} AND received_date < {before:Date}
"""
PROJECT_EXPIRE = """
DELETE FROM {table:Identifier}
WHERE project_id = {project_id:String} AND received_date < {before:Date}
"""
PURGE = "DELETE FROM {table:Identifier} WHERE project_id = {project_id:String}"


async def expire_rows(
    warehouse: Warehouse, *, today: date, default_days: int, days: Mapping[ProjectId, int]
) -> None:
    """Deletes rows received longer ago than their project keeps them; `today` is that of UTC."""
    for table in await tables_with_data(warehouse):
        before = _days_before(today, default_days)
        values = {"table": table, "before": before, "own": sorted(days)}
        await _delete_if_any(warehouse, EXPIRED, EXPIRE, values)
        for project_id, own_days in days.items():
            before = _days_before(today, own_days)
            values = {"table": table, "before": before, "project_id": project_id}
            await _delete_if_any(warehouse, PROJECT_EXPIRED, PROJECT_EXPIRE, values)


async def purge_project(warehouse: Warehouse, project_id: ProjectId) -> None:
    """Deletes every row of a project, from every table."""
    for table in await tables_with_data(warehouse):
        await warehouse.command(PURGE, {"table": table, "project_id": project_id})


async def tables_with_data(warehouse: Warehouse) -> list[str]:
    """Returns every table that holds rows of projects, rollups included."""
    return [row[0] for row in (await warehouse.query(TABLES)).rows]


def _days_before(today: date, days: int) -> date:
    # Keeping for longer than days are counted is keeping everything.
    return today - timedelta(days=min(days, (today - FIRST_DAY).days))


async def _delete_if_any(
    warehouse: Warehouse, count: str, delete: str, values: Mapping[str, object]
) -> None:
    # A deletion rewrites parts: look first, for most days nothing is due.
    if (await warehouse.query(count, values)).rows[0][0]:
        await warehouse.command(delete, values)
