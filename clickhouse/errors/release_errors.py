"""The errors of each release: how many, unhandled ones, people, first and last; from the hours."""

from collections.abc import Sequence

from msgspec import Struct

from clickhouse.client import Warehouse
from clickhouse.errors.error_filters import hours_condition
from schemas.errors.issues import ErrorFilter
from schemas.projects import ProjectContext

MOST_RELEASES = 1_000
STATEMENT = """
SELECT release::String AS version, sum(events) AS s_events, sum(unhandled) AS s_unhandled,
    uniqExactMerge(people) AS s_people, toUnixTimestamp64Micro(min(first_seen)) AS s_first,
    toUnixTimestamp64Micro(max(last_seen)) AS s_last
FROM error_hours
WHERE {where}
    AND release IN {versions:Array(String)}
GROUP BY version
LIMIT {limit:UInt32}
"""


class ReleaseErrors(Struct, frozen=True):
    """The errors of one release in a range."""

    events: int = 0
    unhandled: int = 0
    people: int = 0
    first_us: int | None = None
    last_us: int | None = None


NONE = ReleaseErrors()


async def errors_by_release(
    warehouse: Warehouse, project: ProjectContext, wanted: ErrorFilter, versions: Sequence[str]
) -> dict[str, ReleaseErrors]:
    """Adds up the errors of some releases; those without any are not there."""
    if not versions:
        return {}
    where = hours_condition(project, wanted, None)
    sql = STATEMENT.replace("{where}", where.sql)
    values = {**where.values, "versions": list(versions[:MOST_RELEASES]), "limit": MOST_RELEASES}
    answer = await warehouse.query(sql, values)
    return {version: ReleaseErrors(*figures) for version, *figures in answer.rows}
