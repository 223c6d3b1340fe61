"""From a commit to what serves: real repositories, real processes, one deployer after another."""

import os
import signal
from typing import Any

import pytest
from sqlalchemy import update

from controlplane.database import Database
from controlplane.deploys import models
from controlplane.deploys.deployments import (
    get_deployment,
    list_deployments,
    roll_back,
)
from controlplane.deploys.instances import (
    Started,
    list_instances,
    list_releases,
    move_instance,
)
from controlplane.deploys.queue import claim
from controlplane.deploys.reaching import over_since
from controlplane.deploys.rows import Reach
from controlplane.failures import Unavailable
from deploys import pruning
from deploys.apps import instance_in
from deploys.supervision.kin import is_alive
from deploys.supervision.orders import read_state
from tests.integration.deploys.apps import ask, who
from tests.integration.deploys.running import World, commit, page, until


@pytest.fixture
def url(migrated_url: str) -> str:
    """One database is enough here: the queue is proved on both."""
    return migrated_url


async def test_a_commit_serves_and_the_next_one_takes_its_place(world: World) -> None:
    async with world.deployer():
        first = await world.deploy()
        assert (first.status, first.error_msg) == ("running", "")
        assert await world.served() == "first"

        commit(world.repository, page("second"))
        (old,) = await list_instances(world.database, "here", ("serving",))
        world.quiet.clear()
        second = await world.deploy()
        assert await world.served() == "second"
        await until(lambda: world.drained == [old.id])
        assert is_alive(instance_in(old.details).pid, instance_in(old.details).started)
        world.quiet.set()
        await until(lambda: drained(world))
        assert world.switched == [first.id, second.id]

    said = world.said(first.id)
    assert any(line.startswith("Serving ") for line in said)
    assert "listening with [Filtered] in production" in said
    over = await over_since(world.database, world.project_id, first.id)
    numbers = [one.seq for one in world.lines if one.deployment_id == first.id]
    assert numbers == sorted(set(numbers))
    assert over is not None
    assert over.last_seq == numbers[-1]


@pytest.mark.parametrize(
    ("files", "config", "reason"),
    [
        (
            {},
            {"build_command": "echo $PASSWORD; printf broken >&2; exit 3"},
            "exit code 3: echo $PASSWORD; printf broken >&2; exit 3\n"
            "What it printed last:\n[Filtered]\nbroken",
        ),
        ({"app.py": "raise SystemExit('no such luck')"}, {}, "no such luck"),
        (page("ill", status=500), {"health_path": "/"}, "500"),
        (
            {f"web/{name}": content for name, content in page("out").items()},
            {
                "run_dir": "web",
                "build_command": "cd .. && cp -r web ../out && rm -r web && ln -s ../out web",
            },
            "is no folder of the repository",
        ),
    ],
    ids=["does not build", "starts and dies", "never becomes healthy", "leads out of its release"],
)
async def test_what_does_not_work_leaves_the_old_one_serving_and_says_why(
    world: World, files: dict[str, str], config: dict[str, str], reason: str
) -> None:
    async with world.deployer():
        await world.deploy()
        commit(world.repository, {**files, "changed": "yes"})
        await world.configure(**config)

        broken = await world.deploy()

        assert broken.status == "failed"
        assert reason in broken.error_msg
        assert await world.served() == "first"
        (serving,) = await list_instances(world.database, "here", ("starting", "serving"))
        assert serving.state == "serving"


async def test_a_rollback_starts_the_release_again_without_its_repository(world: World) -> None:
    async with world.deployer():
        first = await world.deploy()
        commit(world.repository, page("second"))
        await world.deploy()
        world.repository.rename(world.repository.with_name("gone"))

        asked = await roll_back(world.database, who(world.project_id), first.id)
        back = await world.outcome(asked.id)

        assert (back.status, back.kind) == ("running", "rollback")
        assert await world.served() == "first"
        assert not any("Fetching" in line for line in world.said(back.id))


async def test_an_app_outlives_its_deployer_and_is_read_on(world: World) -> None:
    async with world.deployer(leaves=False):
        first = await world.deploy()
        (before,) = await list_instances(world.database, "here", ("serving",))

    assert await world.served() == "first"
    async with world.deployer():
        await until(lambda: adopted(world))
        (after,) = await list_instances(world.database, "here", ("serving",))
        assert after.details == before.details
        commit(world.repository, page("second"))
        await world.deploy()
        assert await world.served() == "second"
    numbers = [one.seq for one in world.lines if one.deployment_id == first.id]
    assert len(numbers) == len(set(numbers))


async def test_what_was_gone_at_a_start_is_started_anew(world: World) -> None:
    async with world.deployer():
        first = await world.deploy()
    async with world.deployer():
        await until(lambda: served(world, "first"))
        # Lines are sent a little later, together.
        await until(lambda: any("started anew" in line for line in world.said(first.id)))


async def test_a_deployment_that_its_deployer_left_is_gone_on_with(world: World) -> None:
    asked = await ask(world.database, world.project_id)
    assert await claim(world.database, world.vault, "lost") is not None
    async with world.database.session() as session:
        await session.execute(update(models.Deployment).values(lease_until_us=1))

    async with world.deployer():
        found = await world.outcome(asked.id)
        assert (found.status, found.attempt) == ("running", 2)


