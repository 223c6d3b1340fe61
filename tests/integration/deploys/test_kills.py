"""A deployer is killed by `kill -9` at each place on its way, and the next one goes on.

Before and after each act, and each note of one, in a process of its own: `killed.py`.
"""

import asyncio
import os
import signal
import socket
import sys
from asyncio.subprocess import Process
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import select

from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.deploys import models
from controlplane.deploys.instances import list_instances, list_releases_of
from deploys.orphans import marked, read_identity
from deploys.places import Places
from deploys.supervision.kin import all_processes
from schemas.deploys.deployments import Deployment
from schemas.deploys.lines import Line
from tests.integration.deploys.apps import ask
from tests.integration.deploys.killed import lines_file, order_file, pid_file
from tests.integration.deploys.running import World, commit, page, until

pytestmark = pytest.mark.slow

COMMAND = (
    "if grep -qx 'in {step}' {order}; then rm {order}; kill -9 $(cat {pid}); sleep 600; fi; "
    "echo {step} is done"
)
"""A command of a build by which its deployer dies. Then it does not end by itself."""
PRINTED = [f"line {number} of the app" for number in range(20)]
BUILDING = (
    *("after claim", "after enter fetch", "after check_out"),
    *("after note_commit", "in install", "after enter build"),
)
STARTING = (
    *("before finish", "after finish", "after note_release"),
    *("after start_app", "after note_start", "after wait_until_healthy"),
)
SERVING = ("after switch", "before App.end", "after App.end", "after forget_releases")
"""The new one serves already, and goes on."""


class Installation(World):
    """One app, and the process that deploys it."""

    process: Process | None = None

    async def start(self) -> None:
        command = ("-m", "tests.integration.deploys.killed", self.database.url, str(self.folder))
        self.process = await asyncio.create_subprocess_exec(sys.executable, *command)

    async def wait_for_kill(self) -> None:
        assert self.process is not None
        async with asyncio.timeout(60):
            assert await self.process.wait() == -signal.SIGKILL

    def logged(self, deployment_id: str) -> list[Line]:
        found = lines_file(self.folder).read_bytes().splitlines()
        lines = [msgspec.json.decode(line, type=Line) for line in found]
        return [line for line in lines if line.deployment_id == deployment_id]

    async def left(self) -> list[str]:
        """Returns what is there beside the one that serves, and its releases."""
        places = Places(self.folder / "deploys")
        live = await list_instances(self.database, "here", ("starting", "serving", "draining"))
        ids = {one.id for one in live}
        releases = {one.place for one in await list_releases_of(self.database, "here")}
        left = [f"instance {one.state}" for one in live if one.state != "serving"]
        left += [f"process of {name}" for _, name in marked(read_identity(places))]
        left += [f"supervisor of {name}" for name in supervised(places.instances)]
        left += [f"folder of {name}" for name in names(places.instances)]
        left = [one for one in left if one.rpartition(" ")[2] not in ids]
        left += [f"release {one}" for one in releases ^ set(names(places.releases))]
        left += [*names(places.temporary), *names(places.trash)]
        left += [str(one) for one in (self.folder / "deploys" / "mirrors").rglob("*.lock")]
        left += [str(one) for one in (self.folder / "deploys" / "mirrors").rglob("tmp_*")]
        return left + await self._ports(ids)

    async def left_at_last(self) -> list[str]:
        """Returns the same when all had the time to end."""
        left: list[str] = []
        for _ in range(300):
            left = await self.left()
            if not left:
                break
            await asyncio.sleep(0.1)
        return left

    async def _ports(self, live: set[str]) -> list[str]:
        async with self.database.reading() as session:
            rows = list(await session.scalars(select(models.AppInstance)))
        kept = {row.port for row in rows if str(row.id) in live}
        gone = {row.port for row in rows} - kept
        return [f"port {port}" for port in gone if is_answered(port)]


def is_answered(port: int) -> bool:
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0


def names(folder: Path) -> list[str]:
    return [one.name for one in folder.iterdir()] if folder.exists() else []


