"""Releases as `sentry-cli` 3.8.2 tells of them: the bodies are those that it sent, recorded."""

import time
import uuid
from typing import Any

import httpx
import pytest
from litestar import Litestar
from litestar.datastructures import State

from api.app import exception_handlers, sentry_cli_router
from controlplane.api_tokens import ApiTokens
from controlplane.database import Database
from controlplane.errors.changes import IssueChange, change_issues
from controlplane.errors.listing import get_issue
from controlplane.errors.release_details import (
    list_commits,
    list_deployments,
    new_issues,
    regressed_issues,
)
from controlplane.errors.releases import list_releases, note_arrivals
from controlplane.errors.sightings import note_sightings
from controlplane.tokens import TokenDraft, TokenOwner, create_token
from schemas.projects import ProjectId, TokenScope
from sluice.systems import sentry_cli
from tests.integration.issues.seen import SECOND_US, make_project, sighting

NEW = {
    "version": "shop@1.0",
    "projects": ["shop"],
    "url": "https://x.example",
    "dateStarted": "2026-11-29T13:24:36.762941236Z",
}
FINALIZED = {"projects": ["shop"], "dateReleased": "2026-11-29T13:24:37.046698743Z"}
COMMITS: dict[str, Any] = {
    "commits": [
        {
            "patch_set": [{"path": "a", "type": "M"}],
            "repository": "origin",
            "author_name": "A",
            "author_email": "a@example.com",
            "timestamp": "2026-11-29T13:24:36Z",
            "message": "Second\n",
            "id": "368a136ad819ed98f9bca4fbaca30066240624d1",
        },
        {
            "patch_set": [{"path": "a", "type": "A"}],
            "repository": "origin",
            "author_name": "A",
            "author_email": "a@example.com",
            "timestamp": "2026-11-29T13:24:36Z",
            "message": "First, fixes SHOP-1\n",
            "id": "e3bca64aac02d8a32b8b9bd701bf3f7773a0208e",
        },
    ]
}
DEPLOYED = {
    "environment": "production",
    "name": "first",
    "url": None,
    "dateStarted": "2026-11-29T13:23:37.112110494Z",
    "dateFinished": "2026-11-29T13:24:37.112110494Z",
}
RELEASES = "/api/0/organizations/my-org/releases/"
ONE = f"{RELEASES}shop@1.0/"
OF_PROJECT = "/api/0/projects/my-org/shop/releases/"


async def cli(
    database: Database, project_id: ProjectId | None, scope: TokenScope = "write"
) -> httpx.AsyncClient:
    """Returns somebody with a token of a project."""
    made = await create_token(database, TokenOwner(project_id), TokenDraft("cli", scope))
    app = Litestar([sentry_cli_router(sentry_cli())], exception_handlers=exception_handlers())
    app.state = State({"database": database, "api_tokens": ApiTokens(database)})
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app),  # type: ignore[arg-type]
        base_url="http://localhost",
        headers={"Authorization": f"Bearer {made.plain}"},
    )


@pytest.fixture
async def build(database: Database, project: ProjectId) -> httpx.AsyncClient:
    return await cli(database, project)


async def test_all_that_a_build_tells_is_kept(
    database: Database, project: ProjectId, build: httpx.AsyncClient
) -> None:
    made = await build.post(RELEASES, json=NEW)
    again = await build.post(RELEASES, json={"version": "shop@1.0", "projects": ["shop"]})
    repos = await build.get("/api/0/organizations/my-org/repos/?cursor=")
    before = await build.get(f"{ONE}previous-with-commits/")
    changed = await build.put(ONE, json=COMMITS)
    finished = await build.put(ONE, json=FINALIZED)
    deployed = await build.post(f"{ONE}deploys/", json=DEPLOYED)

    statuses = [one.status_code for one in (made, again, changed, finished, deployed)]
    assert statuses == [201, 208, 200, 200, 201]
    assert (repos.json(), before.json()) == ([], {})
    told = finished.json()
    assert (told["version"], told["url"], told["commitCount"]) == ("shop@1.0", NEW["url"], 2)
    assert told["dateReleased"] == "2026-11-29T13:24:37.046Z"
    assert told["projects"][0]["slug"] == "shop"
    assert told["lastCommit"] == {"id": COMMITS["commits"][0]["id"]}
    assert [one["id"] for one in (await build.get(f"{ONE}commits/")).json()] == [
        one["id"] for one in COMMITS["commits"]
    ]
    (deploy,) = (await build.get(f"{ONE}deploys/")).json()
    assert (deploy["environment"], deploy["name"]) == ("production", "first")
    assert [one["version"] for one in (await build.get(OF_PROJECT)).json()] == ["shop@1.0"]
    (kept,) = await list_deployments(database, project)
    assert kept.finished_us - (kept.started_us or 0) == 60 * SECOND_US
    assert [one.message for one in await list_commits(database, project, "shop@1.0")] == [
        "Second\n", "First, fixes SHOP-1\n",
    ]  # fmt: skip


