"""A deployer with the driver docker: from a Dockerfile to what serves, and what it says without."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.deploys.deployments import cancel_deployment, roll_back
from controlplane.deploys.instances import list_instances
from deploys.drivers.engine import Engine
from deploys.drivers.images import DockerImages
from deploys.orphans import read_identity
from deploys.places import Places
from deploys.settings import DeployerSettings
from deploys.starting import open_driver
from tests.components.fixtures import require
from tests.integration.deploys.apps import ask, who
from tests.integration.deploys.runner.conftest import (
    DOCKER_IMAGE,
    engine_of,
    remove_network,
)
from tests.integration.deploys.runner.workshop import command_lines
from tests.integration.deploys.running import World, commit, until

SERVER = """
import http.server, os, signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
print("listening with", os.environ["PASSWORD"], flush=True)
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"VERSION on %s" % os.environ["PORT"].encode())
    def log_message(self, *_):
        pass
http.server.ThreadingHTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Page).serve_forever()
"""
DOCKERFILE = f"""
FROM {DOCKER_IMAGE}
EXPOSE 8000
COPY server.py /srv/
CMD ["python3", "/srv/server.py"]
"""
SECRET = "correct-horse-battery"


@pytest.fixture
def url(migrated_url: str) -> str:
    """One database is enough here."""
    return migrated_url


@pytest.fixture
async def unable(database: Database, vault: Vault, tmp_path: Path) -> World:
    """A repository with a Dockerfile, and a deployer whose engine is not there."""
    world = World(database, vault, tmp_path)
    world.settings = {"driver": "docker", "docker_host": f"unix://{tmp_path}/none.sock"}
    commit(world.repository, in_docker("first"))
    await world.begin()
    return world


@pytest.fixture
async def world(unable: World) -> AsyncIterator[World]:
    """The same with an engine."""
    require("containers")
    host = os.environ.get("DOCKER_HOST", DeployerSettings(folder=unable.folder).docker_host)
    unable.settings |= {"docker_host": host, "docker_image": DOCKER_IMAGE, "health_seconds": 30}
    engine_of(DeployerSettings(folder=unable.folder))
    try:
        yield unable
    finally:
        driver = await open_driver(settings_of(unable))
        await driver.sweep(())
        for name in await images_of(unable).names():
            await images_of(unable).remove(name)
        await remove_network(settings_of(unable))


def in_docker(version: str) -> dict[str, str]:
    """Returns the files of a small app."""
    return {"server.py": SERVER.replace("VERSION", version), "Dockerfile": DOCKERFILE}


def settings_of(world: World) -> DeployerSettings:
    return DeployerSettings(folder=world.folder / "deploys", **world.settings)


def images_of(world: World) -> DockerImages:
    settings = settings_of(world)
    return DockerImages(Engine(settings), read_identity(Places(settings.folder)))


class TestWithoutAnEngine:
    async def test_a_deployment_says_that_none_answers(self, unable: World) -> None:
        async with unable.deployer():
            failed = await unable.deploy()

        assert failed.status == "failed"
        assert "docker" in failed.error_msg.lower()
        assert any(failed.error_msg in line for line in unable.said(failed.id))

    async def test_a_dockerfile_alone_fails_with_the_driver_that_it_needs(
        self, unable: World
    ) -> None:
        unable.settings = {}
        (unable.repository / "server.py").rename(unable.repository / "other.txt")
        commit(unable.repository, {})
        async with unable.deployer():
            failed = await unable.deploy()

        assert failed.status == "failed"
        assert "SLUICE_DEPLOY_DRIVER=docker" in failed.error_msg


@pytest.mark.containers
class TestWithAnEngine:
    async def test_a_repository_with_a_dockerfile_from_its_first_commit_to_a_rollback(
        self, world: World
    ) -> None:
        await world.configure(max_deployments=2)
        async with world.deployer(leaves=False):
            first = await world.deploy()
            assert (first.status, first.error_msg) == ("running", "")
            assert await world.served() == "first on 8000"
            (before,) = await list_instances(world.database, "here", ("serving",))
            assert SECRET.encode() not in command_lines()
            await until(lambda: "listening with [Filtered]" in world.said(first.id))

        # A deployer after this one takes the container over, as it runs.
        async with world.deployer():
            assert await world.served() == "first on 8000"
            (after,) = await list_instances(world.database, "here", ("serving",))
            assert after.details == before.details
            commit(world.repository, in_docker("second"))
            second = await world.deploy()
            assert await world.served() == "second on 8000"
            await until(lambda: drained(world))

            asked = await roll_back(world.database, who(world.project_id), first.id)
            back = await world.outcome(asked.id)
            assert (back.status, back.error_msg) == ("running", "")
            assert await world.served() == "first on 8000"
            assert not any("docker build" in line for line in world.said(back.id))

            commit(world.repository, in_docker("third"))
            third = await world.deploy()
            await until(lambda: drained(world))
            commit(world.repository, in_docker("fourth"))
            fourth = await world.deploy()
            await until(lambda: kept(world, {third.id, fourth.id}))
            assert second.status == "running"

    async def test_what_does_not_become_an_image_leaves_none_and_says_why(
        self, world: World
    ) -> None:
        async with world.deployer():
            await world.deploy()
            broken = f"FROM {DOCKER_IMAGE}\nRUN echo no such luck; exit 3\n"
            commit(world.repository, {"Dockerfile": broken})
            failed = await world.deploy()
            assert failed.status == "failed"
            assert "docker build" in failed.error_msg
            assert "no such luck" in world.said(failed.id)

            commit(world.repository, {"Dockerfile": f"FROM {DOCKER_IMAGE}\nRUN sleep 600\n"})
            asked = await ask(world.database, world.project_id)
            await until(lambda: any("Running in" in line for line in world.said(asked.id)))
            await cancel_deployment(world.database, who(world.project_id), asked.id)
            assert (await world.outcome(asked.id)).status == "cancelled"

            commit(world.repository, in_docker("well"))
            await world.configure(test_command="grep -q well /srv/server.py && exit 4")
            tested = await world.deploy()
            assert "ended with exit code 4" in tested.error_msg

            assert len(await images_of(world).names()) == 1
            assert await world.served() == "first on 8000"

    async def test_what_has_no_dockerfile_runs_in_a_plain_image_and_a_site_in_none(
        self, world: World
    ) -> None:
        (world.repository / "Dockerfile").unlink()
        commit(world.repository, {"Procfile": "web: touch $HOME/mine && exec python3 server.py"})
        await world.configure(install_command="test -d /srv && echo installed > here", port=4000)
        async with world.deployer():
            plain = await world.deploy()
            assert (plain.status, plain.error_msg) == ("running", "")
            assert await world.served() == "first on 4000"

            (world.repository / "server.py").unlink()
            (world.repository / "Procfile").unlink()
            commit(world.repository, {"index.html": "a site"})
            await world.configure()
            site = await world.deploy()
            assert (site.status, site.error_msg) == ("running", "")
            assert await world.served() == "a site"


async def drained(world: World) -> bool:
    return not await list_instances(world.database, "here", ("draining",))


async def kept(world: World, releases: set[str]) -> bool:
    return set(await images_of(world).names()) == releases
