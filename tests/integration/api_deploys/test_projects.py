"""Projects that are deployed: made, listed, changed, deleted, and what API tokens get there."""

import asyncio
from typing import Any
from uuid import UUID

import httpx
import pytest
from litestar import Litestar
from sqlalchemy import select

from controlplane.database import Database
from controlplane.deploys import models
from controlplane.models import ApiKey, DsnKey, Membership, Project
from tests.integration.api_deploys.conftest import (
    REPOSITORY,
    Client,
    Owner,
    owner,
    registered,
    token_of,
)

KEYS = {
    *("id", "created_at", "updated_at", "user_id"),
    *("name", "repo_url", "branch", "build_command"),
    *("start_command", "port", "test_command", "framework"),
    *("status", "is_private", "install_command", "run_dir"),
    *("cpu_limit", "memory_limit", "restart_policy", "deploy_target"),
    *("k8s_namespace", "max_deployments", "max_backups", "clone_directory"),
    *("git_clone_path", "main_deploy_id", "current_task_id", "latest_task_id"),
    *("task_status", "auto_sync_enabled", "sync_interval_secs", "latest_commit_sha"),
    *("latest_commit_msg", "latest_commit_at", "deployment_status", "language"),
    *("package_manager",),
}
"""Contract 2.a."""
NOWHERE = "00000000-0000-4000-8000-000000000000"
NOT_FOUND = (404, {"error": "project not found"})
SHOP = {"name": "shop", "repo_url": REPOSITORY}
TOKEN = "ghp_canary_of_a_git_token"


def said(answer: httpx.Response) -> tuple[int, Any]:
    return answer.status_code, answer.json()


class TestCreate:
    @pytest.mark.parametrize(
        ("change", "error"),
        [
            ({"name": None}, "name: is required"),
            ({"name": "x"}, "name: expected a text of at least 2 characters"),
            ({"name": "x" * 65}, "name: expected a text of at most 64 characters"),
            ({"repo_url": ""}, "repo_url: is required"),
            ({"port": "3000"}, "port: expected a whole number, not a text"),
            ({"port": 70000}, "port: expected a whole number of at most 65535"),
            (
                {"restart_policy": "never"},
                "restart_policy: expected one of no, on-failure, always,",
            ),
            ({"is_private": "yes"}, "is_private: expected true or false, not a text"),
            ({"branch": "a..b"}, "branch: expected the name of a branch, such as main"),
            ({"branch": "--upload-pack=x"}, "branch: expected the name of a branch"),
            ({"run_dir": "../../etc"}, "run_dir: expected a folder within the repository"),
            ({"health_path": "health"}, "health_path: expected a path that begins with /"),
            ({"cpu_limit": "many"}, "cpu_limit: expected a number of cores"),
            ({"memory_limit": "lots"}, "memory_limit: expected such as 512m or 1g"),
            ({"deploy_target": "kubernetes"}, "deploy_target: expected process, bubblewrap,"),
            ({"build_command": "a\0b"}, "build_command: expected a text without NUL"),
            ({"git_token": "a b"}, "git_token: expected a text without blanks"),
            ({"repo_url": "https://x:y@host.example/a"}, "repo_url: no user or password belongs"),
            ({"repo_url": "http://127.0.0.1/a"}, "repo_url: 127.0.0.1 is a private address"),
            (
                {"repo_url": "/srv/git/shop"},
                "repo_url: local paths are not fetched; SLUICE_PRIVATE",
            ),
        ],
    )
    async def test_a_field_that_breaks_a_rule_is_named(
        self, ann: Owner, change: dict[str, Any], error: str
    ) -> None:
        answer = await ann.http.post("/projects", json={**SHOP, "name": "other", **change})

        assert answer.status_code == 400
        assert list(answer.json()) == ["error"]
        assert answer.json()["error"].startswith(error)

    async def test_it_has_every_key_and_the_defaults(self, ann: Owner) -> None:
        made = ann.project

        assert set(made) >= KEYS
        assert (made["status"], made["deployment_status"]) == ("inactive", "stopped")
        assert (made["branch"], made["port"], made["user_id"]) == ("main", 3000, ann.user["id"])
        assert made["auto_sync_enabled"] is False, "nothing is fetched that nobody asked for"
        assert made["restart_policy"] == "unless-stopped"
        assert made["latest_commit_at"] is None

    async def test_what_is_given_is_kept_what_is_unknown_ignored(self, ann: Owner) -> None:
        form = {
            **{"name": "api", "repo_url": "git@github.com:ann/api.git", "branch": "trunk"},
            **{"build_command": "make", "port": 0, "cpu_limit": 0.5, "memory_limit": "512m"},
            **{"language": "python", "test_command": "pytest", "max_deployments": 3},
            **{"is_private": True, "git_token": TOKEN, "unheard_of": [1]},
        }

        answer = await ann.http.post("/projects", json=form)

        assert answer.status_code == 201
        made = answer.json()
        expected = {k: v for k, v in form.items() if k not in ("git_token", "unheard_of", "port")}
        expected |= {"cpu_limit": "0.5", "port": 3000, "has_git_token": True}
        assert {name: made[name] for name in expected} == expected
        assert TOKEN not in answer.text
        assert "git_token" not in made

    async def test_the_token_of_the_repository_is_sealed(
        self, ann: Owner, database: Database
    ) -> None:
        await ann.http.put(f"/projects/{ann.id}", json={"git_token": TOKEN})

        async with database.reading() as session:
            row = (await session.scalars(select(models.App))).one()
            assert TOKEN.encode() not in row.sealed_secrets
            assert TOKEN not in row.config

    async def test_a_kept_token_goes_to_no_other_server(self, ann: Owner) -> None:
        async def has_token(**form: str) -> bool:
            answer = await ann.http.put(f"/projects/{ann.id}", json=form)
            assert answer.status_code == 200, answer.text
            return bool(answer.json()["has_git_token"])

        assert await has_token(repo_url="git@github.com:ann/shop.git", git_token=TOKEN)
        assert await has_token(repo_url="https://github.com/ann/shop.git")
        assert await has_token(repo_url="https://gitlab.com/ann/shop.git", git_token=TOKEN)
        assert not await has_token(repo_url="https://github.com/ann/shop.git")

    async def test_it_is_a_project_as_any_other_with_keys(
        self, ann: Owner, database: Database
    ) -> None:
        async with database.reading() as session:
            project = (await session.scalars(select(Project).where(Project.name == "shop"))).one()
            assert str(project.id) == ann.id
            keys = list(await session.scalars(select(ApiKey.name)))
            dsns = list(await session.scalars(select(DsnKey.project_id)))
        assert keys.count("Default Key") == 2, "the seeded project has one too"
        assert project.id in dsns

    async def test_a_name_that_is_taken_is_a_conflict(self, ann: Owner) -> None:
        assert (await ann.http.post("/projects", json=SHOP)).status_code == 409


