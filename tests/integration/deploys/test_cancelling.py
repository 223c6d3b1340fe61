"""What becomes of a deployment that is cancelled: real repositories, processes, one deployer."""

import asyncio
from typing import Any

import pytest

from controlplane.deploys.deployments import (
    cancel_deployment,
    get_deployment,
    list_deployments,
)
from controlplane.deploys.instances import list_instances
from controlplane.deploys.rows import Reach
from deploys import building, runs
from deploys.drivers import processes
from deploys.orphans import marked, read_identity
from deploys.places import Places
from tests.integration.deploys.apps import ask, who
from tests.integration.deploys.running import World, commit, page, until

WAITING = "echo waiting; trap '' TERM; while :; do sleep 0.1; done"
"""It does not end when it is asked to."""


@pytest.fixture
def url(migrated_url: str) -> str:
    return migrated_url


async def test_a_build_that_is_cancelled_ends_and_the_next_begins(world: World) -> None:
    await world.configure(build_command="sleep 600")
    async with world.deployer():
        asked = await ask(world.database, world.project_id)
        await until(lambda: any("sleep 600" in line for line in world.said(asked.id)))

        await cancel_deployment(world.database, who(world.project_id), asked.id)

        assert (await world.outcome(asked.id)).status == "cancelled"
        await world.configure()
        assert (await world.deploy()).status == "running"


@pytest.mark.parametrize(
    ("phase", "config", "files"),
    [
        ("install", {"install_command": WAITING}, {}),
        ("build", {"build_command": WAITING}, {}),
        ("build", {"test_command": WAITING}, {}),
        ("health", {}, {"app.py": "import time\nwhile True: time.sleep(1)"}),
    ],
    ids=["install", "build", "test", "health"],
)
async def test_what_is_cancelled_ends_whatever_it_does(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    phase: str,
    config: dict[str, str],
    files: dict[str, str],
) -> None:
    monkeypatch.setattr(processes, "GRACE_S", 0.5)
    async with world.deployer():
        assert (await world.deploy()).status == "running"
        commit(world.repository, {**files, "changed": "yes"})
        await world.configure(**config)
        asked = await ask(world.database, world.project_id)
        await until(lambda: is_in(world, asked.id, phase))

        await cancelled(world, asked.id)
        await nothing_is_left_but_the_first(world)


@pytest.mark.parametrize(
    "call",
    [(building, "check_out"), (runs, "start_app"), (runs, "note_start"), (runs, "switch")],
    ids=lambda call: call[1],
)
async def test_what_is_cancelled_within_a_step_does_not_serve(
    world: World, monkeypatch: pytest.MonkeyPatch, call: tuple[Any, str]
) -> None:
    module, name = call
    really = getattr(module, name)

    async def cancel_first(*given: Any, **named: Any) -> Any:
        (newest, *_) = await list_deployments(
            world.database, Reach(project_id=world.project_id), limit=1
        )
        if newest.id != first.id:
            await cancel_deployment(world.database, who(world.project_id), newest.id)
        return await really(*given, **named)

    async with world.deployer():
        first = await world.deploy()
        monkeypatch.setattr(module, name, cancel_first)
        commit(world.repository, page("second"))

        # At once, and not when its lease has ended.
        async with asyncio.timeout(10):
            assert (await world.deploy()).status == "cancelled"
        await nothing_is_left_but_the_first(world)


async def cancelled(world: World, deployment_id: str) -> None:
    await cancel_deployment(world.database, who(world.project_id), deployment_id)
    found = await world.outcome(deployment_id)
    assert (found.status, found.error_msg) == ("cancelled", "")
    await until(lambda: world.said(deployment_id)[-1:] == ["The deployment was cancelled"])


async def nothing_is_left_but_the_first(world: World) -> None:
    assert await world.served() == "first"
    (serving,) = await list_instances(world.database, "here", ("starting", "serving", "draining"))
    places = Places(world.folder / "deploys")
    assert {name for _, name in marked(read_identity(places))} == {serving.id}
    assert [one.name for one in places.instances.iterdir()] == [serving.id]
    assert [*places.temporary.glob("*"), *places.trash.glob("*")] == []


async def is_in(world: World, deployment_id: str, phase: str) -> bool:
    found = await get_deployment(world.database, Reach(project_id=world.project_id), deployment_id)
    is_waiting = phase == "health" or "waiting" in world.said(deployment_id)
    return found.phase == phase and is_waiting
