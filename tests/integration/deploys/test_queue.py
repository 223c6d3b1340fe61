"""The queue of deployments: order, leases, cancellation, and what is left of a lost deployer."""

import asyncio
from uuid import UUID

import pytest
from sqlalchemy import update

from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.deploys import models, queue
from controlplane.deploys.deployments import (
    cancel_deployment,
    end_preview,
    get_deployment,
    get_history,
    list_deployments,
    promote,
    remove_deployment,
    restart,
    roll_back,
)
from controlplane.deploys.instances import end_instance, forget_releases, list_instances
from controlplane.deploys.queue import (
    LeaseLost,
    claim,
    end,
    enter,
    keep,
    next_line,
    recover,
    reserve_lines,
    settle_lines,
    standing,
)
from controlplane.deploys.routing import list_routes
from controlplane.deploys.rows import Reach
from controlplane.failures import BadRequest, Conflict, NotFound
from controlplane.projects import insert_project
from schemas.deploys.deployments import Job
from schemas.projects import ProjectId
from tests.integration.deploys.apps import (
    DEPLOYER,
    ask,
    claimed,
    held_of,
    new_app,
    served,
    who,
)


@pytest.fixture
async def app(database: Database, vault: Vault) -> ProjectId:
    return await new_app(database, vault)


async def status(database: Database, project_id: ProjectId, deployment_id: str) -> str:
    reach = Reach(project_id=project_id)
    return (await get_deployment(database, reach, deployment_id)).status


async def expire(database: Database) -> None:
    """Has every lease be over."""
    async with database.session() as session:
        await session.execute(update(models.Deployment).values(lease_until_us=1))


class TestAsking:
    async def test_the_same_delivery_asks_once(self, database: Database, app: ProjectId) -> None:
        first = await ask(database, app, delivery_id="one")
        again = await ask(database, app, delivery_id="one")

        assert first.id == again.id
        assert first.branch == "main"
        assert len(await list_deployments(database, Reach(project_id=app), limit=9)) == 1

    async def test_a_newer_one_takes_the_place_of_one_that_waits(
        self, database: Database, app: ProjectId
    ) -> None:
        older = await ask(database, app)
        preview = await ask(database, app, environment="pr-1")
        newer = await ask(database, app)

        found = {
            one.id: (one.status, one.superseded_by)
            for one in await list_deployments(database, Reach(project_id=app), limit=9)
        }
        assert found == {
            older.id: ("cancelled", newer.id),
            preview.id: ("queued", None),
            newer.id: ("queued", None),
        }

    async def test_a_project_without_repository_says_so(
        self, database: Database, vault: Vault
    ) -> None:
        async with database.session() as session:
            project, _ = await insert_project(session, vault, "Bare", admin_id=None)

        with pytest.raises(BadRequest, match="repo_url"):
            await ask(database, ProjectId(str(project.id)))

    async def test_another_projects_deployment_is_not_found(
        self, database: Database, vault: Vault, app: ProjectId
    ) -> None:
        theirs = await ask(database, app)
        other = await new_app(database, vault)

        for act in (cancel_deployment, promote, remove_deployment, roll_back, restart):
            with pytest.raises(NotFound):
                await act(database, who(other), theirs.id)
        for read in (get_deployment, get_history):
            with pytest.raises(NotFound):
                await read(database, Reach(project_id=other), theirs.id)
        assert await list_deployments(database, Reach(project_id=other), limit=9) == []
        assert await list_deployments(database, Reach(), limit=9) == []


class TestClaiming:
    async def test_one_of_a_project_at_a_time_the_oldest_first(
        self, database: Database, vault: Vault, app: ProjectId
    ) -> None:
        other = await new_app(database, vault)
        first = await ask(database, app)
        preview = await ask(database, app, environment="pr-1")
        third = await ask(database, other)

        jobs = [await claim(database, vault, name) for name in ("a", "b", "c")]

        assert [None if job is None else job.deployment.id for job in jobs] == [
            first.id,
            third.id,
            None,
        ]
        assert jobs[0] is not None
        assert jobs[0].secrets.git_token == "hidden"
        assert jobs[0].variables == {"PASSWORD": "hidden"}
        await end(database, held_of(jobs[0]), "failed", vault=vault, error="no")
        assert (await claimed(database, vault)).deployment.id == preview.id

    async def test_many_who_ask_at_once_never_have_one_twice(
        self, database: Database, vault: Vault
    ) -> None:
        apps = [await new_app(database, vault) for _ in range(4)]
        for app in apps:
            await ask(database, app)
            await ask(database, app, environment="pr-1")

        found = await asyncio.gather(*(claim(database, vault, f"d{n}") for n in range(8)))

        taken = [job.deployment.project_id for job in found if job is not None]
        assert len(taken) == len(set(taken))
        rest = [await claim(database, vault, "late") for _ in range(8)]
        taken += [job.deployment.project_id for job in rest if job is not None]
        assert sorted(taken) == sorted(apps)


