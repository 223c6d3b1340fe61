"""What stands around a trace in its session: the calls before and after, and what was asked."""

import asyncio
from typing import NamedTuple

from msgspec import Raw

from clickhouse.client import Warehouse
from clickhouse.llm.filters import TraceFilter
from clickhouse.llm.trace_lines import Place, TraceLine, Way, list_lines
from clickhouse.queries.conditions import by_ids
from clickhouse.queries.parts import ONE_ROW
from clickhouse.queries.values import raw_or_none
from schemas.projects import ProjectContext

# Answers have milliseconds, and calls of a session may share one.
PLACE = """
SELECT toUnixTimestamp64Micro(timestamp), trace_id
FROM traces
WHERE {where}
LIMIT 1
"""
# By the key of the table: one granule is read, and of a longer body nothing but its length.
REQUEST = """
SELECT if(length(request_body) <= {most:UInt64}, request_body, '') AS body
FROM traces
WHERE project_id = {project_id:String}
    AND timestamp = fromUnixTimestamp64Micro({place_us:Int64}, 'UTC')
    AND trace_id = {place_id:String}
LIMIT 1
"""


class Around(NamedTuple):
    """The neighbours of a trace in its session, by time, where times are the same by id."""

    before: TraceLine | None
    after: TraceLine | None


async def find_place(warehouse: Warehouse, project: ProjectContext, trace_id: str) -> Place | None:
    """Returns where a trace stands, `None` when the project has none of that id."""
    where = by_ids(project, "trace_id", [trace_id])
    sql = PLACE.replace("{where}", where.sql)
    rows = (await warehouse.query(sql, where.values)).rows
    return Place(*rows[0]) if rows else None


async def find_around(
    warehouse: Warehouse, project: ProjectContext, session_id: str, place: Place
) -> Around:
    """Returns the neighbours of a place in a session."""
    before, after = await asyncio.gather(
        _neighbour(warehouse, project, session_id, place, "older"),
        _neighbour(warehouse, project, session_id, place, "newer"),
    )
    return Around(before, after)


async def fetch_request(
    warehouse: Warehouse, project: ProjectContext, place: Place, *, most_bytes: int
) -> Raw | None:
    """Returns the body of a request, `None` where there is none, or where it is longer."""
    values = {
        "project_id": project.project_id,
        "place_us": place.us,
        "place_id": place.trace_id,
        "most": most_bytes,
    }
    answer = await warehouse.query(REQUEST, values, as_bytes=("body",), **ONE_ROW)
    return raw_or_none(answer.rows[0][0]) if answer.rows else None


async def _neighbour(
    warehouse: Warehouse, project: ProjectContext, session_id: str, place: Place, way: Way
) -> TraceLine | None:
    wanted = TraceFilter(session_id=session_id)
    found = await list_lines(warehouse, project, wanted, limit=1, beyond=place, way=way)
    return found[0] if found else None
