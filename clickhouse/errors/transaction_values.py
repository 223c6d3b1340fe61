"""Which values there are to filter transactions and their spans by."""

from clickhouse.client import QueryResult, Warehouse
from clickhouse.errors.span_sources import newest
from clickhouse.errors.transaction_filters import (
    COLUMNS,
    ROLLED,
    SPAN_COLUMNS,
    SpanFilter,
    TransactionFilter,
    condition,
    span_condition,
)
from clickhouse.queries.hours import whole_periods
from schemas.projects import ProjectContext
from schemas.zones import HOUR_US

MOST = 12
MOST_LOOKED_AT = 300_000
"""Rows, the newest, that are looked at where no rollup knows the values."""
OF_HOURS = """
SELECT {column}::String AS value, sum(count) AS found
FROM transaction_hours
WHERE {where}
    AND hour >= fromUnixTimestamp64Micro({first_us:Int64}, 'UTC')
    AND hour <= fromUnixTimestamp64Micro({to_us:Int64}, 'UTC')
    AND {column} != ''
    AND positionCaseInsensitiveUTF8({column}, {begun:String}) > 0
GROUP BY value
ORDER BY found DESC, value
LIMIT {limit:UInt32}
"""
NEWEST = """
    SELECT {column}
    FROM transactions
    WHERE {where}
    ORDER BY timestamp DESC
    LIMIT {most:UInt32}"""
OF_ROWS = """
SELECT value, count() AS found
FROM (
    SELECT {column}::String AS value
    FROM ({source})
)
WHERE value != '' AND positionCaseInsensitiveUTF8(value, {begun:String}) > 0
GROUP BY value
ORDER BY found DESC, value
LIMIT {limit:UInt32}
"""


async def values_like(
    warehouse: Warehouse, project: ProjectContext, wanted: TransactionFilter, name: str, begun: str
) -> list[tuple[str, int]]:
    """Returns values that hold a text, and how many transactions have each, most first.

    Of hours that the range touches, where the rollup knows them.
    """
    column, where = COLUMNS[name], condition(project, wanted)
    values = {**where.values, "begun": begun, "limit": MOST, "most": MOST_LOOKED_AT}
    if name in ROLLED and not wanted.reads_rows:
        first, _ = whole_periods(wanted.from_us - HOUR_US + 1, wanted.to_us, HOUR_US)
        text = condition(project, wanted, ends=False).sql
        sql = OF_HOURS.replace("{column}", column).replace("{where}", text)
        return _found(await warehouse.query(sql, {**values, "first_us": first}))
    source = NEWEST.replace("{column}", column).replace("{where}", where.sql)
    sql = OF_ROWS.replace("{column}", column).replace("{source}", source)
    return _found(await warehouse.query(sql, values))


async def span_values_like(
    warehouse: Warehouse, project: ProjectContext, wanted: SpanFilter, name: str, begun: str
) -> list[tuple[str, int]]:
    """Returns values that hold a text, and how many spans have each, most first."""
    where = span_condition(project, wanted)
    values = {**where.values, "begun": begun, "limit": MOST, "most": MOST_LOOKED_AT}
    column = SPAN_COLUMNS[name]
    source = newest(f"{column}, timestamp", where.sql)
    sql = OF_ROWS.replace("{column}", column).replace("{source}", source)
    return _found(await warehouse.query(sql, values))


def _found(answer: QueryResult) -> list[tuple[str, int]]:
    return [(value, found) for value, found in answer.rows]