async def test_an_app_that_ends_is_started_again_and_that_is_noted(world: World) -> None:
    async with world.deployer():
        await world.deploy()
        (serving,) = await list_instances(world.database, "here", ("serving",))
        state = read_state(str(world.folder / "deploys" / "instances" / serving.id))
        assert state is not None
        assert serving.reason == ""
        os.kill(state.app_pid, signal.SIGKILL)

        told = "started again once; its last run ended with exit code 137"
        await until(lambda: noted(world, told))
        await until(lambda: served(world, "first"))


async def noted(world: World, text: str) -> bool:
    found = await list_instances(world.database, "here", ("serving",))
    return [one.reason for one in found] == [text]


async def test_one_that_is_taken_back_is_begun_again_when_nothing_of_it_is_left(
    world: World,
) -> None:
    await world.configure(build_command="sleep 600")
    async with world.deployer():
        asked = await ask(world.database, world.project_id)
        await until(lambda: any("sleep 600" in line for line in world.said(asked.id)))
        await world.configure(build_command="sleep 2")

        # As `recover` does, of whoever sees first that the lease has ended.
        async with world.database.session() as session:
            await session.execute(update(models.Deployment).values(status="queued", phase=""))

        found = await world.outcome(asked.id)
        assert (found.status, found.error_msg, found.attempt) == ("running", "", 2)
        assert await world.served() == "first"


async def test_an_app_is_started_anew_though_the_control_plane_is_away_for_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = ["not now"]

    async def move(database: Database, instance_id: str, started: Started) -> bool:
        if away:
            raise Unavailable(away.pop(), retry_after_s=1)
        return await move_instance(database, instance_id, started)

    monkeypatch.setattr("deploys.keeping.move_instance", move)
    async with world.deployer():
        await world.deploy()
        (before,) = await list_instances(world.database, "here", ("serving",))
        killed = instance_in(before.details)

        os.kill(killed.pid, signal.SIGKILL)

        await until(lambda: runs_as_another(world, before.details))
        await until(lambda: served(world, "first"))
    assert away == []


async def test_releases_beyond_those_to_keep_are_removed(world: World) -> None:
    await world.configure(max_deployments=2)
    async with world.deployer():
        for number in range(4):
            commit(world.repository, page(f"version {number}"))
            assert (await world.deploy()).status == "running"

        await until(lambda: pruned(world, 2))


async def test_a_release_that_a_rollback_starts_is_not_removed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    forget, asked = pruning.forget_releases, []

    async def forget_meanwhile(*arguments: Any) -> Any:
        """Which releases are too many is known already; now one of them is wanted again."""
        if not asked:
            asked.append(await roll_back(world.database, who(world.project_id), first.id))
            await until(lambda: is_building(world, asked[0].id))
        return await forget(*arguments)

    async with world.deployer():
        first = await world.deploy()
        commit(world.repository, page("second"))
        await world.deploy()
        await until(lambda: drained(world))
        await world.configure(max_deployments=1)
        commit(world.repository, page("third"))
        monkeypatch.setattr(pruning, "forget_releases", forget_meanwhile)
        await world.deploy()
        await until(lambda: asked)

        assert (await world.outcome(asked[0].id)).status == "running"
        assert await world.served() == "first"
        assert not any("Fetching" in line for line in world.said(asked[0].id))


async def is_building(world: World, deployment_id: str) -> bool:
    reach = Reach(project_id=world.project_id)
    return (await get_deployment(world.database, reach, deployment_id)).status == "building"


async def pruned(world: World, count: int) -> bool:
    kept = await list_releases(world.database, world.project_id)
    folders = [one.name for one in (world.folder / "deploys" / "releases").iterdir()]
    return sorted(one.place for one in kept) == sorted(folders) and len(kept) == count


async def test_an_app_is_kept_where_nobody_hears_of_its_switch(world: World) -> None:
    world.is_deaf = True
    async with world.deployer():
        assert (await world.deploy()).status == "running"
        (first,) = await list_instances(world.database, "here", ("serving",))
        commit(world.repository, page("second"))
        await world.deploy()

        assert await world.served() == "second"
        await until(lambda: drained(world))
        assert not (world.folder / "deploys" / "instances" / first.id).exists()


async def test_a_new_commit_is_deployed_by_itself_once(world: World) -> None:
    await world.configure(auto_sync_enabled=True, sync_interval_secs=10)
    async with world.deployer():
        first = await world.deploy()
        sha = commit(world.repository, page("second"))
        for _ in range(2):
            await world.sync_now()
            await until(lambda: served(world, "second"))
        reach = Reach(project_id=world.project_id)
        found = await list_deployments(world.database, reach, limit=9)
    assert [(one.origin, one.commit_sha) for one in found] == [
        ("sync", sha),
        ("api", first.commit_sha),
    ]


async def runs_as_another(world: World, details: str) -> bool:
    (found,) = await list_instances(world.database, "here", ("serving",))
    return found.details != details


async def drained(world: World) -> bool:
    return not await list_instances(world.database, "here", ("draining",))


async def adopted(world: World) -> bool:
    return await world.served() == "first"


async def served(world: World, text: str) -> bool:
    try:
        return await world.served() == text
    except OSError:
        return False
