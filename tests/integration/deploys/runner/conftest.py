import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deploys.cgroups import find_cgroups
from deploys.drivers.bubblewrap import find_wrap
from deploys.drivers.driver import Driver
from deploys.drivers.processes import ProcessDriver
from deploys.orphans import read_identity
from deploys.places import Places
from deploys.settings import DeployerSettings
from tests.components.fixtures import require
from tests.integration.deploys.runner.workshop import Workshop, plain


def in_cgroups(settings: DeployerSettings) -> Driver:
    cgroups = find_cgroups(read_identity(Places(settings.folder)))
    if cgroups is None:
        pytest.skip("cgroups of version 2 are not permitted here")
    return ProcessDriver(settings, cgroups=cgroups)


def in_bubblewrap(settings: DeployerSettings) -> Driver:
    require("bubblewrap")
    wrap = find_wrap((settings.folder,))
    return ProcessDriver(settings, cgroups=None, name="bubblewrap", wrap=wrap)


async def open_workshop(folder: Path, make_driver: object) -> AsyncIterator[Workshop]:
    workshop = Workshop(folder, make_driver)  # type: ignore[arg-type]  # one of those above
    left: list[str] = []
    try:
        yield workshop
        left = await workshop.left()
    finally:
        workshop.ports.close()
        await workshop.driver.sweep(())
        shutil.rmtree(folder, ignore_errors=True)
    assert left == [], "nothing outlives a test"


@pytest.fixture
async def workshop(tmp_path: Path) -> AsyncIterator[Workshop]:
    """A deployer with the driver `process`, without cgroups: as on most machines."""
    async for one in open_workshop(tmp_path, plain):
        yield one


@pytest.fixture(params=[plain, in_cgroups, in_bubblewrap], ids=lambda make: make.__name__)
async def each_workshop(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Workshop]:
    """A deployer with each way to run commands."""
    async for one in open_workshop(tmp_path, request.param):
        yield one


@pytest.fixture
async def bubblewrap(tmp_path: Path) -> AsyncIterator[Workshop]:
    """A deployer with the driver `bubblewrap`."""
    async for one in open_workshop(tmp_path, in_bubblewrap):
        yield one
