"""What became of everything received: outcomes by kind, fate, reason and time."""

from collections.abc import Mapping

from clickhouse.client import Warehouse
from clickhouse.queries.values import iso_ms
from schemas.answers import OutcomeCount, OutcomesAnswer
from schemas.projects import ProjectContext

# More is refused, for an answer cut short would not add up to its totals.
MOST_ROWS = 100_000
FATES = (
    "accepted",
    "duplicate",
    "invalid",
    "rate_limited",
    "filtered",
    "too_large",
    "overloaded",
    "dead",
)

OUTCOMES = """
SELECT
    kind,
    outcome,
    reason,
    toInt64(toUnixTimestamp({bucket})) AS bucket_s,
    sum(count) AS items
FROM outcomes
WHERE project_id = {project_id:String}
    AND minute >= toDateTime({from_s:Int64}, 'UTC')
    AND minute <= toDateTime({to_s:Int64}, 'UTC')
    AND ({kind:String} = '' OR kind = {kind:String})
    AND ({outcome:String} = '' OR outcome = {outcome:String})
GROUP BY kind, outcome, reason, bucket_s
HAVING items != 0
ORDER BY bucket_s, kind, outcome, reason
"""
TOTALS = """
SELECT outcome, sum(count)
FROM outcomes
WHERE project_id = {project_id:String}
    AND minute >= toDateTime({from_s:Int64}, 'UTC')
    AND minute <= toDateTime({to_s:Int64}, 'UTC')
    AND ({kind:String} = '' OR kind = {kind:String})
GROUP BY outcome
"""
BUCKETS: Mapping[str, str] = {
    "minute": "minute",
    "hour": "toStartOfHour(minute)",
    "day": "toStartOfDay(minute)",
}


async def count_outcomes(
    warehouse: Warehouse,
    project: ProjectContext,
    *,
    between_s: tuple[int, int],
    kind: str | None,
    outcome: str | None,
    interval: str,
) -> OutcomesAnswer:
    """Counts a project's outcomes over minutes that begin in a range, both ends inclusive.

    `interval` is a key of `BUCKETS`. The totals and the balance ignore the `outcome` filter. Raises
    `QueryTooExpensive` for more than `MOST_ROWS` counts.
    """
    values = {
        "project_id": project.project_id,
        "from_s": between_s[0],
        "to_s": between_s[1],
        "kind": kind or "",
        "outcome": outcome or "",
    }
    sql = OUTCOMES.replace("{bucket}", BUCKETS[interval])
    counted = await warehouse.query(sql, values, max_result_rows=MOST_ROWS)
    summed = await warehouse.query(TOTALS, values, max_result_rows=MOST_ROWS)
    totals = dict.fromkeys(("received", *FATES), 0) | {row[0]: int(row[1]) for row in summed.rows}
    return OutcomesAnswer(
        outcomes=[
            OutcomeCount(row[0], row[1], row[2], iso_ms(row[3] * 1_000_000), int(row[4]))
            for row in counted.rows
        ],
        totals=totals,
        balanced=totals["received"] * 2 == sum(totals.values()),
    )
