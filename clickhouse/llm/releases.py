"""Releases of the senders' applications, as far as the metadata of calls names them."""

from typing import NamedTuple

from clickhouse.client import Warehouse
from clickhouse.llm.filters import TraceFilter, condition
from clickhouse.tags import read_tag, tag_sql
from schemas.projects import ProjectContext

MOST = 8

# Metadata is read of the calls that were asked for alone: the engine would look for a name first.
RELEASES = """
SELECT
    if({release} != '', {release}, {version}) AS name,
    toUnixTimestamp64Micro(min(timestamp)) AS first_us
FROM traces
PREWHERE {where}
GROUP BY name
HAVING name != ''
ORDER BY count() DESC, name
LIMIT {limit:UInt32}
"""


class Release(NamedTuple):
    """A value of `release`, or else of `version`, and when a call had it first in a range."""

    name: str
    first_us: int


async def find_releases(
    warehouse: Warehouse, project: ProjectContext, wanted: TraceFilter
) -> list[Release]:
    """Returns the releases with most calls. It reads each call: use it where they are few."""
    where = condition(project, wanted)
    sql = RELEASES.replace("{where}", where.sql)
    sql = sql.replace("{release}", tag_sql("release")).replace("{version}", tag_sql("version"))
    answer = await warehouse.query(sql, where.values | {"limit": MOST})
    return [Release(read_tag(name) or "", first_us) for name, first_us in answer.rows]
