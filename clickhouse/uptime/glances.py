"""What pages show of checks: of many monitors at a glance, and of one over time."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from clickhouse.client import Warehouse
from clickhouse.uptime.tables import PHASES
from schemas.projects import ProjectContext
from schemas.uptime.checks import Certificate
from schemas.uptime.stretches import Stretch

MOST_POINTS = 100_000
RANGE = """    AND slot >= fromUnixTimestamp64Micro({from_us:Int64}, 'UTC')
    AND slot < fromUnixTimestamp64Micro({to_us:Int64}, 'UTC')
"""
MANY = f"""FROM checks
WHERE project_id = {{project_id:String}}
    AND monitor_id IN {{monitor_ids:Array(String)}}
{RANGE}"""
ONE = f"""FROM checks
WHERE project_id = {{project_id:String}}
    AND monitor_id = {{monitor_id:String}}
{RANGE}"""
LAST = f"""
SELECT
    monitor_id::String,
    toUnixTimestamp64Micro(max(slot)),
    argMax(outcome::String, (slot, attempt)),
    argMax(message, (slot, attempt)),
    argMax(total_ms, (slot, attempt))
{MANY}GROUP BY monitor_id
LIMIT {{limit:UInt32}}
"""
COURSES = f"""
SELECT
    monitor_id::String,
    intDiv(toUnixTimestamp64Micro(slot) - {{from_us:Int64}}, {{width_us:Int64}}) AS part,
    avg(total_ms)
{MANY}    AND outcome IN ('ok', 'degraded')
GROUP BY monitor_id, part
LIMIT {{limit:UInt32}}
"""
SPENT = f"""
SELECT
    intDiv(toUnixTimestamp64Micro(slot), {{width_us:Int64}}) * {{width_us:Int64}} AS at_us,
    count(), countIf(outcome = 'fail'),
    {", ".join(f"sumIf({name}, outcome IN ('ok', 'degraded'))" for name in PHASES)},
    countIf(outcome IN ('ok', 'degraded'))
{ONE}    AND outcome != 'inconclusive'
GROUP BY at_us
ORDER BY at_us
LIMIT {{limit:UInt32}}
"""
REGIONS = f"""
SELECT
    region::String,
    toUnixTimestamp64Micro(max(slot)),
    argMax(outcome::String, (slot, attempt)),
    argMax(message, (slot, attempt)),
    count(), countIf(outcome = 'fail'),
    quantileExactIf(0.5)(total_ms, outcome IN ('ok', 'degraded')),
    countIf(outcome IN ('ok', 'degraded'))
{ONE}GROUP BY region
ORDER BY region
LIMIT {{limit:UInt32}}
"""
ENDS = f"""
SELECT toUnixTimestamp64Micro(slot), toUnixTimestamp64Micro(expires_at), certificate
{ONE}    AND (expires_at IS NOT NULL OR certificate != '')
ORDER BY slot DESC
LIMIT 1
"""


class LastCheck(NamedTuple):
    """The newest check of a monitor."""

    slot_us: int
    outcome: str
    message: str
    total_ms: float


class Spent(NamedTuple):
    """How long the checks of a part of a time took that passed, each phase added up."""

    at_us: int
    checks: int
    failed: int
    phases_ms: Sequence[float]
    """Of `PHASES`, in that order."""
    passed: int


class RegionLine(NamedTuple):
    """What one region saw."""

    region: str
    slot_us: int
    outcome: str
    message: str
    checks: int
    failed: int
    p50_ms: float | None


class Ends(NamedTuple):
    """When a certificate or a registration ends, as a check saw it."""

    slot_us: int
    expires_us: int
    certificate: Certificate | None


async def last_checks(
    warehouse: Warehouse, project: ProjectContext, monitor_ids: Collection[str], bounds: Stretch
) -> dict[str, LastCheck]:
    """Returns the newest check of each monitor in a range, by id."""
    values = _many(project, monitor_ids, bounds)
    rows = (await warehouse.query(LAST, values)).rows
    return {row[0]: LastCheck(*row[1:]) for row in rows}


async def latency_courses(
    warehouse: Warehouse,
    project: ProjectContext,
    monitor_ids: Collection[str],
    bounds: Stretch,
    *,
    parts: int,
) -> Mapping[str, list[float | None]]:
    """Returns the mean time of passed checks in equal parts of a range, by monitor."""
    width_us = max(1, -(-(bounds.end_us - bounds.start_us) // parts))
    values = _many(project, monitor_ids, bounds) | {"width_us": width_us}
    found: dict[str, list[float | None]] = defaultdict(lambda: [None] * parts)
    for monitor_id, part, mean_ms in (await warehouse.query(COURSES, values)).rows:
        found[monitor_id][part] = float(mean_ms)
    return found


async def phases_spent(
    warehouse: Warehouse, project: ProjectContext, monitor_id: str, bounds: Stretch, width_us: int
) -> list[Spent]:
    """Returns how long each phase took over a range, in parts of a width, in order."""
    values = _one(project, monitor_id, bounds) | {"width_us": width_us}
    rows = (await warehouse.query(SPENT, values)).rows
    return [
        Spent(row[0], row[1], row[2], [float(one or 0) for one in row[3:-1]], row[-1])
        for row in rows
    ]


async def region_lines(
    warehouse: Warehouse, project: ProjectContext, monitor_id: str, bounds: Stretch
) -> list[RegionLine]:
    """Returns what each region saw in a range."""
    rows = (await warehouse.query(REGIONS, _one(project, monitor_id, bounds))).rows
    return [
        RegionLine(
            region, slot_us, outcome, message, checks, failed, float(p50) if passed else None
        )
        for region, slot_us, outcome, message, checks, failed, p50, passed in rows
    ]


async def last_end(
    warehouse: Warehouse, project: ProjectContext, monitor_id: str, bounds: Stretch
) -> Ends | None:
    """Returns the end of a certificate or registration that a check of a range saw last."""
    rows = (await warehouse.query(ENDS, _one(project, monitor_id, bounds))).rows
    if not rows:
        return None
    slot_us, expires_us, shown = rows[0]
    certificate = msgspec.json.decode(shown, type=Certificate) if shown else None
    if expires_us is None and certificate is None:
        return None
    end_us = expires_us if certificate is None else certificate.not_after_us
    return Ends(slot_us, end_us if expires_us is None else expires_us, certificate)


def _many(project: ProjectContext, monitor_ids: Collection[str], bounds: Stretch) -> dict[str, Any]:
    return {
        "project_id": project.project_id,
        "monitor_ids": sorted(monitor_ids),
        "from_us": bounds.start_us,
        "to_us": bounds.end_us,
        "limit": MOST_POINTS,
    }


def _one(project: ProjectContext, monitor_id: str, bounds: Stretch) -> dict[str, Any]:
    return {
        "project_id": project.project_id,
        "monitor_id": monitor_id,
        "from_us": bounds.start_us,
        "to_us": bounds.end_us,
        "limit": MOST_POINTS,
    }
