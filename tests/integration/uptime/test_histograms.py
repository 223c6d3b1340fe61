"""Percentiles of long windows from daily histograms: how near they are."""

import asyncio
import random
import uuid
from datetime import date, timedelta
from typing import Any

import pytest

from clickhouse.check_days import MonitorDay, build_days, day_of, list_stale_days
from clickhouse.client import Warehouse
from clickhouse.retention import Expiry, Keeping, purge_projects
from clickhouse.uptime.latencies import Latencies, measure_latencies
from processors.uptime.day_sums import DaySums
from schemas.projects import ProjectContext, ProjectId
from schemas.uptime.stretches import Stretch
from schemas.zones import DAY_US
from tests.integration.uptime.stored import store_checks

SECOND = 1_000_000
STEP_US = 900 * SECOND
NOW_US = 1_790_000_000_000_000 // STEP_US * STEP_US
"""In September 2026, at some quarter of an hour."""
TODAY_US = NOW_US // DAY_US * DAY_US
MONITOR = "mon_aaaaaaaa"


@pytest.fixture
def project() -> ProjectContext:
    return ProjectContext(ProjectId(str(uuid.uuid4())))


def random_times(seed: str) -> list[float]:
    chance = random.Random(seed)
    return [round(chance.lognormvariate(4.5, 1.3), 3) for _ in range(977)]


async def store(
    warehouse: Warehouse, project: ProjectContext, days: int, **more: Any
) -> list[float]:
    """Stores checks of the last days until now; returns the times of all of them, in order."""
    times_ms = random_times(project.project_id)
    first_us = NOW_US - days * DAY_US
    count = (NOW_US - first_us) // STEP_US
    values = {"first_us": first_us, "step_us": STEP_US, "count": count, "times_ms": times_ms}
    await store_checks(warehouse, project.project_id, MONITOR, **(values | more))
    return [times_ms[number % len(times_ms)] for number in range(count)]


async def follow(warehouse: Warehouse) -> None:
    await DaySums(warehouse, clock=lambda: NOW_US / SECOND).work()


async def ask(warehouse: Warehouse, project: ProjectContext, days: int) -> Latencies:
    return await measure_latencies(
        warehouse, project, MONITOR, Stretch(NOW_US - days * DAY_US, NOW_US)
    )


async def built(warehouse: Warehouse, project: ProjectContext) -> dict[date, int]:
    sql = """
        SELECT day, ok + degraded + failed + inconclusive
        FROM check_days FINAL
        WHERE project_id = {project_id:String}
    """
    answer = await warehouse.query(sql, {"project_id": project.project_id})
    return {row[0]: row[1] for row in answer.rows}


def assert_near(found: Latencies, times_ms: list[float]) -> None:
    ranked = sorted(times_ms)
    assert found.passed == len(ranked)
    for share, told in ((0.5, found.p50_ms), (0.95, found.p95_ms), (0.99, found.p99_ms)):
        exact = ranked[min(int(share * len(ranked)), len(ranked) - 1)]
        assert told == pytest.approx(exact, rel=0.01), share


