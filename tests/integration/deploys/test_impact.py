"""What deployments changed, from a store and a control plane where that is known."""

import uuid

import pytest

from clickhouse.client import Warehouse
from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.deploys.auto_rollback import Watched, roll_back_by_rule
from controlplane.deploys.rows import Reach
from controlplane.errors.models import Issue
from controlplane.failures import NotFound
from controlplane.uptime.backdating import backdate_monitor
from controlplane.uptime.models import MonitorFlip, MonitorState
from controlplane.uptime.monitors import add_monitor
from schemas.deploys.impact import Impact, ImpactMeasure
from schemas.deploys.windows import HOUR_US, MINUTE_US
from schemas.projects import ProjectId
from sluice.impacts import Impacts
from tests.integration.deploys.apps import ask
from tests.integration.deploys.switched import AT_US, WEEK_US, new_shop, took_over
from tests.integration.deploys.telemetry import Traffic, hour

NOW_US = AT_US + 2 * HOUR_US


@pytest.fixture
async def shop(database: Database, vault: Vault) -> ProjectId:
    return await new_shop(database, vault)


async def impact(
    database: Database,
    warehouse: Warehouse,
    project_id: ProjectId,
    deployment_id: str,
    *,
    now_us: int = NOW_US,
    minutes: int = 60,
) -> Impact:
    reach = Reach(project_id=project_id)
    impacts = Impacts(database, clock=lambda: now_us / 1e6)
    return await impacts.read(warehouse, reach, deployment_id, minutes)


def measures(found: Impact) -> dict[str, ImpactMeasure]:
    return {one.name: one for one in found.measures}


def worse(found: Impact) -> set[str]:
    return {one.name for one in found.measures if one.verdict == "worse"}


async def new_issues(database: Database, project_id: ProjectId, *moments: int) -> None:
    async with database.session() as session:
        for number, at_us in enumerate(moments, 1):
            session.add(
                Issue(
                    id=uuid.uuid4(),
                    project_id=uuid.UUID(project_id),
                    number=number,
                    type="ValueError",
                    title=f"ValueError: <b>{number}</b>",
                    culprit="",
                    level="error",
                    platform="python",
                    first_seen_us=at_us,
                    last_seen_us=at_us,
                    first_release="",
                    last_release="",
                    created_us=at_us,
                    status="open",
                    times_regressed=0,
                )
            )


async def watch(
    database: Database, vault: Vault, project_id: ProjectId, *flips: tuple[int, str]
) -> None:
    """Makes a monitor that was up for a month, but for what flips say."""
    fields = {"name": "Shop", "type": "tcp", "host": "shop.example", "port": 443}
    monitor = await add_monitor(database, vault, project_id, fields)
    created_us = AT_US - 30 * 24 * HOUR_US
    await backdate_monitor(database, monitor.monitor_id, created_us)
    before = "unknown"
    async with database.session() as session:
        for at_us, after in ((created_us, "up"), *flips):
            session.add(
                MonitorFlip(
                    monitor_id=monitor.monitor_id,
                    region="",
                    at_us=at_us,
                    before=before,
                    after=after,
                )
            )
            before = after
        state = await session.get(MonitorState, monitor.monitor_id)
        assert state is not None
        state.last_us = NOW_US


