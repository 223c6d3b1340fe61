"""What became of everything received: outcomes by kind, outcome, reason and time."""

from typing import Any, NamedTuple

from clickhouse.client import Warehouse
from clickhouse.failures import QueryTooExpensive
from clickhouse.queries.periods import Period, Periods, period_sql, period_values
from schemas.answers import OutcomeCount, OutcomesAnswer
from schemas.outcomes import WORDS
from schemas.projects import ProjectContext
from schemas.times import iso_ms
from schemas.zones import DAY_US, clock_of

# More is refused, for an answer cut short would not add up to its totals.
MOST_ROWS = 100_000
AT_ONCE = 5_000
TIME = "toDateTime64(minute, 6, 'UTC')"

ROWS = """
SELECT
    kind,
    outcome,
    reason,
    {bucket} AS bucket_us,
    sum(count) AS items
FROM outcomes
WHERE project_id = {project_id:String}
    AND minute >= toDateTime({from_s:Int64}, 'UTC')
    AND minute <= toDateTime({to_s:Int64}, 'UTC')
    AND ({kind:String} = '' OR kind = {kind:String})
    AND ({outcome:String} = '' OR outcome = {outcome:String})
GROUP BY kind, outcome, reason, bucket_us
HAVING items != 0
    AND (bucket_us, kind, outcome, reason)
        > ({after_us:Int64}, {after_kind:String}, {after_outcome:String}, {after_reason:String})
ORDER BY bucket_us, kind, outcome, reason
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


class Wanted(NamedTuple):
    """Which outcomes: of minutes that begin in a range, both ends inclusive."""

    between_s: tuple[int, int]
    kind: str | None
    outcome: str | None
    interval: Period

    def periods(self, project: ProjectContext) -> Periods:
        """Returns the periods, on the clock of the project."""
        first, last = self.between_s
        return Periods(clock_of(project.time_zone, first * 10**6, last * 10**6), self.interval)


class After(NamedTuple):
    """Where one count stands in the order of all, by the key of its period."""

    us: int = -40 * DAY_US
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
    return OutcomesAnswer(
        outcomes=[], totals=totals, balanced=balanced, time_zone=project.time_zone
    )


async def count_pages(warehouse: Warehouse, project: ProjectContext, wanted: Wanted) -> int:
    """Returns in how many pages the counts are read.

    Raises `QueryTooExpensive` for more than `MOST_ROWS` counts.
    """
    values = _values(project, wanted) | _page(After(), MOST_ROWS + 1)
    sql = _by_period(COUNT, wanted.periods(project))
    counts = int((await warehouse.query(sql, values)).rows[0][0])
    if counts > MOST_ROWS:
        raise QueryTooExpensive(f"more than {MOST_ROWS} counts")
    return -(-counts // AT_ONCE)


async def read_outcomes(
    warehouse: Warehouse, project: ProjectContext, wanted: Wanted, after: After
) -> tuple[list[OutcomeCount], After]:
    """Returns one page of the counts, and where the next begins."""
    values = _values(project, wanted) | _page(after, AT_ONCE)
    periods = wanted.periods(project)
    # Minutes before that are read already.
    values["from_s"] = max(values["from_s"], periods.begin(after.us) // 1_000_000)
    rows = (await warehouse.query(_by_period(ROWS, periods), values)).rows
    labels = {row[3]: periods.label(row[3]).start for row in rows}
    counts = [
        OutcomeCount(kind, outcome, reason, iso_ms(periods.begin(key)), int(count), labels[key])
        for kind, outcome, reason, key, count in rows
    ]
    if rows:
        kind, outcome, reason, key, _ = rows[-1]
        after = After(key, kind, outcome, reason)
    return counts, after


def _by_period(sql: str, periods: Periods) -> str:
    return sql.replace("{bucket}", period_sql(periods.period, periods.clock, TIME))


def _values(project: ProjectContext, wanted: Wanted) -> dict[str, Any]:
    return period_values(wanted.periods(project).clock) | {
        "project_id": project.project_id,
        "from_s": wanted.between_s[0],
        "to_s": wanted.between_s[1],
        "kind": wanted.kind or "",
        "outcome": wanted.outcome or "",
    }


def _page(after: After, limit: int) -> dict[str, Any]:
    return {f"after_{name}": value for name, value in after._asdict().items()} | {"limit": limit}
