"""When deployments took over: for charts, and as releases of errors."""

import pytest

from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.deploys.markers import list_switches
from controlplane.deploys.past import PastDeployment, PastEvent, put_past
from controlplane.errors.release_details import list_deployments
from controlplane.errors.releases import list_releases
from schemas.deploys.windows import HOUR_US, MINUTE_US
from schemas.projects import ProjectId
from sluice.deploy_changes import change_of
from sluice.deployed_releases import DeployedReleases
from tests.integration.deploys.apps import ask
from tests.integration.deploys.switched import AT_US, new_shop, took_over


@pytest.fixture
async def shop(database: Database, vault: Vault) -> ProjectId:
    return await new_shop(database, vault)


class TestMarkers:
    async def test_are_those_that_took_over_within_the_time_in_order(
        self, database: Database, vault: Vault, shop: ProjectId
    ) -> None:
        moments = [AT_US - HOUR_US, AT_US, AT_US + MINUTE_US, AT_US + HOUR_US]
        _, first, second, _ = await took_over(database, shop, moments)
        await ask(database, shop)
        await took_over(database, await new_shop(database, vault), [AT_US])

        found = await list_switches(database, shop, AT_US, AT_US + HOUR_US)

        assert [one.deployment_id for one in found] == [first, second]
        assert [one.at_us for one in found] == moments[1:3]
        assert [one.ended_us for one in found] == moments[2:]
        assert (found[0].author, found[0].environment, found[0].kind) == (
            "Ann",
            "production",
            "deploy",
        )

    async def test_of_what_serves_has_no_end(self, database: Database, shop: ProjectId) -> None:
        await took_over(database, shop, [AT_US])

        (found,) = await list_switches(database, shop, AT_US, AT_US + 1)

        assert found.ended_us is None
        change = change_of(found)
        assert change.name == "Deployment of 0000000 to production"
        assert change.page == f"deploys/deployments/{found.deployment_id}"

    async def test_of_what_never_ran_there_is_none(
        self, database: Database, shop: ProjectId
    ) -> None:
        events = [
            PastEvent(at_us=AT_US, status="queued"),
            PastEvent(at_us=AT_US + 1, status="failed"),
        ]
        failed = PastDeployment(
            id="6f1c52b0-0000-4000-8000-000000000001",
            author="Ann",
            commit_sha="a" * 40,
            commit_msg="",
            events=events,
        )
        for _ in range(2):
            await put_past(database, shop, [failed])

        assert await list_switches(database, shop, 0, AT_US + HOUR_US) == []


class TestReleases:
    async def test_a_commit_that_takes_over_is_a_release_that_was_deployed_once(
        self, database: Database, shop: ProjectId
    ) -> None:
        await took_over(database, shop, [AT_US, AT_US + HOUR_US])
        following = DeployedReleases(database, clock=lambda: AT_US / 1e6)

        for _ in range(2):
            await following.work()
        await DeployedReleases(database, clock=lambda: AT_US / 1e6).work()

        versions = [f"{n:040x}" for n in (2, 1)]
        rows = await list_releases(database, shop)
        assert [row.version for row in rows] == versions
        assert rows[1].first_seen_us == AT_US
        deployed = await list_deployments(database, shop, versions, limit=10)
        assert [(one.version, one.environment, one.finished_us) for one in deployed] == [
            (versions[0], "production", AT_US + HOUR_US),
            (versions[1], "production", AT_US),
        ]

    async def test_a_release_that_events_told_of_keeps_its_moments(
        self, database: Database, shop: ProjectId
    ) -> None:
        following = DeployedReleases(database, clock=lambda: AT_US / 1e6)
        await took_over(database, shop, [AT_US])
        await following.work()
        await took_over(database, shop, [AT_US + 5 * HOUR_US], environment="pr-1")

        await following.work()

        (row,) = await list_releases(database, shop)
        assert (row.first_seen_us, row.environment) == (AT_US, "production")
        deployed = await list_deployments(database, shop, [row.version], limit=10)
        assert {one.environment for one in deployed} == {"production", "pr-1"}
