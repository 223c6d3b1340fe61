"""What stays on the disk of a deployer, and what goes."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.deploys.deployments import end_preview
from controlplane.deploys.instances import list_releases
from deploys.detecting import Plan
from deploys.places import Places
from deploys.releases import Release, Releases
from deploys.tidying import tidy
from tests.integration.deploys.apps import DEPLOYER, ask, new_app, served

PLAN = Plan(kind="command", install="", build="", start="./run", why="")


@pytest.fixture
def url(migrated_url: str) -> str:
    return migrated_url


async def test_what_has_ended_takes_no_space_and_all_else_stays(
    database: Database, vault: Vault, tmp_path: Path
) -> None:
    shop = await new_app(database, vault)
    await served(database, vault, shop, 20_001)
    for preview in ("pr-1", "pr-2"):
        await ask(database, shop, environment=preview)
    await end_preview(database, shop, "pr-2")
    places = Places(tmp_path / "deploys")
    releases = Releases(places)
    for app, environment in (
        *((shop, "production"), (shop, "pr-1"), (shop, "pr-2"), ("gone", "production")),
    ):
        release_id = f"{app}-{environment}"
        releases.begin(release_id)
        release = Release(
            id=release_id,
            app=app,
            environment=environment,
            sha="c" * 40,
            run_dir="",
            plan=PLAN,
            driver="process",
            bytes=0,
            made_at_us=0,
        )
        releases.finish(release, limit_bytes=1 << 20)
        places.caches(app).mkdir(parents=True, exist_ok=True)
        places.mirror(app).mkdir(parents=True, exist_ok=True)
    releases.begin("is being built")
    at = SimpleNamespace(database=database)
    driver = SimpleNamespace(images=None)
    of = {"name": DEPLOYER, "at": at, "places": places, "releases": releases, "driver": driver}
    bench = cast("Any", SimpleNamespace(**of))

    await tidy(bench)

    kept = sorted(one.name for one in places.releases.iterdir())
    assert kept == sorted(["is being built", f"{shop}-production", f"{shop}-pr-1"])
    assert releases.apps() == {shop}
    assert len(await list_releases(database, shop)) == 1
