"""The store's own list of projects: what dashboards call them, and which cost counts in each."""

from collections.abc import Collection, Iterable
from itertools import islice

from msgspec import Struct

from clickhouse.client import Warehouse
from schemas.projects import ProjectId

AT_ONCE = 100
"""Projects in one statement: their names go into it, at most 200 characters of 4 bytes each."""
LISTED = """
SELECT project_id, name, cost_preference, time_zone
FROM projects FINAL
"""
WRITE = """
INSERT INTO projects (project_id, name, cost_preference, time_zone, changed_at)
SELECT row.1, row.2, row.3, row.4, now64(6)
FROM (
    SELECT arrayJoin(arrayZip({ids:Array(String)}, {names:Array(String)},
        {preferences:Array(String)}, {zones:Array(String)})) AS row
)
"""
REMOVE = "DELETE FROM projects WHERE project_id IN {ids:Array(String)}"


class ListedProject(Struct, frozen=True):
    """A project as dashboards know it."""

    project_id: ProjectId
    name: str
    cost_preference: str
    time_zone: str


async def list_projects(warehouse: Warehouse) -> list[ListedProject]:
    """Returns the projects that the store knows by name."""
    return [ListedProject(*row) for row in (await warehouse.query(LISTED)).rows]


async def write_projects(warehouse: Warehouse, projects: Iterable[ListedProject]) -> None:
    """Adds projects, or gives them the names and preferences that they have now."""
    waiting = iter(projects)
    while page := list(islice(waiting, AT_ONCE)):
        values = {
            "ids": [one.project_id for one in page],
            "names": [one.name for one in page],
            "preferences": [one.cost_preference for one in page],
            "zones": [one.time_zone for one in page],
        }
        await warehouse.command(WRITE, values)


async def remove_projects(warehouse: Warehouse, project_ids: Collection[ProjectId]) -> None:
    """Takes projects off the list; what they have stored is not touched."""
    waiting = iter(sorted(project_ids))
    while page := list(islice(waiting, AT_ONCE)):
        await warehouse.command(REMOVE, {"ids": page})
