"""The databases of the control plane's tests, and an installation with one deployer."""

from pathlib import Path

import pytest

from controlplane.crypto import Vault
from controlplane.database import Database
from tests.integration.controlplane.conftest import database, url, vault
from tests.integration.deploys.running import World, commit, page

__all__ = ["database", "url", "vault"]


@pytest.fixture
async def world(database: Database, vault: Vault, tmp_path: Path) -> World:
    world = World(database, vault, tmp_path)
    commit(world.repository, page("first"))
    await world.begin()
    return world
