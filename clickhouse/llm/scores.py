"""Scores as they are now: in pages, newest first; one of them; those of some calls."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from msgspec import Struct

from clickhouse.client import Warehouse
from clickhouse.llm.score_filters import OF_IDS, ScoreFilter, score_condition
from schemas.ids import spellings
from schemas.projects import ProjectContext

MOST = 1_000
LEAST_CANDIDATES = 400
COLUMNS = """score_id, toUnixTimestamp64Micro(timestamp), toUnixTimestamp64Micro(version),
    toUnixTimestamp64Micro(received_at), name::String, data_type::String, value, text,
    source::String, author, environment::String, trace_id, span_id, session_id, user_id, comment,
    metadata"""
CANDIDATES = """
SELECT toUnixTimestamp64Micro(timestamp) AS at, score_id
FROM scores
WHERE {where}
ORDER BY timestamp DESC, score_id DESC
LIMIT 1 BY timestamp, score_id
LIMIT {limit:UInt32}
"""
BEYOND = """
        AND timestamp <= fromUnixTimestamp64Micro({place_us:Int64}, 'UTC')
        AND (timestamp, score_id) < (
            fromUnixTimestamp64Micro({place_us:Int64}, 'UTC'), {place_id:String})"""
CURRENT = """
SELECT {columns}
FROM {newest}
WHERE {where}
ORDER BY timestamp DESC, score_id DESC
LIMIT {limit:UInt32}
"""


HAS_TRACE = """
SELECT 1
FROM traces
WHERE project_id = {project_id:String} AND trace_id IN {ids:Array(String)}
UNION ALL
SELECT 1
FROM otel_traces
WHERE project_id = {project_id:String} AND trace_id IN {ids:Array(String)}
LIMIT 1
"""


class ScorePlace(NamedTuple):
    """Where a page ends."""

    at_us: int
    score_id: str


class ScoreLine(Struct, frozen=True):
    """One score. What is unset is the empty text; times are microseconds since 1970 UTC."""

    score_id: str
    at_us: int
    version_us: int
    received_at_us: int
    name: str
    data_type: str
    value: float | None
    text: str
    source: str
    author: str
    environment: str
    trace_id: str
    span_id: str
    session_id: str
    user_id: str
    comment: str
    metadata: str

    @property
    def shown(self) -> float | bool | str:
        """The value as its sender gave it."""
        if self.data_type == "boolean":
            return bool(self.value)
        return self.text if self.value is None else self.value


async def list_scores(
    warehouse: Warehouse,
    project: ProjectContext,
    wanted: ScoreFilter,
    *,
    limit: int,
    beyond: ScorePlace | None = None,
) -> list[ScoreLine]:
    """Returns the newest scores that fit; `beyond` and what is newer are not.

    Rows are looked at newest first, some at a time, until as many of them count as are wanted.
    """
    found: list[ScoreLine] = []
    at_once = max(LEAST_CANDIDATES, 2 * min(limit, MOST + 1))
    while len(found) < limit:
        candidates = await _candidates(warehouse, project, wanted, beyond, at_once)
        if not candidates:
            break
        ids = list(dict.fromkeys(one.score_id for one in candidates))
        seen = set(candidates)
        lines = await _current(warehouse, project, wanted, ids)
        # One that counts under another time is met there.
        found += [one for one in lines if ScorePlace(one.at_us, one.score_id) in seen]
        if len(candidates) < at_once:
            break
        beyond = candidates[-1]
    return found[:limit]


async def find_score(
    warehouse: Warehouse, project: ProjectContext, score_id: str
) -> ScoreLine | None:
    """Returns one score as it is now, `None` for one that is unknown or was taken away."""
    lines = await _current(warehouse, project, ScoreFilter(), [score_id])
    return lines[0] if lines else None


async def has_trace(warehouse: Warehouse, project: ProjectContext, trace_id: str) -> bool:
    """Tells whether there is a call, or a trace of OpenTelemetry, of this id."""
    ids = list(dict.fromkeys((*spellings(trace_id), trace_id.lower())))
    values = {"project_id": project.project_id, "ids": ids}
    return bool((await warehouse.query(HAS_TRACE, values)).rows)


async def _candidates(
    warehouse: Warehouse,
    project: ProjectContext,
    wanted: ScoreFilter,
    beyond: ScorePlace | None,
    at_once: int,
) -> list[ScorePlace]:
    where = score_condition(project, wanted)
    text, values = where.sql, {**where.values, "limit": at_once}
    if beyond is not None:
        text += BEYOND
        values |= {"place_us": beyond.at_us, "place_id": beyond.score_id}
    answer = await warehouse.query(CANDIDATES.replace("{where}", text), values)
    return [ScorePlace(*row) for row in answer.rows]


async def _current(
    warehouse: Warehouse, project: ProjectContext, wanted: ScoreFilter, ids: Sequence[str]
) -> list[ScoreLine]:
    where = score_condition(project, wanted)
    sql = CURRENT.replace("{columns}", COLUMNS).replace("{newest}", OF_IDS)
    values: dict[str, Any] = {**where.values, "ids": list(ids), "limit": len(ids)}
    answer = await warehouse.query(sql.replace("{where}", where.sql), values)
    return [ScoreLine(*row) for row in answer.rows]
