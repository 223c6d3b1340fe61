"""Deployments that took over, as thin lines on charts, as people see them in Chromium."""

import asyncio
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.sync_api import expect

from controlplane.database import Database
from controlplane.deploys.past import PastDeployment, PastEvent, put_past
from schemas.projects import ProjectId
from tests.e2e.payloads import new_id, trace
from tests.e2e.server import Project, Server, create_project
from tests.pages.conftest import World
from tests.pages.looking import Visitor
from tests.pages.places import HOSTILE, now, path_of
from tests.pages.transactions import send, transaction

pytestmark = [pytest.mark.slow, pytest.mark.browser]
PAGES = ("overview", "llm/explore", "performance")
ENVIRONMENT = HOSTILE[:90]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A server without the demo, which has no part in these tests."""
    with Server(tmp_path_factory.mktemp("marks") / "data") as server:
        empty = create_project(server, "Empty")
        yield World(server, empty, empty)


class Deployed(NamedTuple):
    """A project with traffic of the last hour, and a deployment within it."""

    project: Project
    deployment_id: str


@pytest.fixture(scope="module")
def deployed(world: World) -> Deployed:
    project = create_project(world.server, "Shop")
    began = time.time() - 1800
    send(project, *(transaction(uuid.uuid4().hex, began=began - n) for n in range(3)))
    call = trace(
        trace_id=new_id(),
        timestamp=now(),
        model_requested="gpt-4o",
        latency_ms=5.0,
        status="success",
    )
    assert project.post("/v1/traces/batch", [call]).status_code == 202
    world.server.wait_stored()
    made = Deployed(project, str(uuid.uuid4()))
    with ThreadPoolExecutor(1) as aside:  # Playwright has a loop in this thread
        aside.submit(asyncio.run, take_over(world.server.data_dir, made)).result()
    return made


async def take_over(folder: Path, deployed: Deployed) -> None:
    """Writes that a deployment took over twenty minutes ago."""
    at_us = time.time_ns() // 1000 - 20 * 60_000_000
    one = PastDeployment(
        id=deployed.deployment_id,
        author="Ann",
        environment=ENVIRONMENT,
        commit_sha="0123456789abcdef",
        commit_msg="Sell more",
        events=[
            PastEvent(at_us=at_us - 1000, status="queued"),
            PastEvent(at_us=at_us, status="running"),
        ],
    )
    database = Database(f"sqlite:///{folder / 'control.db'}")
    try:
        await put_past(database, ProjectId(deployed.project.project_id), [one])
    finally:
        await database.close()


@pytest.mark.parametrize("page_of", PAGES)
def test_a_deployment_is_a_line_on_the_charts_that_leads_to_it(
    visitor: Visitor, deployed: Deployed, page_of: str
) -> None:
    page = visitor.go(path_of(deployed.project, page_of))

    line = page.locator("a.mark").first
    expect(line).to_have_attribute("data-name", f"Deployment of 0123456 to {ENVIRONMENT}")
    where = f"/p/{deployed.project.project_id}/deploys/deployments/{deployed.deployment_id}"
    assert (line.get_attribute("href") or "").partition("?")[0] == where
    page.locator("details.as-table summary").first.click()
    told = page.locator("details.as-table a.hint").first
    expect(told).to_have_text(f"Deployment of 0123456 to {ENVIRONMENT}")
    assert (told.get_attribute("href") or "").partition("?")[0] == where
    assert visitor.faults == []


def test_another_project_has_no_line(visitor: Visitor, deployed: Deployed, world: World) -> None:
    other = create_project(world.server, "Other")
    send(other, transaction(uuid.uuid4().hex, began=time.time() - 1800))
    world.server.wait_stored()

    page = visitor.go(path_of(other, "performance"))

    expect(page.locator(".plot canvas").first).to_be_visible()
    expect(page.locator(".mark")).to_have_count(0)
