"""What pages show of checks, on a store: the last ones, response times, regions; of one project."""

from uuid import uuid4

from clickhouse.client import Warehouse
from clickhouse.uptime.checks import list_checks
from clickhouse.uptime.glances import (
    last_checks,
    last_end,
    latency_courses,
    phases_spent,
    region_lines,
)
from schemas.projects import ProjectContext, ProjectId
from schemas.uptime.stretches import Stretch
from tests.integration.uptime.stored import store_checks

MINUTE = 60_000_000
HOUR = 60 * MINUTE
BEGIN = 1_790_000_000_000_000 // HOUR * HOUR
BOUNDS = Stretch(BEGIN, BEGIN + 2 * HOUR)
FIRST, SECOND = "mon_aaaaaaaa", "mon_bbbbbbbb"


async def filled(warehouse: Warehouse) -> ProjectContext:
    """Stores two hours of checks, and as many of another project with the same ids."""
    project = ProjectContext(ProjectId(str(uuid4())))
    outcomes = {"outcomes": ["ok", "fail"], "times_ms": [10.0, 9000.0]}
    for project_id in (project.project_id, str(uuid4())):
        for monitor_id, region in ((FIRST, "eu"), (FIRST, "us"), (SECOND, "eu")):
            await store_checks(
                warehouse,
                project_id,
                monitor_id,
                first_us=BEGIN,
                step_us=MINUTE,
                count=60,
                region=region,
                **outcomes,
            )
    return project


async def test_the_last_check_of_each_monitor_is_found(warehouse: Warehouse) -> None:
    project = await filled(warehouse)

    found = await last_checks(warehouse, project, [FIRST, SECOND, "mon_cccccccc"], BOUNDS)

    assert set(found) == {FIRST, SECOND}
    assert (found[FIRST].slot_us, found[FIRST].outcome) == (BEGIN + 59 * MINUTE, "fail")


async def test_courses_have_what_passed_and_gaps(warehouse: Warehouse) -> None:
    project = await filled(warehouse)

    found = await latency_courses(warehouse, project, [FIRST], BOUNDS, parts=4)

    assert found[FIRST] == [10.0, 10.0, None, None]


async def test_phases_add_up_and_regions_stand_by_themselves(warehouse: Warehouse) -> None:
    project = await filled(warehouse)

    spent = await phases_spent(warehouse, project, FIRST, BOUNDS, HOUR)
    regions = await region_lines(warehouse, project, FIRST, BOUNDS)

    assert [(one.at_us, one.checks, one.failed, one.passed) for one in spent] == [
        (BEGIN, 120, 60, 60)
    ]
    assert spent[0].phases_ms == [60.0, 120.0, 0.0, 180.0, 240.0, 600.0]
    told = [(one.region, one.checks, one.failed, one.p50_ms) for one in regions]
    assert told == [("eu", 60, 30, 10.0), ("us", 60, 30, 10.0)]
    assert await last_end(warehouse, project, FIRST, BOUNDS) is None


async def test_failures_alone_can_be_listed(warehouse: Warehouse) -> None:
    project = await filled(warehouse)

    found = await list_checks(warehouse, project, SECOND, BOUNDS, limit=100, only_failures=True)

    assert len(found) == 30
    assert {one.outcome for one in found} == {"fail"}
