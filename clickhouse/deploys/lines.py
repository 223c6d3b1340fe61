"""Lines of the log of one deployment, in their order."""

from typing import Any, NamedTuple

from msgspec import Struct

from clickhouse.client import Warehouse
from schemas.deploys.lines import Level, Stream
from schemas.projects import ProjectContext

MOST_LINES = 1_000
LISTED = """
SELECT
    line_id, seq, toUnixTimestamp64Micro(timestamp), level::String, stream::String, message
FROM deploy_lines
WHERE project_id = {project_id:String}
    AND deployment_id = {deployment_id:String}
    AND seq > {after:UInt32}
    AND seq <= {through:UInt32}
{more}ORDER BY seq
LIMIT {limit:UInt32}
"""
LEVELS = "    AND level IN {levels:Array(String)}\n"
STREAMS = "    AND stream IN {streams:Array(String)}\n"
SEARCH = "    AND positionCaseInsensitiveUTF8(message, {search:String}) > 0\n"
SINCE = "    AND timestamp >= fromUnixTimestamp64Micro({since_us:Int64}, 'UTC')\n"
NEWEST = """
SELECT max(seq)
FROM deploy_lines
WHERE project_id = {project_id:String}
    AND deployment_id = {deployment_id:String}
"""
LAST_SEQ = 2**32 - 1


class StoredLine(NamedTuple):
    """A line as it is stored. Its moment is microseconds since 1970 UTC."""

    line_id: str
    seq: int
    at_us: int
    level: str
    stream: str
    message: str


class LineFilter(Struct, frozen=True, kw_only=True):
    """Which lines; what is unset is any."""

    after_seq: int = 0
    through_seq: int = LAST_SEQ
    levels: tuple[Level, ...] = ()
    streams: tuple[Stream, ...] = ()
    search: str = ""
    """Stands in the message, in capitals or not."""
    since_us: int | None = None


async def list_lines(
    warehouse: Warehouse,
    project: ProjectContext,
    deployment_id: str,
    wanted: LineFilter,
    *,
    limit: int,
) -> list[StoredLine]:
    """Returns the first matching lines of a deployment, `MOST_LINES` at most."""
    values: dict[str, Any] = {
        "project_id": project.project_id,
        "deployment_id": deployment_id,
        "after": wanted.after_seq,
        "through": wanted.through_seq,
        "levels": list(wanted.levels),
        "streams": list(wanted.streams),
        "search": wanted.search,
        "since_us": wanted.since_us,
        "limit": min(limit, MOST_LINES),
    }
    more = "".join(
        (
            LEVELS if wanted.levels else "",
            STREAMS if wanted.streams else "",
            SEARCH if wanted.search else "",
            "" if wanted.since_us is None else SINCE,
        )
    )
    found = await warehouse.query(LISTED.replace("{more}", more), values)
    return [StoredLine(*row) for row in found.rows]


async def newest_seq(warehouse: Warehouse, project: ProjectContext, deployment_id: str) -> int:
    """Returns the number of the last line that is stored; 0 for none.

    Whatever has a lower number is stored too, for lines of a deployment are stored in their order.
    """
    values = {"project_id": project.project_id, "deployment_id": deployment_id}
    return int((await warehouse.query(NEWEST, values)).rows[0][0])
