"""How long checks took over time, by phase, and what became of them: of many monitors at once."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from msgspec import Struct

from clickhouse.client import Warehouse
from schemas.projects import ProjectContext
from schemas.uptime.stretches import Stretch

MOST_POINTS = 100_000
"""Of one answer, all monitors together."""
PHASES = ("dns", "connect", "tls", "first_byte", "transfer", "total")
KNOWN = {"total": "total_ms > 0"}
"""When a phase is known, if it is always there: a heartbeat may tell no time."""
OF_PHASE = """if(countIf({known} AND outcome IN ('ok', 'degraded')) = 0, [],
        quantilesExactIf(0.5, 0.95, 0.99)(assumeNotNull({phase}_ms),
            {known} AND outcome IN ('ok', 'degraded')))"""
POINTS = """
SELECT
    monitor_id::String,
    intDiv(toUnixTimestamp64Micro(slot), {step_us:Int64}) * {step_us:Int64} AS at_us,
    countIf(outcome = 'ok'),
    countIf(outcome = 'degraded'),
    countIf(outcome = 'fail'),
    countIf(outcome = 'inconclusive'),
    {phases}
FROM checks
WHERE project_id = {project_id:String}
    AND monitor_id IN {monitor_ids:Array(String)}
    AND slot >= fromUnixTimestamp64Micro({from_us:Int64}, 'UTC')
    AND slot < fromUnixTimestamp64Micro({to_us:Int64}, 'UTC')
GROUP BY monitor_id, at_us
ORDER BY monitor_id, at_us
LIMIT {limit:UInt32}
""".replace(
    "{phases}",
    ",\n    ".join(
        OF_PHASE.replace("{known}", KNOWN.get(one, "{phase}_ms IS NOT NULL")).replace(
            "{phase}", one
        )
        for one in PHASES
    ),
)


class Percentiles(NamedTuple):
    """Of the checks that passed, in milliseconds."""

    p50: float
    p95: float
    p99: float


class Point(Struct, frozen=True):
    """The checks of one step. Times are microseconds since 1970 UTC."""

    at_us: int
    """The step's begin."""
    ok: int
    degraded: int
    failed: int
    inconclusive: int
    phases: dict[str, Percentiles]
    """By `PHASES`; one that no check had is not in it."""


async def read_series(
    warehouse: Warehouse,
    project: ProjectContext,
    monitor_ids: Sequence[str],
    bounds: Stretch,
    step_us: int,
) -> dict[str, list[Point]]:
    """Returns the points of each monitor in order, by one statement; steps without checks are none.

    Steps are counted from 1970 on: the first and the last may lie only partly in the range. The
    caller sees to it that there are at most `MOST_POINTS`.
    """
    values: dict[str, Any] = {
        "project_id": project.project_id,
        "monitor_ids": list(monitor_ids),
        "from_us": bounds.start_us,
        "to_us": bounds.end_us,
        "step_us": step_us,
        "limit": MOST_POINTS,
    }
    found: dict[str, list[Point]] = {monitor_id: [] for monitor_id in monitor_ids}
    for row in (await warehouse.query(POINTS, values)).rows:
        monitor_id, at_us, ok, degraded, failed, inconclusive, *phases = row
        point = Point(at_us, ok, degraded, failed, inconclusive, _phases(phases))
        found[monitor_id].append(point)
    return found


def _phases(columns: Sequence[Sequence[float]]) -> dict[str, Percentiles]:
    return {
        phase: Percentiles(*(round(float(one), 3) for one in times_ms))
        for phase, times_ms in zip(PHASES, columns, strict=True)
        if times_ms
    }