class TestRead:
    async def test_each_sees_their_own_the_newest_first(self, ann: Owner, bob: Owner) -> None:
        second = (await ann.http.post("/projects", json={**SHOP, "name": "second"})).json()

        listed = (await ann.http.get("/projects")).json()["data"]

        assert [one["id"] for one in listed] == [second["id"], ann.id]
        assert said(await ann.http.get(f"/projects/{ann.id}")) == (200, listed[1])

    async def test_another_parameter_is_rejected_by_its_name(self, ann: Owner) -> None:
        answer = await ann.http.get("/projects?limt=3")

        assert answer.status_code == 400
        assert "limt" in answer.json()["error"]


class TestChange:
    async def test_what_is_left_out_stays_and_what_is_empty_is_cleared(self, ann: Owner) -> None:
        path = f"/projects/{ann.id}"
        full = {"install_command": "npm ci", "run_dir": "web", "cpu_limit": "1", "is_private": True}
        await ann.http.put(path, json=full | {"start_command": "npm start"})

        answer = await ann.http.put(
            path, json={"start_command": "", "branch": "", "repo_url": "", "name": None}
        )

        assert answer.status_code == 200
        found = answer.json()
        assert {name: found[name] for name in full} == full
        assert (found["start_command"], found["branch"]) == ("", "main")
        assert (found["repo_url"], found["name"]) == (REPOSITORY, "shop")

    async def test_two_changes_at_once_are_both_there(self, ann: Owner) -> None:
        path = f"/projects/{ann.id}"

        await asyncio.gather(
            ann.http.put(path, json={"build_command": "make"}),
            ann.http.put(path, json={"start_command": "run"}),
        )

        found = (await ann.http.get(path)).json()
        assert (found["build_command"], found["start_command"]) == ("make", "run")

    async def test_a_sync_is_asked_for(self, ann: Owner, database: Database) -> None:
        answer = await ann.http.post(f"/projects/{ann.id}/sync")

        assert answer.status_code == 202
        assert answer.json()["message"] == "sync task started"
        async with database.reading() as session:
            assert (await session.scalars(select(models.App.next_sync_us))).one() is not None


