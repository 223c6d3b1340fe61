"""The calls that a judge is to judge: where they are, which of them match, what they said."""

from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from clickhouse.client import Warehouse
from clickhouse.llm.filters import TraceFilter, condition
from clickhouse.llm.traces import TRACES
from clickhouse.queries.conditions import Condition
from clickhouse.queries.parts import Bounds, Selection, find_parts, read_part
from schemas.ids import spellings
from schemas.llm.answers import TraceAnswer
from schemas.llm.judges import DATASET, ENVIRONMENT, RUN, CallRef, JudgedCalls
from schemas.projects import ProjectContext

BOUNDS = Bounds(rows=16)
"""So that the messages of each have 256 KiB, where OpenTelemetry told them."""
MOST_ROW_BYTES = 8 << 20
"""A larger call is not read: it is said of it that it is too large."""
# The first two find the rows by the key.
OF_CALLS = """toUnixTimestamp64Micro(timestamp) IN {moments:Array(Int64)}
        AND trace_id IN {ids:Array(String)}"""
PLACES = """
SELECT trace_id, toUnixTimestamp64Micro(timestamp)
FROM traces
WHERE {where}
ORDER BY timestamp DESC, trace_id DESC
LIMIT {limit:UInt32}
"""


class Read(NamedTuple):
    """Some calls as they are stored, and how many are too large to be read."""

    calls: list[TraceAnswer]
    too_large: int = 0


def filter_of(calls: JudgedCalls) -> TraceFilter:
    """Returns which traces a judge judges: none that a judge has made."""
    named = ((DATASET, calls.dataset), (RUN, calls.run))
    metadata = {name: value for name, value in named if value is not None} | calls.metadata
    return TraceFilter(
        model=calls.model,
        provider=calls.provider,
        environment=calls.environment,
        user=calls.user,
        trace_source=calls.source,
        service=calls.service,
        tag=calls.tag,
        status=calls.status,
        metadata=tuple(sorted(metadata.items())),
        without=(("environment", ENVIRONMENT),),
    )


async def read_calls(
    warehouse: Warehouse, project: ProjectContext, calls: JudgedCalls, refs: Sequence[CallRef]
) -> AsyncIterator[Read]:
    """Yields those of some calls that match, with their bodies, a few at a time."""
    where = _of(project, calls, refs)
    values = where.values | {"limit": 2 * len(refs), "offset": 0}
    selection = Selection(TRACES, Condition(where.sql, values))
    seen: set[str] = set()
    for part in await find_parts(warehouse, project, selection, BOUNDS):
        if part.size > MOST_ROW_BYTES:
            yield Read([], part.rows)
            continue
        rows = await read_part(warehouse, project, part)
        new = {one.trace_id: one for one in rows if one.trace_id not in seen}
        seen |= new.keys()
        yield Read(list(new.values()))


async def find_call(warehouse: Warehouse, project: ProjectContext, trace_id: str) -> CallRef | None:
    """Returns where one call is, `None` where the project has none of that id."""
    ids = list(spellings(trace_id))
    where = "project_id = {project_id:String} AND trace_id IN {ids:Array(String)}"
    values = {"project_id": project.project_id, "ids": ids, "limit": 1}
    rows = (await warehouse.query(PLACES.replace("{where}", where), values)).rows
    return CallRef(*rows[0]) if rows else None


async def matches(
    warehouse: Warehouse, project: ProjectContext, calls: JudgedCalls, ref: CallRef
) -> bool:
    """Tells whether a judge judges a call, sampling aside."""
    where = _of(project, calls, [ref])
    values = where.values | {"limit": 1}
    return bool((await warehouse.query(PLACES.replace("{where}", where.sql), values)).rows)


async def find_past(
    warehouse: Warehouse,
    project: ProjectContext,
    calls: JudgedCalls,
    within_us: tuple[int, int],
    limit: int,
) -> list[CallRef]:
    """Returns the newest calls that match and began within a time, `limit` at most."""
    first, last = within_us
    where = condition(project, replace(filter_of(calls), from_us=first, to_us=last))
    values = where.values | {"limit": limit}
    rows = (await warehouse.query(PLACES.replace("{where}", where.sql), values)).rows
    return [CallRef(*row) for row in rows]


def _of(project: ProjectContext, calls: JudgedCalls, refs: Sequence[CallRef]) -> Condition:
    moments = sorted({one.at_us for one in refs})
    around = replace(filter_of(calls), from_us=moments[0], to_us=moments[-1])
    where = condition(project, around)
    values = where.values | {"moments": moments, "ids": [one.trace_id for one in refs]}
    return Condition(f"{where.sql}\n        AND {OF_CALLS}", values)
