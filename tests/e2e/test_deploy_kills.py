"""`sluice up` is killed while it deploys: what serves goes on, and what was asked for is done.

Each place between two steps is the part of `tests/integration/deploys/test_kills.py`. Here it is
the whole server, with its proxy, its event log and its store.
"""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.components.processes import first_app_port
from tests.e2e.server import EMAIL, PASSWORD, Server, wait_for
from tests.integration.deploys.running import commit, end_apps, page

pytestmark = pytest.mark.slow

WITHIN_S = 60.0
"""Of a start, what was under way has come to its end."""
HOLD = "while [ -e {hold} ]; do sleep 0.05; done; echo built"
LINES = [f"line {number}" for number in range(50)]


class Shop:
    """A project whose app is deployed, with files that hold up its builds and its starts."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server, self.repository = server, folder / "repository"
        self.hold, self.hold_build = folder / "hold", folder / "hold-build"
        with httpx.Client(base_url=f"{server.url}/api/v1") as nobody:
            form = {"email": EMAIL, "password": PASSWORD}
            token = nobody.post("/auth/login", json=form).json()["token"]
        headers = {"Authorization": f"Bearer {token}"}
        self.http = httpx.Client(base_url=f"{server.url}/api/v1", headers=headers, timeout=30)
        self.project_id = self.http.post(
            "/projects",
            json={
                **{"name": "Shop", "repo_url": str(self.repository), "branch": "main"},
                "build_command": HOLD.format(hold=self.hold_build),
            },
        ).json()["id"]

    def version(self, name: str) -> dict[str, str]:
        files = page(name)
        wait = f"import os, time\nwhile os.path.exists({str(self.hold)!r}): time.sleep(0.05)\n"
        said = f"for one in {LINES!r}: print(one, flush=True)\n"
        return {**files, "app.py": said + wait + files["app.py"]}

    def deploy(self, name: str) -> str:
        commit(self.repository, self.version(name))
        asked = self.http.post("/deployments", json={"project_id": self.project_id})
        return str(asked.json()["id"])

    def deployment(self, deployment_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.http.get(f"/deployments/{deployment_id}").json()
        return found

    def is_in(self, deployment_id: str, phase: str) -> bool:
        return bool(self.deployment(deployment_id)["phase"] == phase)

    def answer(self) -> str:
        return httpx.get(f"{self.server.url}/app/{self.project_id}/", timeout=30).text

    def lines(self, deployment_id: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.http.get(f"/logs/{deployment_id}").json()["data"]
        return found

    def has_all_lines(self, deployment_id: str) -> bool:
        said = {line["message"] for line in self.lines(deployment_id)}
        return {"built", *LINES} <= said and any(one.startswith("Serving") for one in said)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    settings = {
        **{"PRIVATE_TARGETS": "allow", "DEPLOY_DRIVER": "process"},
        "DEPLOY_FIRST_PORT": str(first_app_port()),
        # Whoever waits here asks many times a second.
        "DEPLOY_REQUESTS_PER_MINUTE": "1000000",
    }
    try:
        with Server(tmp_path / "data", settings=settings) as server:
            shop = Shop(server, tmp_path)
            with closing(shop.http):
                yield shop
    finally:
        asyncio.run(end_apps(tmp_path / "data" / "deploys-default"))


def test_killed_in_a_build_and_before_it_is_healthy_it_goes_on_by_itself(shop: Shop) -> None:
    first = shop.deploy("first")
    wait_for(lambda: shop.answer() == "first", "the first version", timeout_s=WITHIN_S)
    for name, hold, phase in (
        ("second", shop.hold_build, "build"),
        ("third", shop.hold, "health"),
    ):
        before = shop.answer()
        hold.touch()
        asked = shop.deploy(name)
        wait_for(lambda: shop.is_in(asked, phase), phase, timeout_s=WITHIN_S)  # noqa: B023

        shop.server.kill()
        shop.server.start()

        assert shop.answer() == before
        hold.unlink()
        wait_for(lambda: shop.answer() == name, name, timeout_s=WITHIN_S)  # noqa: B023
        assert shop.deployment(asked)["status"] == "running"
        wait_for(lambda: shop.has_all_lines(asked), "the lines", timeout_s=WITHIN_S)  # noqa: B023
        numbers = [line["seq"] for line in shop.lines(asked)]
        assert numbers == sorted(set(numbers))
    assert shop.deployment(first)["status"] == "stopped"
