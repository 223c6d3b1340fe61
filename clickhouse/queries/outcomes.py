"""What became of everything received: outcomes by kind, outcome, reason and time."""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from clickhouse.client import Warehouse
from clickhouse.errors import QueryTooExpensive
from clickhouse.queries.values import iso_ms
from schemas.answers import OutcomeCount, OutcomesAnswer
from schemas.outcomes import WORDS
from schemas.projects import ProjectContext

# More is refused, for an answer cut short would not add up to its totals.
MOST_ROWS = 100_000
AT_ONCE = 5_000
Interval = Literal["minute", "hour", "day"]

ROWS = """
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
    AND (bucket_s, kind, outcome, reason)
        > ({after_s:Int64}, {after_kind:String}, {after_outcome:String}, {after_reason:String})
ORDER BY bucket_s, kind, outcome, reason
LIMIT {limit:UInt32}
"""
COUNT = "SELECT count() FROM ({outcomes})".replace("{outcomes}", ROWS)
TOTALS = """
SELECT outcome, sum(count)
FROM outcomes
WHERE project_id = {project_id:String}
    AND minute >= toDateTime({from_s:Int64}, 'UTC')
    AND minute <= toDateTime({to_s:Int64}, 'UTC')
    AND ({kind:String} = '' OR kind = {kind:String})
GROUP BY outcome
"""
BUCKETS: Mapping[Interval, str] = {
    "minute": "minute",
    "hour": "toStartOfHour(minute)",
    "day": "toStartOfDay(minute)",
}


class Wanted(NamedTuple):
    """Which outcomes: of minutes that begin in a range, both ends inclusive."""

    between_s: tuple[int, int]
    kind: str | None
    outcome: str | None
    interval: Interval


class After(NamedTuple):
    """Where one count stands in the order of all."""

    s: int = -1
    kind: str = ""
    outcome: str = ""
    reason: str = ""


async def add_up_outcomes(
    warehouse: Warehouse, project: ProjectContext, wanted: Wanted
) -> OutcomesAnswer:
    """Returns the totals and the balance, without the counts; they ignore the outcome asked for."""
    summed = await warehouse.query(TOTALS, _values(project, wanted), max_result_rows=MOST_ROWS)
    totals = dict.fromkeys(WORDS, 0) | {row[0]: int(row[1]) for row in summed.rows}
    balanced = totals["received"] * 2 == sum(totals.values())
    return OutcomesAnswer(outcomes=[], totals=totals, balanced=balanced)


async def count_pages(warehouse: Warehouse, project: ProjectContext, wanted: Wanted) -> int:
    """Returns in how many pages the counts are read.

    Raises `QueryTooExpensive` for more than `MOST_ROWS` counts.
    """
    values = _values(project, wanted) | _page(After(), MOST_ROWS + 1)
    sql = COUNT.replace("{bucket}", BUCKETS[wanted.interval])
    counts = int((await warehouse.query(sql, values)).rows[0][0])
    if counts > MOST_ROWS:
        raise QueryTooExpensive(f"more than {MOST_ROWS} counts")
    return -(-counts // AT_ONCE)


async def read_outcomes(
    warehouse: Warehouse, project: ProjectContext, wanted: Wanted, after: After
) -> tuple[list[OutcomeCount], After]:
    """Returns one page of the counts, and where the next begins."""
    sql = ROWS.replace("{bucket}", BUCKETS[wanted.interval])
    values = _values(project, wanted) | _page(after, AT_ONCE)
    # Minutes before that are read already.
    values["from_s"] = max(values["from_s"], after.s)
    rows = (await warehouse.query(sql, values)).rows
    counts = [
        OutcomeCount(kind, outcome, reason, iso_ms(bucket_s * 1_000_000), int(count))
        for kind, outcome, reason, bucket_s, count in rows
    ]
    if rows:
        kind, outcome, reason, bucket_s, _ = rows[-1]
        after = After(bucket_s, kind, outcome, reason)
    return counts, after


def _values(project: ProjectContext, wanted: Wanted) -> dict[str, Any]:
    return {
        "project_id": project.project_id,
        "from_s": wanted.between_s[0],
        "to_s": wanted.between_s[1],
        "kind": wanted.kind or "",
        "outcome": wanted.outcome or "",
    }


def _page(after: After, limit: int) -> dict[str, Any]:
    return {f"after_{name}": value for name, value in after._asdict().items()} | {"limit": limit}
