"""One server, and what all clients send to it at the same time, each to projects of its own."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from playwright.sync_api import Browser

from tests.clients.running import Bundle, Run, in_old_python
from tests.components.fixtures import require
from tests.e2e.error_rows import Rows, read_rows
from tests.e2e.server import Project, Server, create_project, wait_for

RATE_LIMIT = 60
"""Requests a minute, of each key."""
Start = Callable[[str, str], Run]
"""Starts a client, by DSN and scenario."""


class Sent(NamedTuple):
    """What one client captured in one scenario, and what became of it."""

    results: dict[str, Any]
    """What the client made, and was answered."""
    rows: Rows
    outcomes: dict[str, int]
    """By kind and outcome, as `error accepted`."""
    traces: list[dict[str, Any]]


class Scene:
    """One scenario of one client, with a project of its own."""

    def __init__(self, server: Server, client: str, task: str, start: Start) -> None:
        self.client, self.task = client, task
        self.project = create_project(server, client)
        self._begin = partial(start, _dsn_of(self.project, client), task)
        self._results: dict[str, Any] = {}

    def begin(self) -> None:
        """Starts the client."""
        self._run = self._begin()

    def outcomes(self) -> dict[str, int]:
        """Returns what became of everything so far, by kind and outcome."""
        found: dict[str, int] = {}
        for one in self.project.get("/v1/outcomes").json()["outcomes"]:
            name = f"{one['kind']} {one['outcome']}"
            found[name] = found.get(name, 0) + one["count"]
        return found

    def tell_over(self) -> None:
        """Ends the scenario "untilTold"."""
        self._run.tell_over()

    def finish(self) -> None:
        """Waits for the client's end."""
        self._results = self._run.results()

    def look(self) -> "Looked":
        """Returns what the server answers of it."""
        traces = self.project.get("/v1/traces").json()["traces"]
        return Looked(self, self._results, self.outcomes(), traces)


class Looked(NamedTuple):
    """A scenario that has ended, as the server tells it."""

    scene: Scene
    results: dict[str, Any]
    outcomes: dict[str, int]
    traces: list[dict[str, Any]]

    def with_rows(self, rows: Rows) -> Sent:
        """Adds the rows of its project."""
        own = {
            table: [row for row in found if row["project_id"] == self.scene.project.project_id]
            for table, found in rows.items()
        }
        return Sent(self.results, own, self.outcomes, self.traces)


@pytest.fixture(scope="module")
def sent(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Sent]:
    """What each client sent in each scenario, by both names."""
    require("node")
    require("old-sdk")
    folder: Path = tmp_path_factory.mktemp("clients")
    bundle = Bundle(folder / "programs")
    starts: dict[str, Start] = {
        "python": in_old_python,
        "node": partial(bundle.in_node, "sentry_node"),
        "browser": partial(bundle.in_page, browser, "sentry"),
        "open sentry, node": partial(bundle.in_node, "open_sentry_node"),
        "open sentry, browser": partial(bundle.in_page, browser, "open_sentry"),
    }
    cut: dict[str, Start] = {
        "node, static": partial(bundle.in_node, "sentry_node_static"),
        "node, flushed": partial(bundle.in_node, "sentry_node_flushed"),
        "node, long": partial(bundle.in_node, "sentry_node_long"),
        "browser, flushed": partial(bundle.in_page, browser, "sentry_flushed"),
    }
    with Server(folder / "data", settings={"RATE_LIMIT": str(RATE_LIMIT)}) as server:
        scenes = [
            Scene(server, client, task, start)
            for task in ("once", "many", "untilTold")
            for client, start in starts.items()
        ]
        scenes += [Scene(server, client, "once", start) for client, start in cut.items()]
        first = [scene for scene in scenes if scene.task != "untilTold"]
        for scene in first:
            scene.begin()
        for scene in first:
            scene.finish()
        _restart(server, [scene for scene in scenes if scene not in first])
        server.wait_stored()
        looked = [scene.look() for scene in scenes]
        server.stop()
        rows = read_rows(server.data_dir)
    bundle.close()
    return {(one.scene.client, one.scene.task): one.with_rows(rows) for one in looked}


def _restart(server: Server, scenes: Sequence[Scene]) -> None:
    """Stops and starts the server under clients that go on sending."""
    for scene in scenes:
        scene.begin()
    before = [_wait_accepted(scene, 3) for scene in scenes]
    assert server.stop()[0] == 0
    server.start()
    for scene, count in zip(scenes, before, strict=True):
        _wait_accepted(scene, count + 5)
    for scene in scenes:
        scene.tell_over()
    for scene in scenes:
        scene.finish()


def _wait_accepted(scene: Scene, count: int) -> int:
    def enough() -> int:
        accepted = scene.outcomes().get("error accepted", 0)
        return accepted if accepted >= count else 0

    return wait_for(enough, f"{count} of {scene.client}", timeout_s=90)


def _dsn_of(project: Project, client: str) -> str:
    number, key = project.addressed("{number} {dsn_key}").split()
    path = "v1/ingest" if client.startswith("open sentry") else number
    return project.server.url.replace("://", f"://{key}@") + f"/{path}"