def supervised(instances: Path) -> Iterator[str]:
    """Yields the name of its instance for each process that writes into one's files."""
    for process in all_processes():
        with suppress(OSError):
            files = [Path(os.readlink(one)) for one in Path(f"/proc/{process.pid}/fd").iterdir()]
            yield from {
                one.parts[len(instances.parts)] for one in files if instances in one.parents
            }


@pytest.fixture
def url(migrated_url: str) -> str:
    return migrated_url


@pytest.fixture
async def installation(database: Database, vault: Vault, tmp_path: Path) -> object:
    one = Installation(database, vault, tmp_path)
    order, pid = order_file(tmp_path), pid_file(tmp_path)
    commands = {
        f"{step}_command": COMMAND.format(step=step, order=order, pid=pid)
        for step in ("install", "build")
    }
    await one.begin(**commands, max_deployments=2)
    await one.start()
    try:
        yield one
    finally:
        if one.process is not None and one.process.returncode is None:
            one.process.terminate()
            await one.process.wait()
        async with World.deployer(one):
            pass


def version(number: int) -> dict[str, str]:
    files = page(f"version {number}")
    files["app.py"] = f"for line in {PRINTED!r}: print(line, flush=True)\n" + files["app.py"]
    return files


async def deployed_though_killed(one: Installation, place: str, number: int) -> Deployment:
    """Returns what becomes of a deployment whose deployer is killed at a place."""
    commit(one.repository, version(number))
    before = await one.served()
    order_file(one.folder).write_text(place)
    asked = await ask(one.database, one.project_id)
    await one.wait_for_kill()
    has_switched = place in SERVING
    assert await one.served() == (f"version {number}" if has_switched else before), place

    await one.start()
    found = await one.outcome(asked.id)
    assert (found.status, found.error_msg) == ("running", ""), place
    assert found.attempt == (1 if has_switched else 2), place
    assert await one.served() == f"version {number}", place
    return found


@pytest.mark.parametrize("places", [BUILDING, STARTING, SERVING], ids=["build", "start", "serve"])
async def test_wherever_a_deployer_is_killed_the_next_one_goes_on_and_leaves_nothing(
    installation: Installation, places: Sequence[str]
) -> None:
    commit(installation.repository, version(0))
    assert (await installation.deploy()).status == "running"
    for number, place in enumerate(places, start=1):
        found = await deployed_though_killed(installation, place, number)

        assert await installation.left_at_last() == [], place
        lines = installation.logged(found.id)
        # A line that was written again has its number: the log knows it by that.
        told = {line.seq: line.message for line in lines}
        assert all(told[line.seq] == line.message for line in lines), place
        assert {*PRINTED, "install is done", "build is done"} <= set(told.values()), place
        if places is not STARTING:  # Else what it had started, and what was started then.
            assert [list(told.values()).count(one) for one in PRINTED] == [1] * len(PRINTED), place


async def test_killed_twice_a_deployment_fails_and_the_old_one_serves_on(
    installation: Installation,
) -> None:
    commit(installation.repository, version(0))
    assert (await installation.deploy()).status == "running"
    asked = await ask(installation.database, installation.project_id)
    for place in ("after enter build", "after note_start"):
        order_file(installation.folder).write_text(place)
        await installation.wait_for_kill()
        await installation.start()

    found = await installation.outcome(asked.id)

    assert (found.status, found.error_msg) == ("failed", "the deployer here was lost")
    assert await installation.served() == "version 0"
    assert await installation.left_at_last() == []


async def test_an_app_that_was_just_started_anew_when_its_deployer_died_runs_once(
    installation: Installation, tmp_path: Path
) -> None:
    commit(installation.repository, version(0))
    assert (await installation.deploy()).status == "running"
    (serving,) = await list_instances(installation.database, "here", ("serving",))
    order_file(installation.folder).write_text("after start_app")
    os.kill(msgspec.json.decode(serving.details)["pid"], signal.SIGKILL)
    await installation.wait_for_kill()

    await installation.start()

    async def has_moved() -> bool:
        (now,) = await list_instances(installation.database, "here", ("serving",))
        return now.details != serving.details and is_answered(now.port)

    await until(has_moved)
    assert await installation.left_at_last() == []
    assert list(supervised(tmp_path / "deploys" / "instances")) == [serving.id]