async def test_a_commit_resolves_the_issue_that_it_names_once(
    database: Database, project: ProjectId, build: httpx.AsyncClient
) -> None:
    await note_sightings(database, [sighting(project, release="shop@0.9")])
    await build.post(RELEASES, json=NEW)

    await build.put(ONE, json=COMMITS)
    resolved = await get_issue(database, project, "1")
    await change_issues(database, project, [resolved.id], IssueChange(status="open"), by=None)
    await build.put(ONE, json=COMMITS)
    opened = await get_issue(database, project, "1")

    assert (resolved.status, resolved.resolved_in_release) == ("resolved", "shop@1.0")
    assert opened.status == "open"


async def test_a_commit_that_names_no_issue_of_the_project_resolves_nothing(
    database: Database, project: ProjectId, build: httpx.AsyncClient
) -> None:
    await note_sightings(database, [sighting(project)])
    await build.post(RELEASES, json=NEW)
    messages = ("fixes #1", "fixes other-1", "shop-1", "prefixes-shop-1", "fixes shop-10")
    commits = [{"id": f"a{n}", "message": message} for n, message in enumerate(messages)]

    await build.put(ONE, json={"commits": commits})

    assert (await get_issue(database, project, "1")).status == "open"


async def test_archive_and_restore_change_the_status_alone(
    database: Database, project: ProjectId, build: httpx.AsyncClient
) -> None:
    await build.post(RELEASES, json=NEW)

    statuses = []
    for status in ("archived", "open"):
        body = {"version": "shop@1.0", "projects": [], "status": status}
        assert (await build.post(RELEASES, json=body)).status_code == 208
        (row,) = await list_releases(database, project)
        statuses.append(row.status)

    assert statuses == ["archived", "open"]


async def test_a_release_that_something_has_named_is_not_removed(
    database: Database, project: ProjectId, build: httpx.AsyncClient
) -> None:
    await build.post(RELEASES, json=NEW)
    await build.put(ONE, json=COMMITS)
    now_us = time.time_ns() // 1000
    await note_arrivals(database, {(uuid.UUID(project), "seen@1"): (now_us, now_us)})

    kept = await build.delete(f"{RELEASES}seen@1/")
    gone = await build.delete(ONE)

    assert (kept.status_code, gone.status_code) == (409, 204)
    assert [row.version for row in await list_releases(database, project)] == ["seen@1"]


async def test_what_breaks_a_rule_is_said_in_sentrys_form(build: httpx.AsyncClient) -> None:
    await build.post(RELEASES, json=NEW)
    for path, body, said in (
        (RELEASES, {"projects": ["shop"]}, "version: expected the name of the release"),
        (RELEASES, NEW | {"version": "a/b"}, "version: a release has no slash"),
        (RELEASES, NEW | {"url": "javascript:alert(1)"}, "url: expected an http address"),
        (RELEASES, NEW | {"version": 7}, "Invalid release"),
        (RELEASES, NEW | {"status": "gone"}, "status: expected"),
        (RELEASES, NEW | {"commits": [{"id": ""}]}, "commits: an id is a text"),
        (f"{ONE}deploys/", {}, "environment: expected a text"),
        (f"{ONE}deploys/", DEPLOYED | {"url": "ftp://x"}, "url: expected an http address"),
    ):
        answer = await build.post(path, json=body)
        assert answer.status_code == 400, (body, answer.text)
        assert said in answer.json()["detail"]
    many = [{"id": f"{number:x}"} for number in range(1_001)]
    answer = await build.put(ONE, json={"commits": many})
    assert (answer.status_code, answer.json()["detail"]) == (400, "commits: expected 1000 at most")


async def test_a_token_needs_scope_write_and_reaches_its_own_projects_alone(
    database: Database, project: ProjectId, build: httpx.AsyncClient
) -> None:
    await build.post(RELEASES, json=NEW)
    neighbour = await cli(database, await make_project(database, "Bank"))
    reader = await cli(database, project, "read")

    unseen = await neighbour.get(ONE)
    unchanged = await neighbour.put(ONE, json=FINALIZED | {"projects": None})
    denied = await reader.put(ONE, json=FINALIZED)

    assert (unseen.status_code, unchanged.status_code, denied.status_code) == (404, 404, 403)
    assert (await reader.get(ONE)).json()["dateReleased"] is None
    assert (await neighbour.get(RELEASES)).json() == []


async def test_new_and_regressed_issues_of_a_release_are_known(
    database: Database, project: ProjectId
) -> None:
    first = sighting(project, "one", release="shop@1.0")
    await note_sightings(database, [first, sighting(project, "two", release="shop@1.0")])
    one = await get_issue(database, project, "1")
    await change_issues(database, project, [one.id], IssueChange(status="resolved"), by=None)
    later_us = time.time_ns() // 1000 + SECOND_US
    again = sighting(project, "one", release="shop@1.1", at_us=later_us, arrived_us=later_us)

    await note_sightings(database, [again])

    assert len(await new_issues(database, project, "shop@1.0")) == 2
    assert await new_issues(database, project, "shop@1.1") == []
    assert len(await regressed_issues(database, project, "shop@1.1")) == 1


async def test_arrivals_of_a_project_that_is_gone_change_nothing(
    database: Database, project: ProjectId
) -> None:
    seen = {(uuid.uuid4(), "a"): (1, 2), (uuid.UUID(project), "b"): (5, 9)}

    for _ in range(2):
        await note_arrivals(database, seen)

    (row,) = await list_releases(database, project)
    assert (row.version, row.first_seen_us, row.last_seen_us) == ("b", 5, 9)
