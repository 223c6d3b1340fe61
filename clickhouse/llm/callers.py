"""Whom calls are of, and in which sessions."""

from collections.abc import Sequence
from typing import NamedTuple

from clickhouse.client import Warehouse
from schemas.projects import ProjectContext

CALLERS = """
SELECT trace_id, max(user_id::String), max(session_id)
FROM traces
WHERE project_id = {project_id:String}
    AND trace_id IN {ids:Array(String)}
GROUP BY trace_id
LIMIT {limit:UInt32}
"""


class Caller(NamedTuple):
    """Whom a call is of; what it does not say is empty."""

    user_id: str = ""
    session_id: str = ""


async def callers_of(
    warehouse: Warehouse, project: ProjectContext, trace_ids: Sequence[str]
) -> dict[str, Caller]:
    """Returns whom some calls are of, 1,000 at most; those that are not there are left out."""
    if not trace_ids:
        return {}
    values = {"project_id": project.project_id, "ids": list(trace_ids), "limit": len(trace_ids)}
    rows = (await warehouse.query(CALLERS, values)).rows
    return {trace_id: Caller(*named) for trace_id, *named in rows}