class TestLeases:
    async def test_who_is_lost_is_replaced_once_and_changes_nothing_any_more(
        self, database: Database, vault: Vault, app: ProjectId
    ) -> None:
        await ask(database, app)
        lost = held_of(await claimed(database, vault, "lost"))
        assert await recover(database, vault) == 0
        await expire(database)

        assert await recover(database, vault) == 1
        again = held_of(await claimed(database, vault))
        assert await keep(database, lost) == "lost"
        with pytest.raises(LeaseLost):
            await enter(database, lost, "fetch")
        with pytest.raises(LeaseLost):
            await end(database, lost, "failed", vault=vault)
        assert await keep(database, again) == "held"

        await expire(database)
        await recover(database, vault)
        found = await get_deployment(database, Reach(project_id=app), again.deployment_id)
        assert (found.status, found.attempt) == ("failed", queue.MOST_ATTEMPTS)
        assert "was lost" in found.error_msg

    async def test_a_cancelled_one_ends_at_its_deployer_or_without_one(
        self, database: Database, vault: Vault, app: ProjectId
    ) -> None:
        waiting = await ask(database, app)
        await cancel_deployment(database, who(app), waiting.id)
        assert await status(database, app, waiting.id) == "cancelled"
        with pytest.raises(Conflict):
            await cancel_deployment(database, who(app), waiting.id)

        built = await ask(database, app)
        held = held_of(await claimed(database, vault))
        await cancel_deployment(database, who(app), built.id)
        assert await standing(database, held) == await keep(database, held) == "cancelled"
        await expire(database)
        await recover(database, vault)
        assert await status(database, app, built.id) == "cancelled"

    async def test_a_log_goes_on_behind_all_numbers_that_may_be_used(
        self, database: Database, vault: Vault, app: ProjectId
    ) -> None:
        one = await ask(database, app)
        assert await next_line(database, one.id) == 1

        await asyncio.gather(*(reserve_lines(database, one.id, n) for n in (1001, 501, 2001)))

        assert await next_line(database, one.id) == 2001

    async def test_it_goes_on_behind_the_last_one_where_that_is_known(
        self, database: Database, vault: Vault, app: ProjectId
    ) -> None:
        one = await ask(database, app)
        await reserve_lines(database, one.id, 2001)

        await settle_lines(database, one.id, 1001, 700)
        of_another = await next_line(database, one.id)
        await settle_lines(database, one.id, 2001, 1700)

        assert of_another == 2001
        assert await next_line(database, one.id) == 1701


