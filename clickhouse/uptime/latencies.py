"""How long checks of a monitor took: exact in short windows, within 1 % in long ones.

A long window begins with the day of UTC that its begin is in. It is put together from histograms of
days, and from the checks of what they leave: today, and days that are not built yet.
"""

import asyncio
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from msgspec import Struct

from clickhouse.check_days import BASE, day_of
from clickhouse.client import Warehouse
from schemas.projects import ProjectContext
from schemas.uptime.stretches import Stretch, without
from schemas.zones import DAY_US

EXACT_US = 14 * DAY_US
"""Up to so long windows are read from the checks themselves."""
LATENCIES = """
SELECT
    count(),
    countIf(outcome IN ('ok', 'degraded')),
    quantilesExactIf(0.5, 0.95, 0.99)(
        total_ms, outcome IN ('ok', 'degraded') AND total_ms > 0
    ),
    countIf(outcome IN ('ok', 'degraded') AND total_ms > 0)
FROM checks
WHERE project_id = {project_id:String}
    AND monitor_id = {monitor_id:String}
    AND slot >= fromUnixTimestamp64Micro({from_us:Int64}, 'UTC')
    AND slot < fromUnixTimestamp64Micro({to_us:Int64}, 'UTC')
    AND outcome != 'inconclusive'
"""
DAYS = """
SELECT
    groupArray(day),
    sum(ok + degraded + failed),
    sum(ok + degraded),
    (sumMap(buckets, counts) AS histogram).1,
    histogram.2
FROM check_days FINAL
WHERE project_id = {project_id:String}
    AND monitor_id = {monitor_id:String}
    AND day >= {first_day:Date}
    AND day < {end_day:Date}
"""
REST = """
SELECT
    count(),
    countIf(outcome IN ('ok', 'degraded')),
    (sumMapIf(
        [toInt16(round(log(greatest(total_ms, 0.001)) / log({base:Float64})))], [toUInt32(1)],
        outcome IN ('ok', 'degraded') AND total_ms > 0
    ) AS histogram).1,
    histogram.2
FROM checks
WHERE project_id = {project_id:String}
    AND monitor_id = {monitor_id:String}
    AND outcome != 'inconclusive'
    AND ({ranges})
"""
RANGE = """(slot >= fromUnixTimestamp64Micro({from_%d:Int64}, 'UTC')
        AND slot < fromUnixTimestamp64Micro({to_%d:Int64}, 'UTC'))"""
SHARES = (0.5, 0.95, 0.99)


class Latencies(Struct, frozen=True):
    """Of the checks of a range; milliseconds, `None` where none that has passed tells a time."""

    checks: int
    passed: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


class _Part(NamedTuple):
    checks: int
    passed: int
    histogram: Counter[int]


async def measure_latencies(
    warehouse: Warehouse, project: ProjectContext, monitor_id: str, bounds: Stretch
) -> Latencies:
    """Returns how long those checks of a range took that passed; a long one has whole days."""
    of = {"project_id": project.project_id, "monitor_id": monitor_id}
    if bounds.end_us - bounds.start_us > EXACT_US:
        return await _from_days(warehouse, of, bounds)
    values = {**of, "from_us": bounds.start_us, "to_us": bounds.end_us}
    checks, passed, times_ms, timed = (await warehouse.query(LATENCIES, values)).rows[0]
    return _latencies(checks, passed, [float(one) for one in times_ms] if timed else [])


def times_of(histogram: Mapping[int, int], shares: Iterable[float] = SHARES) -> list[float]:
    """Returns quantiles of a histogram that is not empty: of the bucket's middle, within 1 %."""
    count, buckets = sum(histogram.values()), sorted(histogram)
    found = []
    for share in shares:
        # As the engine ranks exact ones.
        left = min(int(share * count), count - 1)
        for bucket in buckets:
            left -= histogram[bucket]
            if left < 0:
                found.append(float(BASE**bucket))
                break
    return found


def uncovered(bounds: Stretch, days: Collection[date]) -> list[Stretch]:
    """Returns what is left of a range without some whole days of UTC."""
    starts = sorted((day - date(1970, 1, 1)).days * DAY_US for day in days)
    return without([bounds], [Stretch(start_us, start_us + DAY_US) for start_us in starts])


async def _from_days(warehouse: Warehouse, of: dict[str, Any], bounds: Stretch) -> Latencies:
    today_us = bounds.end_us - bounds.end_us % DAY_US
    whole = Stretch(bounds.start_us - bounds.start_us % DAY_US, today_us)
    values = of | {"first_day": day_of(whole.start_us), "end_day": day_of(today_us)}
    # Today is read beside the days: that is all of it, once the days are built.
    built, today = await asyncio.gather(
        warehouse.query(DAYS, values), _read(warehouse, of, [Stretch(today_us, bounds.end_us)])
    )
    days, *told = built.rows[0]
    rest = await _read(warehouse, of, uncovered(whole, days))
    parts = (_part(told), today, rest)
    counts = sum((one.histogram for one in parts), Counter[int]())
    checks, passed = sum(one.checks for one in parts), sum(one.passed for one in parts)
    return _latencies(checks, passed, times_of(counts) if counts else [])


async def _read(warehouse: Warehouse, of: dict[str, Any], ranges: Sequence[Stretch]) -> _Part:
    if not ranges:
        return _Part(0, 0, Counter())
    return _part((await warehouse.query(*_rest(of, ranges))).rows[0])


def _part(row: Sequence[Any]) -> _Part:
    checks, passed, buckets, counts = row
    return _Part(checks, passed, Counter(dict(zip(buckets, counts, strict=True))))


def _rest(of: dict[str, Any], ranges: Sequence[Stretch]) -> tuple[str, dict[str, Any]]:
    values = of | {"base": BASE}
    for number, one in enumerate(ranges):
        values |= {f"from_{number}": one.start_us, f"to_{number}": one.end_us}
    conditions = [RANGE % (number, number) for number in range(len(ranges))]
    return REST.replace("{ranges}", "\n        OR ".join(conditions)), values


def _latencies(checks: int, passed: int, times_ms: Sequence[float]) -> Latencies:
    p50, p95, p99 = (round(one, 3) for one in times_ms) if times_ms else (None, None, None)
    return Latencies(checks, passed, p50, p95, p99)