class TestDelete:
    async def test_it_ends_what_waits_and_what_runs(self, ann: Owner, database: Database) -> None:
        made = (await ann.http.post("/deployments", json={"project_id": ann.id})).json()

        answer = await ann.http.delete(f"/projects/{ann.id}")

        assert said(answer) == (200, {"message": "project deleted"})
        assert said(await ann.http.get(f"/projects/{ann.id}")) == NOT_FOUND
        assert (await ann.http.get("/projects")).json() == {"data": []}
        assert (await ann.http.get(f"/deployments/{made['id']}")).status_code == 404
        async with database.reading() as session:
            row = (await session.scalars(select(models.Deployment))).one()
        assert row.status == "cancelled"

    async def test_twice_is_not_found(self, ann: Owner) -> None:
        await ann.http.delete(f"/projects/{ann.id}")

        assert said(await ann.http.delete(f"/projects/{ann.id}")) == NOT_FOUND


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/projects/{id}"),
        ("PUT", "/projects/{id}"),
        ("DELETE", "/projects/{id}"),
        ("POST", "/projects/{id}/sync"),
    ],
)
@pytest.mark.parametrize("whose", ["ann's", "nobody's", "no id"])
async def test_the_project_of_somebody_else_is_not_there(
    ann: Owner, bob: Owner, method: str, path: str, whose: str
) -> None:
    of = {"ann's": ann.id, "nobody's": NOWHERE, "no id": "x"}[whose]

    answer = await bob.http.request(method, path.format(id=of), json={"name": "taken"})

    assert said(answer) == NOT_FOUND
    assert (await ann.http.get(f"/projects/{ann.id}")).json() == ann.project


async def test_a_member_looks_and_does_not_change(
    ann: Owner, connect: Client, app: Litestar
) -> None:
    gus = connect()
    user = await registered(gus, "gus")
    async with app.state.database.session() as session:
        session.add(Membership(user_id=UUID(user["id"]), project_id=UUID(ann.id), role="user"))
    path = f"/projects/{ann.id}"

    assert (await gus.get(path)).status_code == 200
    for answer in (await gus.put(path, json={}), await gus.delete(path)):
        assert said(answer) == (
            403,
            {"error": "Forbidden: admin role required for this operation"},
        )
    assert (await gus.post("/deployments", json={"project_id": ann.id})).status_code == 201


class TestApiTokens:
    async def test_those_of_a_person_change_what_the_person_may(
        self, ann: Owner, app: Litestar, nobody: httpx.AsyncClient
    ) -> None:
        token = await token_of(app, ann, whole_person=True)
        nobody.headers["Authorization"] = f"Bearer {token}"

        answer = await nobody.put(f"/projects/{ann.id}", json={"start_command": "run"})

        assert answer.status_code == 200
        assert answer.json()["start_command"] == "run"

    async def test_their_scope_counts(
        self, ann: Owner, app: Litestar, nobody: httpx.AsyncClient
    ) -> None:
        token = await token_of(app, ann, whole_person=False, scope="read")
        nobody.headers["Authorization"] = f"Bearer {token}"

        for answer in (
            await nobody.put(f"/projects/{ann.id}", json={}),
            await nobody.post("/deployments", json={"project_id": ann.id}),
        ):
            assert answer.status_code == 403
            assert "scope" in answer.json()["error"]
        listed = await nobody.get("/deployments")
        assert said(listed) == (200, {"data": []})

    async def test_those_of_a_project_reach_no_other(
        self, ann: Owner, bob: Owner, app: Litestar, nobody: httpx.AsyncClient
    ) -> None:
        token = await token_of(app, bob, whole_person=False)
        nobody.headers["Authorization"] = f"Bearer {token}"

        assert said(await nobody.put(f"/projects/{ann.id}", json={})) == NOT_FOUND
        made = await nobody.post("/deployments", json={"project_id": bob.id})
        assert made.status_code == 201
        assert made.json()["author"] == "token CI"

    async def test_an_unknown_one_is_told_as_an_unknown_login(
        self, nobody: httpx.AsyncClient
    ) -> None:
        nobody.headers["Authorization"] = "Bearer osco_0123456789abcdef0123456789abcdef"

        answer = await nobody.get("/deployments")

        assert said(answer) == (401, {"error": "invalid or expired token"})

    async def test_on_the_shared_paths_they_get_their_own_answers(
        self, ann: Owner, app: Litestar, nobody: httpx.AsyncClient
    ) -> None:
        token = await token_of(app, ann, whole_person=True)
        nobody.headers["Authorization"] = f"Bearer {token}"

        made = await nobody.post("/projects", json={"name": "kiosk"})
        bad = await nobody.post("/projects", json={"name": ""})
        missing = await nobody.get(f"/projects/{NOWHERE}")

        assert made.status_code == 201
        assert set(made.json()) == {"project"}
        assert bad.json()["error"].startswith("name: expected a text of 1 to 120")
        assert said(missing) == (404, {"error": "Project not found"})
        listed = (await ann.http.get("/projects")).json()["data"]
        assert {one["name"] for one in listed} == {"shop", "kiosk"}


async def test_another_person_has_the_same_name(connect: Client, ann: Owner) -> None:
    assert (await owner(connect(), "cat", "shop")).project["name"] == "shop"
