"""What the scores of one name average to, of some sessions or some users.

A score counts for what it names itself. Else it counts for the session, or the user, of the call
that it is about, or of the first call of its trace; of the calls that fit. Lists are not sorted
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
AVERAGES = """
SELECT subject, avg(value), count(), min(data_type = 'boolean')
FROM
(
    SELECT
        any(s.value) AS value,
        any(s.data_type) AS data_type,
        if(any(s.own) != {none}, any(s.own), argMinIf(c.subject, s.place, c.of != '')) AS subject
    FROM
    (
        SELECT score_id, value, data_type, {own} AS own, of, place
        FROM
        (
            SELECT score_id, value, data_type, session_id, user_id, trace_id, call_id
            FROM {counting}
        )
        ARRAY JOIN [call_id, trace_id] AS of, [1, 2] AS place
    ) AS s
    LEFT ANY JOIN
    (
        SELECT of, argMin(subject, (timestamp, trace_id)) AS subject
        FROM
        (
            SELECT arrayJoin({of_call}) AS of, timestamp, trace_id, {key} AS subject
            FROM traces
            WHERE {where}
                AND (sipHash64(trace_id) IN ({hashes}) OR length(trace_id) = 49
                    AND sipHash64(substring(trace_id, 1, 32)) IN ({hashes}))
        )
        GROUP BY of
    ) AS c ON c.of = s.of
    GROUP BY s.score_id
)
WHERE subject IN {subjects:Array({type})}
GROUP BY subject
LIMIT {limit:UInt32}
"""
OF_CALL = "if(length(trace_id) = 49, [trace_id, substring(trace_id, 1, 32)], [trace_id])"
"""What a score may name that is about a call: the call, or all of its trace."""
HASHES = """
                    SELECT arrayJoin([sipHash64(call_id), sipHash64(trace_id)])
                    FROM scores
                    WHERE {named} AND trace_id != ''"""
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
    sql = AVERAGES.replace("{hashes}", HASHES.replace("{named}", NAMED))
    sql = sql.replace("{counting}", counting(NAMED)).replace("{of_call}", OF_CALL)
    sql = sql.replace("{own}", own).replace("{none}", none)
    sql = sql.replace("{where}", where.sql)
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
