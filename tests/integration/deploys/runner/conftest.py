import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec import structs

from deploys.cgroups import find_cgroups
from deploys.drivers.bubblewrap import Bubblewrap
from deploys.drivers.docker import Docker
from deploys.drivers.driver import Driver
from deploys.drivers.engine import Engine
from deploys.drivers.images import DockerImages
from deploys.drivers.processes import ProcessDriver
from deploys.orphans import read_identity
from deploys.places import Places
from deploys.settings import DeployerSettings
from tests.components.fixtures import require
from tests.integration.deploys.runner.workshop import Workshop, plain

DOCKER_IMAGE = "sluice-tests/python:1"


def in_cgroups(settings: DeployerSettings) -> Driver:
    cgroups = find_cgroups(read_identity(Places(settings.folder)))
    if cgroups is None:
        pytest.skip("cgroups of version 2 are not permitted here")
    return ProcessDriver(settings, cgroups=cgroups)


def in_bubblewrap(settings: DeployerSettings) -> Driver:
    require("bubblewrap")
    return ProcessDriver(settings, cgroups=None, sandbox=Bubblewrap((settings.folder,)))


def in_docker(settings: DeployerSettings) -> Driver:
    require("containers")
    identity, engine = read_identity(Places(settings.folder)), engine_of(settings)
    return ProcessDriver(
        settings,
        cgroups=None,
        sandbox=Docker(engine, identity, DOCKER_IMAGE),
        images=DockerImages(engine, identity),
    )


def engine_of(settings: DeployerSettings) -> Engine:
    """Return the engine that tests ask. Skip where it lacks the image in which they run."""
    host = os.environ.get("DOCKER_HOST", settings.docker_host)
    ask = ["docker", "--host", host, "image", "inspect", DOCKER_IMAGE]
    if subprocess.run(ask, capture_output=True, check=False).returncode:
        pytest.skip(f"no image {DOCKER_IMAGE} here: tests/containers/make-images.sh makes it")
    return Engine(structs.replace(settings, docker_host=host))


async def remove_network(settings: DeployerSettings) -> None:
    """Remove the network of a deployer of Docker: an engine has few."""
    name = f"sluice-{read_identity(Places(settings.folder))}"
    await engine_of(settings).ask("network", "rm", name)


async def open_workshop(folder: Path, make_driver: object) -> AsyncIterator[Workshop]:
    workshop = Workshop(folder, make_driver)  # type: ignore[arg-type]  # one of those above
    left: list[str] = []
    await workshop.driver.check()
    try:
        yield workshop
        left = await workshop.left()
    finally:
        workshop.ports.close()
        await workshop.driver.sweep(())
        workshop.driver.close()
        if workshop.driver.images is not None:
            await remove_network(workshop.settings)
        shutil.rmtree(folder, ignore_errors=True)
    assert left == [], "nothing outlives a test"


@pytest.fixture
async def workshop(tmp_path: Path) -> AsyncIterator[Workshop]:
    """A deployer with the driver `process`, without cgroups: as on most machines."""
    async for one in open_workshop(tmp_path, plain):
        yield one


EACH = [
    plain,
    in_cgroups,
    in_bubblewrap,
    pytest.param(in_docker, marks=pytest.mark.containers, id="in_docker"),
]


@pytest.fixture(params=EACH, ids=lambda make: make.__name__)
async def each_workshop(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Workshop]:
    """A deployer with each way to run commands."""
    async for one in open_workshop(tmp_path, request.param):
        yield one


@pytest.fixture
async def bubblewrap(tmp_path: Path) -> AsyncIterator[Workshop]:
    """A deployer with the driver `bubblewrap`."""
    async for one in open_workshop(tmp_path, in_bubblewrap):
        yield one