class TestVerdict:
    async def test_nothing_that_changed_is_the_same(
        self, database: Database, warehouse: Warehouse, vault: Vault, shop: ProjectId
    ) -> None:
        (deployment,) = await took_over(database, shop, [AT_US])
        traffic = Traffic(warehouse, shop)
        for at_us in (AT_US - HOUR_US, AT_US):
            await hour(traffic, at_us)
        await new_issues(database, shop, AT_US - 100 * HOUR_US)
        await watch(database, vault, shop)

        found = await impact(database, warehouse, shop, deployment)

        assert {one.name: one.verdict for one in found.measures} == dict.fromkeys(
            measures(found), "same"
        )
        assert found.verdict == "same"
        error_rate = measures(found)["error_rate"]
        assert error_rate.before == error_rate.after == pytest.approx(60 / 3000)
        assert measures(found)["cost_per_call"].after == pytest.approx(1.0, rel=0.05)
        assert measures(found)["cost_per_request"].after == pytest.approx(1 / 3, rel=0.05)
        # exp(0.5 * 1.645) of 100 ms
        assert measures(found)["latency_p95"].after == pytest.approx(228, rel=0.08)
        assert measures(found)["uptime"].after == 1.0

    @pytest.mark.parametrize(
        ("change", "expected"),
        [
            ({"errors": 240}, {"error_rate"}),
            ({"failed_bp": 800}, {"failure_rate"}),
            ({"ms": 160.0}, {"latency_p95"}),
            ({"calls_failed_bp": 1200}, {"llm_failure_rate"}),
            ({"cents": 1.6}, {"cost_per_request", "cost_per_call"}),
        ],
    )
    async def test_a_change_for_the_worse_is_named(
        self,
        database: Database,
        warehouse: Warehouse,
        shop: ProjectId,
        change: dict[str, float],
        expected: set[str],
    ) -> None:
        (deployment,) = await took_over(database, shop, [AT_US])
        traffic = Traffic(warehouse, shop)
        await hour(traffic, AT_US - HOUR_US)
        await hour(traffic, AT_US, **change)

        found = await impact(database, warehouse, shop, deployment)

        assert found.verdict == "worse"
        assert worse(found) == expected
        assert found.confidence > 0.99

    async def test_an_app_that_is_down_afterwards_and_throws_what_is_new_is_worse(
        self, database: Database, warehouse: Warehouse, vault: Vault, shop: ProjectId
    ) -> None:
        (deployment,) = await took_over(database, shop, [AT_US])
        await watch(database, vault, shop, (AT_US + MINUTE_US, "down"))
        await new_issues(database, shop, *(AT_US + n * MINUTE_US for n in range(1, 5)))

        found = await impact(database, warehouse, shop, deployment)

        assert worse(found) == {"uptime", "new_issues"}
        uptime = measures(found)["uptime"]
        assert uptime.before == 1.0
        assert uptime.after == pytest.approx(1 / 60)
        assert uptime.baseline == 1.0
        assert [one.title for one in found.new_issues] == [
            f"ValueError: <b>{number}</b>" for number in range(1, 5)
        ]
        # Not one transaction or call: that is no zero.
        assert measures(found)["latency_p95"].verdict == "unknown"
        assert measures(found)["latency_p95"].after is None
        assert measures(found)["cost_per_call"].verdict == "unknown"

    async def test_what_happened_at_this_hour_last_week_too_is_no_change(
        self, database: Database, warehouse: Warehouse, shop: ProjectId
    ) -> None:
        (deployment,) = await took_over(database, shop, [AT_US])
        traffic = Traffic(warehouse, shop)
        for at_us in (AT_US - WEEK_US, AT_US):
            await hour(traffic, at_us - HOUR_US)
            await hour(traffic, at_us, errors=200, ms=200.0)

        found = await impact(database, warehouse, shop, deployment)

        assert found.verdict == "same"
        error_rate = measures(found)["error_rate"]
        assert error_rate.baseline == pytest.approx(200 / 3000)
        assert error_rate.change == pytest.approx(200 / 60 - 1)
        assert "a week ago" in error_rate.reason

    async def test_events_of_other_environments_and_times_count_for_nothing(
        self, database: Database, warehouse: Warehouse, shop: ProjectId
    ) -> None:
        (deployment,) = await took_over(database, shop, [AT_US])
        (preview,) = await took_over(database, shop, [AT_US], environment="pr-12")
        traffic = Traffic(warehouse, shop)
        for at_us in (AT_US - HOUR_US, AT_US):
            await hour(traffic, at_us)
            await hour(traffic, at_us, environment="pr-12", errors=50 if at_us < AT_US else 500)
        for at_us in (AT_US - 2 * HOUR_US, AT_US + HOUR_US):
            await hour(traffic, at_us, errors=3000, ms=900.0)
        # What names no environment is production's.
        await hour(
            traffic, AT_US - HOUR_US, environment="", transactions=1000, errors=20, calls=333
        )

        found = await impact(database, warehouse, shop, deployment)
        of_preview = await impact(database, warehouse, shop, preview)

        assert found.verdict == "same"
        assert measures(found)["error_rate"].before == pytest.approx(80 / 4000)
        assert worse(of_preview) == {"error_rate"}
        assert measures(of_preview)["uptime"].verdict == "unknown"
        assert measures(of_preview)["new_issues"].verdict == "unknown"

    async def test_where_nothing_is_sent_it_is_unknown(
        self, database: Database, warehouse: Warehouse, shop: ProjectId
    ) -> None:
        (deployment,) = await took_over(database, shop, [AT_US])

        found = await impact(database, warehouse, shop, deployment)

        assert (found.verdict, found.confidence) == ("unknown", 0.0)
        assert {one.verdict for one in found.measures} == {"unknown"}

    async def test_errors_alone_are_counted_by_the_minute(
        self, database: Database, warehouse: Warehouse, shop: ProjectId
    ) -> None:
        (deployment,) = await took_over(database, shop, [AT_US])
        traffic = Traffic(warehouse, shop)
        await new_issues(database, shop, AT_US - 100 * HOUR_US)
        await hour(traffic, AT_US - HOUR_US, transactions=0, calls=0)
        await hour(traffic, AT_US, transactions=0, calls=0, errors=180)

        found = await impact(database, warehouse, shop, deployment)

        error_rate = measures(found)["error_rate"]
        assert (error_rate.unit, error_rate.before, error_rate.after) == ("per_minute", 1.0, 3.0)
        assert worse(found) == {"error_rate"}


