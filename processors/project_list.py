"""Keeps the store's list of projects as the control plane has it."""

import time
from collections.abc import Callable

from clickhouse.client import Warehouse
from clickhouse.projects import ListedProject, list_projects, remove_projects, write_projects
from controlplane.database import Database
from controlplane.directory import all_projects, projects_version

ANYWAY_S = 60.0
"""After so long it compares without a change too: the store may be another, from a backup."""


class ProjectList:
    """Follows the control plane; to be asked again and again, which costs little."""

    def __init__(
        self,
        database: Database,
        warehouse: Warehouse,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._warehouse = warehouse
        self._clock = clock
        self._seen: object = None
        self._due_s = 0.0

    async def follow(self) -> None:
        """Brings the store's list up to date where a project has changed."""
        version = await projects_version(self._database)
        if version == self._seen and self._clock() < self._due_s:
            return
        await follow_projects(self._database, self._warehouse)
        self._seen, self._due_s = version, self._clock() + ANYWAY_S


async def follow_projects(database: Database, warehouse: Warehouse) -> None:
    """Compares the two lists, and writes what has changed; a second process writes the same."""
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
