"""How long it takes to go back to a kept release: `python -m benchmarks.bench_rollback`.

`sluice up` deploys two versions of a small app. Then it goes back to one and to the other, again
and again. Counted is the time from the request until the app's own address answers the other
version. In the end the kept releases are deleted, and one of them is built again.
"""

import argparse
import asyncio
import shutil
import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from tests.e2e.server import EMAIL, PASSWORD, Server
from tests.integration.deploys.running import commit, end_apps, page

POLL_S = 0.02
WITHIN_S = 60.0
FIRST_PORT = 22120


class Shop:
    """A project with two versions that were deployed."""

    def __init__(self, server: Server, repository: Path) -> None:
        self._server, self._repository = server, repository
        self._http = httpx.Client(base_url=f"{server.url}/api/v1", timeout=30)
        form = {"email": EMAIL, "password": PASSWORD}
        token = self._post("/auth/login", form)["token"]
        self._http.headers["Authorization"] = f"Bearer {token}"
        form = {"name": "Shop", "repo_url": str(repository), "branch": "main"}
        self._project_id = self._post("/projects", form)["id"]

    def deploy(self, version: str) -> str:
        """Deploys a version; returns the deployment when it serves."""
        commit(self._repository, page(version))
        made = self._post("/deployments", {"project_id": self._project_id})
        self._wait_for(version)
        return str(made["id"])

    def roll_back(self, deployment_id: str, version: str) -> float:
        """Goes back to a deployment; returns the seconds until its version is answered."""
        began = time.perf_counter()
        self._post(f"/deployments/{deployment_id}/rollback", {})
        self._wait_for(version)
        return time.perf_counter() - began

    def _wait_for(self, version: str) -> None:
        deadline = time.monotonic() + WITHIN_S
        url = f"{self._server.url}/app/{self._project_id}/"
        while (answer := httpx.get(url)).text != version:
            assert time.monotonic() < deadline, f"{version} does not serve: {answer.text[:500]}"
            time.sleep(POLL_S)

    def _post(self, path: str, form: dict[str, Any]) -> dict[str, Any]:
        answer = self._http.post(path, json=form)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found


def measure(times: int, folder: Path) -> None:
    """Runs all of it, and prints what came of it."""
    settings = {
        **{"PRIVATE_TARGETS": "allow", "DEPLOY_DRIVER": "process"},
        "DEPLOY_FIRST_PORT": str(FIRST_PORT),
    }
    with Server(folder / "data", settings=settings) as server:
        shop = Shop(server, folder / "repository")
        deployed = [(shop.deploy(version), version) for version in ("first", "second")]
        took = [shop.roll_back(*deployed[number % 2]) for number in range(times)]
        print(f"kept      p50 {statistics.median(took):.2f} s, most {max(took):.2f} s of {times}")
        for releases in (folder / "data").glob("deploys-*/releases"):
            for release in releases.iterdir():
                shutil.rmtree(release)
        print(f"gone      {shop.roll_back(*deployed[times % 2]):.2f} s: it is built again")


def main() -> None:
    """Measures as the options say."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--times", type=int, default=20)
    with TemporaryDirectory() as name:
        folder = Path(name)
        try:
            measure(options.parse_args().times, folder)
        finally:
            asyncio.run(end_apps(folder / "data" / "deploys-default"))


if __name__ == "__main__":
    main()