class TestTimes:
    async def test_one_that_has_not_taken_over_has_no_impact_yet(
        self, database: Database, warehouse: Warehouse, shop: ProjectId
    ) -> None:
        waiting = await ask(database, shop)

        found = await impact(database, warehouse, shop, waiting.id)

        assert found.verdict == "unknown"
        assert found.switched_at is None
        assert found.before is None
        assert found.measures == []

    async def test_another_deployment_within_the_time_cuts_it(
        self, database: Database, warehouse: Warehouse, shop: ProjectId
    ) -> None:
        moments = [AT_US - 20 * MINUTE_US, AT_US, AT_US + 30 * MINUTE_US]
        old, middle, new = await took_over(database, shop, moments)
        # One of a preview does not.
        await took_over(database, shop, [AT_US + 5 * MINUTE_US], environment="pr-12")

        found = await impact(database, warehouse, shop, middle)

        assert found.before is not None
        assert found.after is not None
        assert (found.before.minutes, found.before.cut_by) == (20.0, old)
        assert (found.after.minutes, found.after.cut_by) == (30.0, new)
        assert found.previous_deployment_id == old

    async def test_a_note_in_its_history_moves_no_switch(
        self, database: Database, warehouse: Warehouse, shop: ProjectId
    ) -> None:
        _, bad = await took_over(database, shop, [AT_US - HOUR_US, AT_US])
        assert await roll_back_by_rule(database, Watched(bad, shop), "bad") is not None

        found = await impact(database, warehouse, shop, bad)

        assert found.switched_at is not None
        assert found.switched_at.timestamp() == AT_US / 1e6


class TestTenants:
    async def test_nothing_of_another_project_is_in_it(
        self, database: Database, warehouse: Warehouse, vault: Vault, shop: ProjectId
    ) -> None:
        (deployment,) = await took_over(database, shop, [AT_US])
        other = await new_shop(database, vault)
        await hour(Traffic(warehouse, other), AT_US, errors=3000, ms=900.0)
        await new_issues(database, other, AT_US + MINUTE_US)
        await watch(database, vault, other, (AT_US, "down"))
        await took_over(database, other, [AT_US - MINUTE_US, AT_US + MINUTE_US])

        found = await impact(database, warehouse, shop, deployment)

        assert found.verdict == "unknown"
        assert found.new_issues == []
        assert found.after is not None
        assert found.after.cut_by is None

    async def test_a_deployment_of_another_project_is_not_found(
        self, database: Database, warehouse: Warehouse, vault: Vault, shop: ProjectId
    ) -> None:
        (deployment,) = await took_over(database, shop, [AT_US])
        other = await new_shop(database, vault)

        with pytest.raises(NotFound):
            await impact(database, warehouse, other, deployment)
