"""A range of time beside the one before: the calls of each value of a dimension, in one pass."""

from collections.abc import Mapping
from typing import NamedTuple

from msgspec.structs import replace

from clickhouse.client import Warehouse
from clickhouse.llm.filters import COUNTED_COST, TraceFilter, condition
from clickhouse.llm.rollups import DIMENSIONS, METADATA
from clickhouse.queries.conditions import Condition
from clickhouse.queries.values import cents_sum
from clickhouse.tags import key_of, read_tag, tag_sql
from schemas.projects import ProjectContext

MOST_GROUPS = 400
"""Values of a dimension, each of which may be in both ranges."""
LOOKED_AT = 1_000
MOST_KEYS = 5
MOST_VALUES = 100

GROUPS = """
SELECT
    {name}::String AS name,
    timestamp >= fromUnixTimestamp64Micro({now_us:Int64}, 'UTC') AS is_now,
    count() AS calls,
    countIf(status = 'error'),
    sum(coalesce({cost}, 0)),
    quantile(0.95)(latency_ns)
FROM traces
WHERE {where}
GROUP BY {name}, is_now
ORDER BY calls DESC, name
LIMIT {limit:UInt32}
"""
# A key that nearly every call has another value of tells nothing; one of a single value neither.
KEYS = """
SELECT
    pair.1 AS key,
    count() AS calls
FROM (
    SELECT arrayJoin(JSONExtractKeysAndValues(toJSONString(tags), 'String')) AS pair
    FROM (
        SELECT tags
        FROM traces
        WHERE {where}
        ORDER BY timestamp DESC
        LIMIT {looked_at:UInt32}
    )
)
WHERE key NOT IN {known:Array(String)}
GROUP BY key
HAVING uniqExact(pair.2) BETWEEN 2 AND {values:UInt32}
ORDER BY calls DESC, key
LIMIT {limit:UInt32}
"""
KNOWN = ("environment", "userId", "user_id")
"""Keys of the metadata that are dimensions of their own."""


class Figures(NamedTuple):
    """What is known of the calls of one value. Costs are cents that count in the project."""

    calls: int = 0
    errors: int = 0
    cost_cents: float = 0.0
    p95_ms: float | None = None


class Side(NamedTuple):
    """The values of one dimension, in a range and in the time before; `None` is no value."""

    now: Mapping[str | None, Figures]
    before: Mapping[str | None, Figures]


async def find_keys(
    warehouse: Warehouse, project: ProjectContext, wanted: TraceFilter
) -> list[str]:
    """Returns the keys of the metadata that the newest calls have most and with few values."""
    where = condition(project, wanted)
    values = where.values | {
        "looked_at": LOOKED_AT,
        "values": MOST_VALUES,
        "known": list(KNOWN),
        "limit": MOST_KEYS,
    }
    answer = await warehouse.query(KEYS.replace("{where}", where.sql), values)
    return [key_of(row[0]) for row in answer.rows]


async def compare_groups(
    warehouse: Warehouse,
    project: ProjectContext,
    wanted: TraceFilter,
    before: TraceFilter,
    name: str,
) -> Side:
    """Returns the values of a dimension or of `metadata.<key>` that have most calls.

    `before` ends where `wanted` begins. It reads each call of both: use it where they are few.
    """
    where = condition(project, replace(wanted, from_us=before.from_us))
    is_tag = name.startswith(METADATA)
    column = tag_sql(name.removeprefix(METADATA)) if is_tag else DIMENSIONS[name][0]
    sql = _statement(project, where, column)
    values = where.values | {"now_us": wanted.from_us, "limit": MOST_GROUPS}
    now: dict[str | None, Figures] = {}
    earlier: dict[str | None, Figures] = {}
    for text, is_now, calls, errors, usd, p95_ns in (await warehouse.query(sql, values)).rows:
        value = read_tag(text) if is_tag else text or None
        (now if is_now else earlier)[value] = Figures(calls, errors, cents_sum(usd), p95_ns / 1e6)
    return Side(now, earlier)


def _statement(project: ProjectContext, where: Condition, column: str) -> str:
    sql = GROUPS.replace("{name}", column).replace("{where}", where.sql)
    return sql.replace("{cost}", COUNTED_COST[project.cost_preference])
