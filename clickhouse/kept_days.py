"""What of kept days is for all projects: which keys are asked for, and how a project leaves them.

The days themselves: `clickhouse.llm.key_days`.
"""

from datetime import date
from typing import Any

from clickhouse.client import Warehouse
from schemas.projects import ProjectId

MOST_PATHS = 8
"""Of a project: those that were asked for on most days."""
ASKED = """
SELECT project_id::String, path
FROM asked_keys
WHERE received_date >= {since:Date}
GROUP BY project_id, path
ORDER BY project_id, uniqExact(received_date) DESC, max(received_date) DESC, path
LIMIT {most:UInt32} BY project_id
"""
FORGET = "ALTER TABLE key_days DELETE WHERE project_id = {project_id:String}"


async def asked_paths(store: Warehouse, since: date) -> dict[ProjectId, list[str]]:
    """Returns the paths that are asked for since a day, by project, so many as are kept."""
    rows = (await store.query(ASKED, {"since": since, "most": MOST_PATHS})).rows
    found: dict[ProjectId, list[str]] = {}
    for project_id, path in rows:
        found.setdefault(ProjectId(project_id), []).append(path)
    return found


async def forget_project(store: Warehouse, project_id: ProjectId, **settings: Any) -> None:
    """Deletes all that is kept of a project, from the disk too: who was erased is in no build."""
    await store.command(FORGET, {"project_id": project_id}, **settings)