@pytest.mark.parametrize("days", [30, 90])
async def test_long_windows_are_within_a_hundredth_of_the_checks(
    warehouse: Warehouse, project: ProjectContext, days: int
) -> None:
    times_ms = await store(warehouse, project, 95)
    # With the whole of the day in which the window begins.
    expected = times_ms[-(days * DAY_US + NOW_US - TODAY_US) // STEP_US :]

    before = await ask(warehouse, project, days)
    await follow(warehouse)
    after = await ask(warehouse, project, days)

    assert len(await built(warehouse, project)) == 95
    assert_near(before, expected)
    # Nothing changes but where it is read from.
    assert after == before
    week = await ask(warehouse, project, 7)
    ranked = sorted(times_ms[-(7 * DAY_US // STEP_US) :])
    assert week.p95_ms == ranked[int(0.95 * len(ranked))]


async def test_a_day_is_built_once_however_often_and_by_how_many(
    warehouse: Warehouse, project: ProjectContext
) -> None:
    times_ms = await store(warehouse, project, 20)
    first = day_of(TODAY_US) - timedelta(days=20)
    of = (project.project_id, MONITOR)
    days = [MonitorDay(*of, first + timedelta(days=number), 300_000) for number in range(21)]

    await asyncio.gather(*(build_days(warehouse, days) for _ in range(3)))
    await follow(warehouse)

    assert sum((await built(warehouse, project)).values()) == len(times_ms)
    assert_near(await ask(warehouse, project, 20), times_ms)


async def test_what_the_store_has_twice_counts_once(
    warehouse: Warehouse, project: ProjectContext
) -> None:
    times_ms = await store(warehouse, project, 20)
    await follow(warehouse)
    await store(warehouse, project, 20)
    await follow(warehouse)

    found = await built(warehouse, project)

    today = (NOW_US - TODAY_US) // STEP_US
    assert sum(found.values()) == len(times_ms) - today
    stale = await list_stale_days(warehouse, min(found), day_of(TODAY_US))
    assert [one for one in stale if one.project_id == project.project_id] == []


@pytest.mark.parametrize("received_us", [NOW_US, NOW_US - 2 * DAY_US])
async def test_a_day_follows_checks_that_come_late(
    warehouse: Warehouse, project: ProjectContext, received_us: int
) -> None:
    await store(warehouse, project, 30)
    following = DaySums(warehouse, clock=lambda: NOW_US / SECOND, monotonic=iter(range(9)).__next__)
    await follow(warehouse)
    late_us = TODAY_US - 9 * DAY_US + SECOND

    await store_checks(
        warehouse,
        project.project_id,
        MONITOR,
        first_us=late_us,
        step_us=SECOND,
        count=700,
        times_ms=[90_000.0],
        late_us=received_us - late_us,
    )
    await following.work()

    assert (await built(warehouse, project))[day_of(late_us)] == DAY_US // STEP_US + 700
    found = await ask(warehouse, project, 30)
    assert found.p99_ms == pytest.approx(90_000, rel=0.01)


async def test_percentiles_outlive_the_checks_and_go_with_their_project(
    warehouse: Warehouse, project: ProjectContext
) -> None:
    outcomes = ["ok", "ok", "fail", "degraded", "inconclusive"]
    await store(warehouse, project, 60, outcomes=outcomes)
    await follow(warehouse)
    before = await ask(warehouse, project, 90)
    today = day_of(TODAY_US)
    keeping = Keeping(today, default_days=10**6, own_days={project.project_id: 10})

    assert await Expiry(warehouse).run(keeping, limit_s=60)
    left = "SELECT count() FROM checks WHERE project_id = {project_id:String}"
    values = {"project_id": project.project_id}
    assert (await warehouse.query(left, values)).rows[0][0] < 11 * DAY_US // STEP_US
    # A part of the first day is left, which is no reason to build it again.
    await follow(warehouse)
    assert await ask(warehouse, project, 90) == before
    keeping = Keeping(today + timedelta(days=500), 10**6, {project.project_id: 10})
    assert await Expiry(warehouse).run(keeping, limit_s=60)
    assert await built(warehouse, project) == {}

    await store(warehouse, project, 5)
    await follow(warehouse)
    assert await built(warehouse, project)
    await purge_projects(warehouse, [project.project_id])
    assert await built(warehouse, project) == {}


async def test_another_project_with_the_same_monitor_is_another_one(
    warehouse: Warehouse, project: ProjectContext
) -> None:
    other = ProjectContext(ProjectId(str(uuid.uuid4())))
    await store(warehouse, project, 30)
    await follow(warehouse)

    assert await ask(warehouse, other, 30) == Latencies(0, 0, None, None, None)
