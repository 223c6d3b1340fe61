"""Keeps the store's list of projects as the control plane has it."""

from clickhouse.client import Warehouse
from clickhouse.projects import ListedProject, list_projects, remove_projects, write_projects
from controlplane.database import Database
from controlplane.directory import all_projects


async def follow_projects(database: Database, warehouse: Warehouse) -> None:
    """Looks once, and writes what has changed. Safe to repeat; a second process writes the same.

    It compares with the store, not with what it wrote before: a store that was restored from a
    backup, or written by another worker meanwhile, is right after the next look.
    """
    live = {
        row.project_id: ListedProject(row.project_id, row.name, row.cost_preference, row.time_zone)
        for row in await all_projects(database)
    }
    listed = {one.project_id: one for one in await list_projects(warehouse)}
    changed = [one for project_id, one in live.items() if listed.get(project_id) != one]
    if changed:
        await write_projects(warehouse, changed)
    if gone := listed.keys() - live.keys():
        await remove_projects(warehouse, gone)
