"""Checks of a monitor: listed, and read for its history."""

from typing import Any, NamedTuple

from msgspec import Struct

from clickhouse.client import Warehouse
from schemas.projects import ProjectContext, ProjectId
from schemas.uptime.states import Seen
from schemas.uptime.stretches import Stretch

MOST_READ = 1_000_000
"""Of one region behind one flip: a year at 30 s."""
MOST_LISTED = 1000
SEEN = """
SELECT toUnixTimestamp64Micro(slot), attempt, outcome::String, revision
FROM checks
WHERE project_id = {project_id:String}
    AND monitor_id = {monitor_id:String}
    AND region = {region:String}
    AND slot >= fromUnixTimestamp64Micro({from_us:Int64}, 'UTC')
ORDER BY slot, attempt
LIMIT {limit:UInt32}
"""
LISTED = """
SELECT
    check_id, region::String, toUnixTimestamp64Micro(slot), attempt,
    toUnixTimestamp64Micro(started), outcome::String, reason::String, message,
    dns_ms, connect_ms, tls_ms, first_byte_ms, transfer_ms, total_ms, status_code, peer::String
FROM checks
WHERE project_id = {project_id:String}
    AND monitor_id = {monitor_id:String}
    AND slot >= fromUnixTimestamp64Micro({from_us:Int64}, 'UTC')
    AND slot < fromUnixTimestamp64Micro({to_us:Int64}, 'UTC')
{failures}{beyond}ORDER BY slot DESC, check_id DESC
LIMIT {limit:UInt32}
"""
BEYOND = """    AND (slot, check_id) < (
        fromUnixTimestamp64Micro({place_us:Int64}, 'UTC'), {place_id:String})
"""
FAILURES = "    AND outcome NOT IN ('ok', 'degraded')\n"


class CheckPlace(NamedTuple):
    """Where a page ends."""

    slot_us: int
    check_id: str


class CheckLine(Struct, frozen=True):
    """One check. Times are microseconds since 1970 UTC."""

    check_id: str
    region: str
    slot_us: int
    attempt: int
    started_us: int
    outcome: str
    reason: str
    message: str
    dns_ms: float | None
    connect_ms: float | None
    tls_ms: float | None
    first_byte_ms: float | None
    transfer_ms: float | None
    total_ms: float
    status_code: int | None
    peer: str


class OfRegion(NamedTuple):
    """What one region saw of a monitor."""

    monitor_id: str
    region: str


async def read_seen(
    warehouse: Warehouse, project_id: ProjectId, of: OfRegion, from_us: int
) -> list[Seen]:
    """Returns the checks of one region since a moment, in the order of their slots."""
    values: dict[str, Any] = {**of._asdict(), "project_id": project_id}
    values |= {"from_us": from_us, "limit": MOST_READ}
    return [Seen(*row) for row in (await warehouse.query(SEEN, values)).rows]


async def list_checks(
    warehouse: Warehouse,
    project: ProjectContext,
    monitor_id: str,
    bounds: Stretch,
    *,
    limit: int,
    beyond: CheckPlace | None = None,
    only_failures: bool = False,
) -> list[CheckLine]:
    """Returns checks of a monitor, newest first; `beyond` and what is newer are not.

    Failures are those that did not pass: inconclusive ones too.
    """
    values = _values(project, monitor_id, bounds) | {"limit": min(limit, MOST_LISTED + 1)}
    if beyond is not None:
        values |= {"place_us": beyond.slot_us, "place_id": beyond.check_id}
    sql = LISTED.replace("{beyond}", BEYOND if beyond else "")
    sql = sql.replace("{failures}", FAILURES if only_failures else "")
    return [CheckLine(*row) for row in (await warehouse.query(sql, values)).rows]


def _values(project: ProjectContext, monitor_id: str, bounds: Stretch) -> dict[str, Any]:
    return {
        "project_id": project.project_id,
        "monitor_id": monitor_id,
        "from_us": bounds.start_us,
        "to_us": bounds.end_us,
    }
