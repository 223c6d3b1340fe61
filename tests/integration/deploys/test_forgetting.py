"""What is kept of an app on a deployer's machine ends with the app."""

from pathlib import Path

import pytest

from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.deploys.audit import Actor
from controlplane.deploys.ending import forget_app, list_gone
from controlplane.deploys.instances import list_releases
from deploys import deployer
from tests.integration.deploys.running import World, commit, page, until


async def test_nothing_is_kept_of_an_app_that_is_deployed_no_more(
    database: Database, vault: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deployer, "FORGET_EVERY_S", 0.1)
    world = World(database, vault, tmp_path)
    commit(world.repository, page("first"))
    await world.begin()
    folders = [tmp_path / "deploys" / of for of in ("releases", "mirrors", "caches")]
    async with world.deployer():
        await world.deploy()
        assert all(any(folder.iterdir()) for folder in folders)
        assert await list_gone(database, [world.project_id, "no id"]) == []

        await forget_app(database, Actor(None, "Ann"), world.project_id)

        await until(lambda: not any(any(folder.iterdir()) for folder in folders))
    assert await list_releases(database, world.project_id) == []
