"""When a trace was, and by which ids its parts know it: the first that is asked of any trace."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from clickhouse.client import Warehouse
from clickhouse.errors.trace_links import spellings
from schemas.projects import ProjectContext

MOST_TRACES = 20
"""Of OpenTelemetry, that Pulse's SDKs give one id of theirs."""
TOLD = """
SELECT trace_id, min(toUnixTimestamp64Micro(started)), max(toUnixTimestamp64Micro(ended))
FROM otel_traces
WHERE project_id = {project_id:String}
    AND {which}
GROUP BY trace_id
LIMIT {limit:UInt32}
"""
BY_ID = "trace_id IN {ids:Array(String)}"
BY_OTHER_ID = "hasAny(other_ids, {ids:Array(String)})"
# Of what came by Sentry's protocol: an index knows the trace.
BESIDE = """
SELECT count(), min(first_us), max(last_us)
FROM (
    SELECT toUnixTimestamp64Micro(timestamp) AS first_us,
        first_us + toInt64(least(intDiv(duration_ns, 1000), 2592000000000)) AS last_us
    FROM transactions
    WHERE project_id = {project_id:String} AND trace_id IN {ids:Array(String)}
    UNION ALL
    SELECT toUnixTimestamp64Micro(timestamp) AS first_us, first_us AS last_us
    FROM errors
    WHERE project_id = {project_id:String} AND trace_id IN {ids:Array(String)}
)
"""


class TracePlace(NamedTuple):
    """Where a trace is. Times are microseconds since 1970 UTC."""

    trace_id: str
    """As it was asked for, in small digits where it is one of W3C's."""
    ids: tuple[str, ...]
    """All spellings of it, and the ids of OpenTelemetry that belong to it."""
    first_us: int
    last_us: int

    def values(self, project: ProjectContext) -> dict[str, Any]:
        """Returns what statements about the trace bind."""
        return {
            "project_id": project.project_id,
            "ids": list(self.ids),
            "from_us": self.first_us,
            "to_us": self.last_us,
        }


async def find_trace(
    warehouse: Warehouse, project: ProjectContext, asked: str
) -> TracePlace | None:
    """Returns where a trace is; `None` where nothing of it is stored.

    Of OpenTelemetry, of Pulse's SDKs, or of Sentry's.
    """
    ids = spellings(asked)
    told = await _told(warehouse, project, BY_ID, ids) if asked else ()
    if asked and not told:
        known = [row[0] for row in await _told(warehouse, project, BY_OTHER_ID, ids)]
        told = await _told(warehouse, project, BY_ID, known) if known else ()
    values = {"project_id": project.project_id, "ids": list(ids)}
    count, first_us, last_us = (await warehouse.query(BESIDE, values)).rows[0]
    if not asked or not (told or count):
        return None
    firsts = [row[1] for row in told] + [first_us] * bool(count)
    lasts = [row[2] for row in told] + [last_us] * bool(count)
    every = dict.fromkeys((*ids, *(row[0] for row in told)))
    return TracePlace(ids[0], tuple(every), min(firsts), max(lasts))


async def _told(
    warehouse: Warehouse, project: ProjectContext, which: str, ids: Sequence[str]
) -> Sequence[Sequence[Any]]:
    values = {"project_id": project.project_id, "ids": list(ids), "limit": MOST_TRACES}
    return (await warehouse.query(TOLD.replace("{which}", which), values)).rows
