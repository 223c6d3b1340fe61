"""Scores as they are now: in pages, newest first; one of them; those of some calls."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from msgspec import Struct

from clickhouse.client import Warehouse
from clickhouse.llm.score_filters import ScoreFilter, counting, score_condition
from schemas.ids import spellings
from schemas.projects import ProjectContext

LEAST_CANDIDATES = 400
MOST_ROUNDS = 10
"""Of candidates, before all of a project's scores are asked which of them count."""
MOST_BYTES = 8 << 20
"""Of a page's texts: one that would have more ends before."""
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
COUNT = """
SELECT
    toUnixTimestamp64Micro(timestamp) AS at,
    score_id,
    item_id,
    length(text) + length(comment) + length(metadata)
FROM {counting}{beyond}
ORDER BY timestamp DESC, score_id DESC
LIMIT {limit:UInt32}
"""
WIDE = """
SELECT {columns}
FROM scores
WHERE project_id = {project_id:String}
    AND score_id IN {ids:Array(String)}
    AND item_id IN {items:Array(String)}
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


class _Row(NamedTuple):
    """The row of a score that counts."""

    at_us: int
    score_id: str
    item_id: str
    size: int
    """Bytes of its texts."""

    @property
    def place(self) -> ScorePlace:
        return ScorePlace(self.at_us, self.score_id)


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


class ScorePage(NamedTuple):
    """Some scores, newest first."""

    lines: Sequence[ScoreLine]
    end: ScorePlace | None
    """Behind which there may be more."""


async def list_scores(
    warehouse: Warehouse,
    project: ProjectContext,
    wanted: ScoreFilter,
    *,
    limit: int,
    beyond: ScorePlace | None = None,
) -> ScorePage:
    """Returns the newest scores that fit; `beyond` and what is newer are not.

    Rows are looked at newest first, some at a time, until as many of them count as are wanted.
    There are fewer where these would be too large.
    """
    found = await _newest(warehouse, project, wanted, limit + 1, beyond)
    page: list[_Row] = []
    size = 0
    for row in found[:limit]:
        size += row.size
        if page and size > MOST_BYTES:
            break
        page.append(row)
    end = page[-1].place if len(page) < len(found) else None
    return ScorePage(await _wide(warehouse, project, page), end)


async def find_score(
    warehouse: Warehouse, project: ProjectContext, score_id: str
) -> ScoreLine | None:
    """Returns one score as it is now, `None` for one that is unknown or was taken away."""
    rows = await _of_ids(warehouse, project, ScoreFilter(), [score_id])
    lines = await _wide(warehouse, project, rows)
    return lines[0] if lines else None


async def has_trace(warehouse: Warehouse, project: ProjectContext, trace_id: str) -> bool:
    """Tells whether there is a call, or a trace of OpenTelemetry, of this id."""
    ids = list(dict.fromkeys((*spellings(trace_id), trace_id.lower())))
    values = {"project_id": project.project_id, "ids": ids}
    return bool((await warehouse.query(HAS_TRACE, values)).rows)


async def _newest(
    warehouse: Warehouse,
    project: ProjectContext,
    wanted: ScoreFilter,
    limit: int,
    beyond: ScorePlace | None,
) -> list[_Row]:
    found: list[_Row] = []
    at_once = max(LEAST_CANDIDATES, 2 * limit)
    for _ in range(MOST_ROUNDS):
        candidates = await _candidates(warehouse, project, wanted, beyond, at_once)
        seen = set(candidates)
        ids = list(dict.fromkeys(one.score_id for one in candidates))
        rows = await _of_ids(warehouse, project, wanted, ids) if ids else []
        # One that counts under another time is met there.
        found += [row for row in rows if row.place in seen]
        if len(candidates) < at_once or len(found) >= limit:
            return found[:limit]
        beyond = candidates[-1]
    return found + await _of_all(warehouse, project, wanted, limit - len(found), beyond)


async def _candidates(
    warehouse: Warehouse,
    project: ProjectContext,
    wanted: ScoreFilter,
    beyond: ScorePlace | None,
    at_once: int,
) -> list[ScorePlace]:
    where = score_condition(project, wanted)
    text, values = _beyond(beyond)
    sql = CANDIDATES.replace("{where}", where.sql + text)
    answer = await warehouse.query(sql, where.values | values | {"limit": at_once})
    return [ScorePlace(*row) for row in answer.rows]


async def _of_ids(
    warehouse: Warehouse, project: ProjectContext, wanted: ScoreFilter, ids: Sequence[str]
) -> list[_Row]:
    where = score_condition(project, wanted)
    sql = COUNT.replace("{counting}", counting(where.sql, of_ids=True)).replace("{beyond}", "")
    answer = await warehouse.query(sql, {**where.values, "ids": list(ids), "limit": len(ids)})
    return [_Row(*row) for row in answer.rows]


async def _of_all(
    warehouse: Warehouse,
    project: ProjectContext,
    wanted: ScoreFilter,
    limit: int,
    beyond: ScorePlace | None,
) -> list[_Row]:
    """Asks at once: where most rows are of scores that were sent again, pieces take longer."""
    where = score_condition(project, wanted)
    text, values = _beyond(beyond)
    sql = COUNT.replace("{counting}", counting(where.sql)).replace("{beyond}", text)
    answer = await warehouse.query(sql, where.values | values | {"limit": limit})
    return [_Row(*row) for row in answer.rows]


def _beyond(place: ScorePlace | None) -> tuple[str, dict[str, Any]]:
    if place is None:
        return "", {}
    return BEYOND, {"place_us": place.at_us, "place_id": place.score_id}


async def _wide(
    warehouse: Warehouse, project: ProjectContext, rows: Sequence[_Row]
) -> list[ScoreLine]:
    if not rows:
        return []
    values = {
        "project_id": project.project_id,
        "ids": [row.score_id for row in rows],
        "items": [row.item_id for row in rows],
        "limit": len(rows),
    }
    answer = await warehouse.query(WIDE.replace("{columns}", COLUMNS), values)
    return [ScoreLine(*row) for row in answer.rows]
