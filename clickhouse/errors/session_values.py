"""What filters of sessions suggest: the environments and releases that have most of them."""

from clickhouse.client import Warehouse
from clickhouse.errors.session_health import NAMED, SPANNED
from schemas.projects import ProjectContext

MOST_VALUES = 20
STATEMENT = """
SELECT {column}::String AS value, count() AS updates
FROM session_updates
WHERE {where}
    AND positionCaseInsensitiveUTF8({column}, {text:String}) > 0
GROUP BY value
ORDER BY updates DESC, value
LIMIT {limit:UInt32}
"""


async def session_values_like(
    warehouse: Warehouse, project: ProjectContext, between: tuple[int, int], name: str, text: str
) -> list[tuple[str, int]]:
    """Returns values of a column that hold a text, with the updates of sessions that have them."""
    if name not in NAMED:
        raise ValueError(f"{name} is no column of sessions")
    sql = STATEMENT.replace("{column}", name).replace("{where}", SPANNED)
    values = {
        "project_id": project.project_id,
        "from_us": between[0],
        "to_us": between[1],
        "text": text,
        "limit": MOST_VALUES,
    }
    return [(value, count) for value, count in (await warehouse.query(sql, values)).rows]
