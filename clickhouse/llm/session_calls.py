"""The calls of one session: what came before a page of them, and how they lie in time."""

from typing import NamedTuple

from clickhouse.client import Warehouse
from clickhouse.llm.filters import COUNTED_COST, TraceFilter, condition
from clickhouse.llm.trace_lines import Place
from clickhouse.queries.values import cents, cents_sum
from schemas.projects import ProjectContext

SLOTS = 120
UP_TO = """
SELECT count(), sum({cost}), max(toUnixTimestamp64Micro(timestamp) + latency_ns / 1000)
FROM traces
WHERE {where}
    AND (timestamp, trace_id) <= (
        fromUnixTimestamp64Micro({place_us:Int64}, 'UTC'), {place_id:String})
LIMIT 1
"""
IN_SLOTS = """
SELECT
    intDiv(toUnixTimestamp64Micro(timestamp) - {from_us:Int64}, {width:Int64}) AS slot,
    count(),
    countIf(status = 'error'),
    sum(ifNull({cost}, 0))
FROM traces
WHERE {where}
GROUP BY slot
ORDER BY slot
LIMIT {limit:UInt32}
"""


class Before(NamedTuple):
    """The calls before a page."""

    calls: int = 0
    cost_cents: float | None = None
    """`None` where that of no call is known."""
    ended_us: int | None = None
    """When the last of them to end did."""


class Slot(NamedTuple):
    """One of the equal parts of a session's time; the cost is its own, in cents."""

    number: int
    calls: int
    errors: int
    cost_cents: float


async def add_up_to(
    warehouse: Warehouse, project: ProjectContext, wanted: TraceFilter, place: Place
) -> Before:
    """Adds up the matching calls up to a place, and that one."""
    where = condition(project, wanted)
    sql = UP_TO.replace("{where}", where.sql)
    values = where.values | {"place_us": place.us, "place_id": place.trace_id}
    sql = sql.replace("{cost}", COUNTED_COST[project.cost_preference])
    calls, cost, ended = (await warehouse.query(sql, values)).rows[0]
    return Before(calls, cents(cost), int(ended)) if calls else Before()


async def slots_of(
    warehouse: Warehouse, project: ProjectContext, wanted: TraceFilter
) -> list[Slot]:
    """Returns the slots that have calls, of `SLOTS` over the range of a filter with both ends."""
    assert wanted.from_us is not None
    assert wanted.to_us is not None
    where = condition(project, wanted)
    width = (wanted.to_us - wanted.from_us) // SLOTS + 1
    sql = IN_SLOTS.replace("{where}", where.sql)
    sql = sql.replace("{cost}", COUNTED_COST[project.cost_preference])
    answer = await warehouse.query(sql, where.values | {"width": width, "limit": SLOTS})
    return [Slot(row[0], row[1], row[2], cents_sum(row[3])) for row in answer.rows]
