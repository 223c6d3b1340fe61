"""One browser for all tests here; one server and one filled project for those of a file."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.components import chromium
from tests.components.fixtures import require
from tests.e2e.payloads import trace
from tests.e2e.server import Project, Server, create_project
from tests.pages.errors import dsn_of, wait_listed
from tests.pages.looking import Visitor
from tests.poison import append_poison


class World(NamedTuple):
    """A server with data, and who looks at it."""

    server: Server
    demo: Project
    empty: Project


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium, or a skip that says what is missing."""
    require("chromium")
    expect.set_options(timeout=20_000)
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=chromium.program(),
            # Without: it does not run as root, nor in containers with little shared memory, and a
            # process of its own acts as the graphics card that is not there.
            args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"],
        )
        yield opened
        opened.close()


class Filled(NamedTuple):
    """A data directory that nobody uses now, and the id and key of each project in it."""

    folder: Path
    demo: tuple[str, str]
    empty: tuple[str, str]


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Filled:
    """What `sluice demo` wrote, once for all files: each copies it."""
    folder = tmp_path_factory.mktemp("filled") / "data"
    with Server(folder) as server:
        demo, empty = create_project(server, "Demo"), create_project(server, "Empty")
        amounts = {"traces": 300, "spans": 40, "errors": 60, "days": 1, "seed": 7}
        options = [text for name, count in amounts.items() for text in (f"--{name}", str(count))]
        server.run("demo", "--key", demo.key, "--dsn", dsn_of(demo), *options)
        wait_listed(demo, 1, where="is:all type:DuplicateOrder")
        server.wait_stored()
        server.stop()
        return Filled(folder, (demo.project_id, demo.key), (empty.project_id, empty.key))


@pytest.fixture(scope="module")
def world(filled: Filled, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A server with one project that `sluice demo` filled, and one that is empty."""
    data: Path = tmp_path_factory.mktemp("pages") / "data"
    shutil.copytree(filled.folder, data, symlinks=True)
    with Server(data) as server:
        demo, empty = Project(server, *filled.demo), Project(server, *filled.empty)
        append_poison(data, demo.project_id, trace(latency_ms="slow"))
        yield World(server, demo, empty)


@pytest.fixture
def visitor(browser: Browser, world: World) -> Iterator[Visitor]:
    """The admin, signed in, at a usual window."""
    with Visitor.signed_in(browser, world.server) as opened:
        yield opened
