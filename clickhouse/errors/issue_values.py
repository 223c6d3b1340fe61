"""Which values there are to search issues by, and the keys of their tags."""

from collections.abc import Mapping

from clickhouse.client import Warehouse
from clickhouse.errors.error_filters import rows_condition
from clickhouse.tags import key_of, tag_sql
from schemas.errors.issues import ErrorFilter
from schemas.projects import ProjectContext

MOST = 12
MOST_LOOKED_AT = 100_000
"""Events that are looked at: any of the time, for the newest would have to be sorted out first."""
COLUMNS: Mapping[str, str] = {
    "environment": "environment",
    "release": "release",
    "level": "level",
    "type": "type",
    "platform": "platform",
    "user": "user_key",
    "transaction": "transaction",
    "server_name": "server_name",
}
"""What has a column of its own, by what a search calls it; any other name is a tag."""
VALUES = """
SELECT value, count() AS found
FROM (
    SELECT {value} AS value
    FROM errors
    WHERE {where}
    LIMIT {most:UInt32}
)
WHERE value != '' AND positionCaseInsensitiveUTF8(value, {begun:String}) > 0
GROUP BY value
ORDER BY found DESC, value
LIMIT {limit:UInt32}
"""
KEYS = """
SELECT path, count() AS found
FROM (
    SELECT JSONAllPaths(tags) AS paths
    FROM errors
    WHERE {where}
    LIMIT {most:UInt32}
)
ARRAY JOIN paths AS path
GROUP BY path
ORDER BY found DESC, path
LIMIT {limit:UInt32}
"""


async def values_like(
    warehouse: Warehouse, project: ProjectContext, wanted: ErrorFilter, name: str, begun: str
) -> list[tuple[str, int]]:
    """Returns values that hold a text, and how many events have each, most first."""
    where = rows_condition(project, wanted, None)
    values = {**where.values, "begun": begun, "limit": MOST, "most": MOST_LOOKED_AT}
    column = f"{COLUMNS[name]}::String" if name in COLUMNS else f"substring({tag_sql(name)}, 2)"
    sql = VALUES.replace("{value}", column).replace("{where}", where.sql)
    return [(value, found) for value, found in (await warehouse.query(sql, values)).rows]


async def tag_keys(
    warehouse: Warehouse, project: ProjectContext, wanted: ErrorFilter
) -> list[tuple[str, int]]:
    """Returns the keys of tags that most events have, and how many have each."""
    where = rows_condition(project, wanted, None)
    values = {**where.values, "limit": 10 * MOST, "most": MOST_LOOKED_AT}
    rows = (await warehouse.query(KEYS.replace("{where}", where.sql), values)).rows
    return [(key_of(path), found) for path, found in rows]
