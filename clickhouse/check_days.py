"""Daily histograms of checks: which days have to be built, and how they are built, as a whole.

A day is made from all stored checks of it. So it does not matter who builds it, how often, and
whether two do at once: the row that was made of more checks counts (migration 21). Checks that the
store has twice, as one that was sent again after days, count once.
"""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from clickhouse.client import Warehouse
from schemas.zones import DAY_US

MOST_DAYS = 500
"""That one look returns."""
ROWS_AT_ONCE = 1_000_000
"""That one statement reads, to be held in memory: some 150 MB."""
BASE = 1.02
STALE = """
SELECT c.project_id::String, c.monitor_id::String, c.day, c.stored_rows
FROM (
    SELECT project_id, monitor_id, toDate(slot) AS day, count() AS stored_rows
    FROM checks
    WHERE slot >= {from_day:Date} AND slot < {before_day:Date}{touched}
    GROUP BY project_id, monitor_id, day
) AS c
LEFT JOIN (
    SELECT project_id, monitor_id, day, max(stored_rows) AS built_rows
    FROM check_days
    WHERE day >= {from_day:Date} AND day < {before_day:Date}
    GROUP BY project_id, monitor_id, day
) AS d ON c.project_id = d.project_id AND c.monitor_id = d.monitor_id AND c.day = d.day
WHERE c.stored_rows > d.built_rows
ORDER BY c.day DESC, c.project_id, c.monitor_id
LIMIT {limit:UInt32}
"""
TOUCHED = """
        AND (project_id, monitor_id, toDate(slot)) IN (
            SELECT DISTINCT project_id, monitor_id, toDate(slot)
            FROM checks
            WHERE received_at >= fromUnixTimestamp64Micro({since_us:Int64}, 'UTC')
                AND slot < {before_day:Date}
        )"""
BUILD = """
INSERT INTO check_days (
    project_id, monitor_id, day, stored_rows, ok, degraded, failed, inconclusive, buckets, counts
)
SELECT
    project_id,
    monitor_id,
    day,
    sum(copies),
    countIf(said = 'ok'),
    countIf(said = 'degraded'),
    countIf(said = 'fail'),
    countIf(said = 'inconclusive'),
    (sumMapIf([bucket], [toUInt32(1)], said IN ('ok', 'degraded') AND is_timed) AS histogram).1,
    histogram.2
FROM (
    SELECT
        project_id,
        monitor_id,
        toDate(slot) AS day,
        count() AS copies,
        any(outcome)::String AS said,
        any(total_ms) > 0 AS is_timed,
        toInt16(round(log(greatest(any(total_ms), 0.001)) / log({base:Float64}))) AS bucket
    FROM checks
    WHERE project_id IN {project_ids:Array(String)}
        AND monitor_id IN {monitor_ids:Array(String)}
        AND slot >= {from_day:Date}
        AND slot < {before_day:Date}
        AND (project_id, monitor_id, toDate(slot)) IN (
            SELECT arrayJoin(arrayZip({project_ids:Array(String)}, {monitor_ids:Array(String)},
                {days:Array(Date)}))
        )
    GROUP BY project_id, monitor_id, slot, region, attempt
)
GROUP BY project_id, monitor_id, day
"""


class MonitorDay(NamedTuple):
    """A day of UTC of one monitor."""

    project_id: str
    monitor_id: str
    day: date
    stored_rows: int


async def list_stale_days(
    warehouse: Warehouse, from_day: date, before_day: date, *, since_us: int | None = None
) -> list[MonitorDay]:
    """Returns days of which more checks are stored than they were built from, the newest first.

    At most `MOST_DAYS`. Only days with a check that was received since a moment, if one is given:
    that is found fast, but misses what the stream stored very late.
    """
    values = {"from_day": from_day, "before_day": before_day, "limit": MOST_DAYS}
    if since_us is not None:
        values |= {"since_us": since_us}
    sql = STALE.replace("{touched}", "" if since_us is None else TOUCHED)
    return [MonitorDay(*row) for row in (await warehouse.query(sql, values)).rows]


async def build_days(warehouse: Warehouse, days: Sequence[MonitorDay]) -> None:
    """Builds the histograms of days, some at once; a repeat changes nothing."""
    some: list[MonitorDay] = []
    for one in days:
        if some and sum(each.stored_rows for each in some) + one.stored_rows > ROWS_AT_ONCE:
            await _build(warehouse, some)
            some = []
        some.append(one)
    if some:
        await _build(warehouse, some)


async def _build(warehouse: Warehouse, days: Sequence[MonitorDay]) -> None:
    last = max(one.day for one in days)
    values = {
        "project_ids": [one.project_id for one in days],
        "monitor_ids": [one.monitor_id for one in days],
        "days": [one.day for one in days],
        "from_day": min(one.day for one in days),
        "before_day": date.fromordinal(last.toordinal() + 1),
        "base": BASE,
    }
    await warehouse.command(BUILD, values)


def day_of(moment_us: int) -> date:
    """Returns the day of UTC of a moment."""
    return date.fromordinal(date(1970, 1, 1).toordinal() + moment_us // DAY_US)
