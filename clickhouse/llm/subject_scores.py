"""What the scores of one name average to, of some sessions or some users.

A score counts for what it names itself. Else it counts for the session, or the user, of the call
that it is about, or of the first of these calls in the trace that it is about. Lists are not sorted
by it: which call a score is about is known by no rollup.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from clickhouse.client import Warehouse
from clickhouse.llm.filters import TraceFilter, condition
from clickhouse.llm.score_filters import counting
from clickhouse.llm.scored import EARLY_US
from clickhouse.llm.subjects import Subject
from schemas.projects import ProjectContext

MOST_NAMES = 30
SCORES = """project_id = {project_id:String}
    AND NOT deleted
    AND data_type IN ('numeric', 'boolean')
    AND timestamp >= fromUnixTimestamp64Micro({scores_from_us:Int64}, 'UTC')"""
NAMED = f"{SCORES}\n    AND name = {{score:String}}"
CALLS = """
LEFT ANY JOIN
(
    SELECT of, argMin(subject, (timestamp, trace_id)) AS subject
    FROM
    (
        SELECT
            arrayJoin(if(length(trace_id) = 49, [trace_id, substring(trace_id, 1, 32)], [trace_id]))
                AS of,
            timestamp, trace_id, {key} AS subject
        FROM traces
        WHERE {where}
            AND {key} IN {subjects:Array({type})}
            AND (trace_id IN ({ids}) OR length(trace_id) = 49
                AND substring(trace_id, 1, 32) IN ({ids}))
    )
    GROUP BY of
) AS {alias} ON {alias}.of = s.{of}"""
IDS = "SELECT {of} FROM scores WHERE {named} AND {of} != ''"
AVERAGES = """
SELECT subject, avg(value), count(), min(data_type = 'boolean')
FROM
(
    SELECT
        multiIf(s.own != {none}, s.own, c.of != '', c.subject, t.subject) AS subject,
        s.value AS value,
        s.data_type AS data_type
    FROM
    (
        SELECT trace_id, call_id, value, data_type, {own} AS own
        FROM {counting}
    ) AS s
    {joins}
)
WHERE subject IN {subjects:Array({type})}
GROUP BY subject
LIMIT {limit:UInt32}
"""
NAMES = """
SELECT name::String AS named, count() AS scores
FROM scores
WHERE {which}
GROUP BY named
ORDER BY scores DESC, named
LIMIT {limit:UInt32}
"""
OWN = {
    "session_id": ("if(session_id = '', 0, sipHash64(session_id))", "0"),
    "user": ("user_id", "''"),
}
"""By the dimension, what a score says itself, and that it says nothing."""


class Average(NamedTuple):
    """What the scores of one name come to."""

    value: float
    scores: int
    is_share: bool
    """Of true, as all of them are boolean."""


async def average_scores(
    warehouse: Warehouse,
    project: ProjectContext,
    wanted: TraceFilter,
    of: Subject,
    *,
    keys: Sequence[Any],
    score: str,
) -> dict[Any, Average]:
    """Returns the averages by key; those without a score are not there.

    `wanted` has both ends of its range. A score may have been given a day before that begins.
    """
    if not keys:
        return {}
    where = condition(project, wanted)
    own, none = OWN[of.dimension]
    sql = AVERAGES.replace("{joins}", _joins("c", "call_id") + _joins("t", "trace_id"))
    sql = sql.replace("{counting}", counting(NAMED)).replace("{own}", own).replace("{none}", none)
    sql = sql.replace("{where}", f"{where.sql}\n            AND {of.is_set}")
    sql = sql.replace("{key}", of.key).replace("{type}", of.key_type)
    values = where.values | {
        "subjects": list(keys),
        "score": score,
        "scores_from_us": (wanted.from_us or 0) - EARLY_US,
        "limit": len(keys),
    }
    rows = (await warehouse.query(sql, values)).rows
    return {key: Average(value, count, bool(share)) for key, value, count, share in rows}


async def score_names(warehouse: Warehouse, project: ProjectContext, from_us: int) -> list[str]:
    """Returns the names of scores with an average, those given most often since then first."""
    values = {
        "project_id": project.project_id,
        "scores_from_us": from_us - EARLY_US,
        "limit": MOST_NAMES,
    }
    rows = (await warehouse.query(NAMES.replace("{which}", SCORES), values)).rows
    return [row[0] for row in rows]


def _joins(alias: str, of: str) -> str:
    sql = CALLS.replace("{ids}", IDS.replace("{named}", NAMED))
    return sql.replace("{alias}", alias).replace("{of}", of)