class TestSwitching:
    async def test_one_serves_and_the_one_before_is_drained(
        self, database: Database, vault: Vault, app: ProjectId
    ) -> None:
        first = await served(database, vault, app, 4001)
        second = await served(database, vault, app, 4002)

        (route,) = await list_routes(database)
        assert (route.project_id, route.port, route.environment) == (app, 4002, "production")
        assert await status(database, app, first.id) == "stopped"
        found = await get_deployment(database, Reach(project_id=app), second.id)
        assert (found.status, found.is_default, found.port) == ("running", True, 4002)
        (draining,) = await list_instances(database, DEPLOYER, ("draining",))
        assert draining.port == 4001
        history = await get_history(database, Reach(project_id=app), first.id)
        assert [one.status for one in history] == ["queued", "building", "running", "stopped"]

    async def test_a_crash_ends_the_deployment_that_it_served(
        self, database: Database, vault: Vault, app: ProjectId
    ) -> None:
        first = await served(database, vault, app, 4001)
        (instance,) = await list_instances(database, DEPLOYER, ("serving",))

        for _ in range(2):
            await end_instance(database, vault, instance.id, "crashed", "it died")

        assert await status(database, app, first.id) == "failed"
        assert await list_routes(database) == []

    async def test_a_rollback_starts_a_kept_release_and_builds_one_that_is_gone(
        self, database: Database, vault: Vault, app: ProjectId
    ) -> None:
        first = await served(database, vault, app, 4001)
        await served(database, vault, app, 4002)

        asked = await roll_back(database, who(app), first.id)
        job = await claimed(database, vault)
        assert (job.deployment.id, job.deployment.source_id) == (asked.id, first.id)
        assert job.release is not None
        assert job.release.place == "/releases/4001"
        assert job.release_variables == {"PASSWORD": "of 4001"}
        await end(database, held_of(job), "failed", vault=vault)

        (draining,) = await list_instances(database, DEPLOYER, ("draining",))
        await end_instance(database, vault, draining.id, "stopped")
        assert await forget_releases(database, DEPLOYER, [job.release.place]) == set()
        await roll_back(database, who(app), first.id)
        gone = await claimed(database, vault)
        assert (gone.release, gone.deployment.commit_sha) == (None, "c" * 40)

    async def test_a_release_is_kept_while_it_runs_or_a_rollback_waits_for_it_or_starts_it(
        self, database: Database, vault: Vault, app: ProjectId
    ) -> None:
        first = await served(database, vault, app, 4001)
        await served(database, vault, app, 4002)
        both = ["/releases/4001", "/releases/4002"]
        for one in await list_instances(database, DEPLOYER, ("draining",)):
            await end_instance(database, vault, one.id, "stopped")
        await roll_back(database, who(app), first.id)

        assert await forget_releases(database, DEPLOYER, both) == set(both)
        job = await claimed(database, vault)
        assert await forget_releases(database, DEPLOYER, both) == set(both)
        await end(database, held_of(job), "failed", vault=vault)
        assert await forget_releases(database, DEPLOYER, both) == {"/releases/4002"}

    async def test_who_starts_a_release_and_who_removes_it_never_both_have_it(
        self, database: Database, vault: Vault, app: ProjectId
    ) -> None:
        first = await served(database, vault, app, 4001)
        (one,) = await list_instances(database, DEPLOYER, ("serving",))
        await end_instance(database, vault, one.id, "stopped")

        async def start_again() -> Job:
            await roll_back(database, who(app), first.id)
            return await claimed(database, vault)

        for _ in range(10):
            async with database.session() as session:
                await session.execute(update(models.AppRelease).values(removed_us=None))
            job, spared = await asyncio.gather(
                start_again(), forget_releases(database, DEPLOYER, ["/releases/4001"])
            )
            assert (job.release is None) == (not spared)
            await end(database, held_of(job), "failed", vault=vault)

    async def test_a_release_elsewhere_waits_for_its_deployer(
        self, database: Database, vault: Vault, app: ProjectId
    ) -> None:
        first = await served(database, vault, app, 4001)
        await roll_back(database, who(app), first.id)

        assert await claim(database, vault, "elsewhere") is None
        async with database.session() as session:
            await session.execute(
                update(models.Deployment)
                .where(models.Deployment.status == "queued")
                .values(created_us=models.Deployment.created_us - queue.ELSEWHERE_US)
            )
        late = await claimed(database, vault, "elsewhere")
        assert late.release is None

    async def test_a_promoted_preview_gets_the_address_and_its_end_gives_it_back(
        self, database: Database, vault: Vault, app: ProjectId
    ) -> None:
        await served(database, vault, app, 4001)
        async with database.session() as session:
            await session.execute(update(models.AppInstance).values(environment="pr-1"))
            await session.execute(update(models.Deployment).values(environment="pr-1"))
        preview = (await list_deployments(database, Reach(project_id=app), limit=1))[0]
        await served(database, vault, app, 4002)

        await promote(database, who(app), preview.id)
        routes = {(one.environment, one.port) for one in await list_routes(database)}
        assert routes == {("production", 4001), ("pr-1", 4001)}

        await end_preview(database, app, "pr-1")
        assert [(one.environment, one.port) for one in await list_routes(database)] == [
            ("production", 4002)
        ]
        with pytest.raises(BadRequest):
            await end_preview(database, app, "production")

    async def test_a_preview_that_runs_is_stopped_and_production_is_not(
        self, database: Database, vault: Vault, app: ProjectId
    ) -> None:
        preview = await served(database, vault, app, 4001)
        async with database.session() as session:
            await session.execute(update(models.AppInstance).values(environment="pr-1"))
            await session.execute(update(models.Deployment).values(environment="pr-1"))
        running = await served(database, vault, app, 4002)

        stopped = await cancel_deployment(database, who(app), preview.id)

        assert stopped.status == "stopped"
        assert [(one.environment, one.port) for one in await list_routes(database)] == [
            ("production", 4002)
        ]
        with pytest.raises(Conflict, match="only a waiting or building one ends, or a preview"):
            await cancel_deployment(database, who(app), running.id)

    async def test_a_project_has_so_many_previews_at_a_time_and_production_always(
        self, database: Database, app: ProjectId, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("controlplane.deploys.deployments.MOST_PREVIEWS", 2)
        for environment in ("production", "pr-1", "pr-2", "pr-2"):
            await ask(database, app, environment=environment)

        with pytest.raises(Conflict, match="at most 2 previews"):
            await ask(database, app, environment="pr-3")
        await ask(database, app, environment="production")

        await end_preview(database, app, "pr-1")
        assert (await ask(database, app, environment="pr-3")).status == "queued"

    async def test_a_deployment_that_is_over_can_be_removed(
        self, database: Database, vault: Vault, app: ProjectId
    ) -> None:
        first = await served(database, vault, app, 4001)
        with pytest.raises(Conflict):
            await remove_deployment(database, who(app), first.id)
        second = await served(database, vault, app, 4002)

        await remove_deployment(database, who(app), first.id)

        found = await list_deployments(database, Reach(project_id=app), limit=9)
        assert [UUID(one.id) for one in found] == [UUID(second.id)]
