"""Series of how long checks took, on a store."""

from uuid import uuid4

from clickhouse.client import Warehouse
from clickhouse.uptime.series import PHASES, read_series
from schemas.projects import ProjectContext, ProjectId
from schemas.uptime.stretches import Stretch
from tests.integration.uptime.stored import store_checks

SECOND = 1_000_000
HOUR = 3600 * SECOND
BEGIN = 1_790_000_000_000_000 // HOUR * HOUR


async def test_each_step_tells_of_its_checks_for_many_monitors_at_once(
    warehouse: Warehouse,
) -> None:
    project = ProjectContext(ProjectId(str(uuid4())))
    for monitor_id, project_id in (
        ("mon_aaaaaaaa", project.project_id),
        ("mon_bbbbbbbb", project.project_id),
        ("mon_aaaaaaaa", str(uuid4())),
    ):
        await store_checks(
            warehouse,
            project_id,
            monitor_id,
            first_us=BEGIN,
            step_us=60 * SECOND,
            count=90,
            outcomes=["ok", "ok", "ok", "degraded", "fail", "inconclusive"],
            times_ms=[10.0, 20.0, 30.0, 40.0, 5000.0, 6000.0],
        )

    bounds = Stretch(BEGIN, BEGIN + 3 * HOUR)
    asked = ["mon_aaaaaaaa", "mon_bbbbbbbb", "mon_cccccccc"]
    found = await read_series(warehouse, project, asked, bounds, HOUR)

    assert [point.at_us for point in found["mon_aaaaaaaa"]] == [BEGIN, BEGIN + HOUR]
    first, second = found["mon_aaaaaaaa"]
    assert (first.ok, first.degraded, first.failed, first.inconclusive) == (30, 10, 10, 10)
    assert second.ok == 15
    # What failed is in no percentile; a phase that no check had is left out.
    assert set(first.phases) == set(PHASES) - {"tls"}
    assert first.phases["total"] == (30.0, 40.0, 40.0)
    assert first.phases["dns"] == (1.0, 1.0, 1.0)
    assert found["mon_bbbbbbbb"] == found["mon_aaaaaaaa"]
    assert found["mon_cccccccc"] == []
