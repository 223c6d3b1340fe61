"""The last call of a session or of a trace of OpenTelemetry: it has what was said before it."""

from clickhouse.client import Warehouse
from clickhouse.llm.filters import TraceFilter
from clickhouse.llm.trace_lines import list_lines
from schemas.projects import ProjectContext

# `bill_marks` knows when the calls of a trace were: by that the key finds them.
OF_TRACE = """
SELECT trace_id
FROM traces
WHERE project_id = {project_id:String}
    AND timestamp IN (
        SELECT timestamp
        FROM bill_marks
        WHERE project_id = {project_id:String}
            AND NOT is_link
            AND key = {key:String}
    )
    AND billing = ''
    AND startsWith(trace_id, {trace_id:String})
ORDER BY timestamp DESC, trace_id DESC
LIMIT 1
"""


async def last_of_session(
    warehouse: Warehouse, project: ProjectContext, session_id: str
) -> str | None:
    """Returns the id of the last call of a session, `None` where it has none."""
    lines = await list_lines(warehouse, project, TraceFilter(session_id=session_id), limit=1)
    return lines[0].trace_id if lines else None


async def last_of_trace(warehouse: Warehouse, project: ProjectContext, trace_id: str) -> str | None:
    """Returns the id of the last call of a trace of OpenTelemetry, `None` where it has none."""
    values = {"project_id": project.project_id, "key": f"trace:{trace_id}", "trace_id": trace_id}
    rows = (await warehouse.query(OF_TRACE, values)).rows
    return str(rows[0][0]) if rows else None
