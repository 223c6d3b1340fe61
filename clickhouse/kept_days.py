"""What of kept days is for all projects: which keys are asked for, and how people leave them.

The days themselves: `clickhouse.llm.key_days`.
"""

from collections.abc import Collection, Mapping
from datetime import date
from typing import Any

from clickhouse.client import Warehouse
from schemas.projects import ProjectId

API_KEYS = "#api_key"
"""The path under which sums by API keys are: no key of the metadata is spelt so."""
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
KEPT = """
SELECT project_id::String, groupUniqArray(path::String)
FROM key_days
GROUP BY project_id
ORDER BY project_id
LIMIT 100000
"""
DROP = """
DELETE FROM key_days
WHERE project_id = {project_id:String}
    AND path IN {paths:Array(String)}
"""
# Rows that a build before has lost are on the disk still: the first takes them off it.
FORGET = (
    "ALTER TABLE key_days APPLY DELETED MASK",
    "ALTER TABLE key_days DELETE WHERE project_id = {project_id:String} AND path != {keys:String}",
)


async def asked_paths(store: Warehouse, since: date) -> dict[ProjectId, list[str]]:
    """Returns the paths that are asked for since a day, by project, so many as are kept."""
    rows = (await store.query(ASKED, {"since": since, "most": MOST_PATHS})).rows
    found: dict[ProjectId, list[str]] = {}
    for project_id, path in rows:
        found.setdefault(ProjectId(project_id), []).append(path)
    return found


async def drop_unasked(store: Warehouse, asked: Mapping[ProjectId, Collection[str]]) -> None:
    """Deletes what is kept of paths that are not asked for any more."""
    for project_id, paths in (await store.query(KEPT, {})).rows:
        gone = sorted(set(paths) - set(asked.get(ProjectId(project_id), ())))
        if gone:
            await store.command(DROP, {"project_id": project_id, "paths": gone})


async def forget_people(store: Warehouse, project_id: ProjectId, **settings: Any) -> None:
    """Deletes what is kept of a project, from the disk too: who was erased is in no build.

    Sums by API key stay. They name nobody, and where rows are gone they cannot be built again.
    """
    for statement in FORGET:
        values = {"project_id": project_id, "keys": API_KEYS}
        await store.command(statement, values, **settings)
