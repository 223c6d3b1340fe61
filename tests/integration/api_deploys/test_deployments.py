"""Deployments over HTTP: asked for, listed, rolled back, cancelled, promoted; who may."""

from typing import Any

import httpx
import pytest
from litestar import Litestar
from sqlalchemy import select, update

from api.deploys.callers import DeployRules
from api.rates import Rates
from controlplane.database import Database
from controlplane.deploys import models
from controlplane.models import Membership
from tests.integration.api_deploys.conftest import (
    REPOSITORY,
    Client,
    Owner,
    operator_token,
    token_of,
)

KEYS = {
    *("id", "created_at", "updated_at", "project_id", "user_id", "worker_id", "commit_sha"),
    *("commit_msg", "branch", "status", "image_tag", "container_id", "url", "external_port"),
    *("is_default", "error_msg", "resolution", "started_at", "finished_at"),
}
"""Contract 2.a."""
NOWHERE = "00000000-0000-4000-8000-000000000000"
NOT_FOUND = (404, {"error": "deployment not found"})
SHA = "0123456789abcdef0123456789abcdef01234567"


def said(answer: httpx.Response) -> tuple[int, Any]:
    return answer.status_code, answer.json()


async def deploy(owner: Owner, **more: Any) -> dict[str, Any]:
    form = {"project_id": owner.id, "commit_sha": SHA, **more}
    made = await owner.http.post("/deployments", json=form)
    assert made.status_code == 201, made.text
    found: dict[str, Any] = made.json()
    return found


async def set_running(database: Database, deployment_id: str) -> None:
    """Does what a deployer does at the end."""
    async with database.session() as session:
        for row in await session.scalars(select(models.Deployment)):
            if str(row.id) == deployment_id:
                row.status, row.is_default = "running", False


class TestCreate:
    @pytest.mark.parametrize(
        ("change", "error"),
        [
            ({"project_id": None}, "project_id: is required"),
            ({"commit_sha": "main; rm"}, "commit_sha: expected a commit"),
            ({"commit_sha": "--help"}, "commit_sha: expected a commit"),
            ({"branch": "-x"}, "branch: expected the name of a branch, such as main"),
            ({"environment": "../x"}, "environment: expected A-Z, a-z"),
            ({"is_build_only": 1}, "is_build_only: expected true or false"),
        ],
    )
    async def test_a_field_that_breaks_a_rule_is_named(
        self, ann: Owner, change: dict[str, Any], error: str
    ) -> None:
        answer = await ann.http.post("/deployments", json={"project_id": ann.id, **change})

        assert answer.status_code == 400
        assert answer.json()["error"].startswith(error)

    @pytest.mark.parametrize("whose", ["bob's", "nobody's", "no id"])
    async def test_the_project_of_somebody_else_is_not_there(
        self, ann: Owner, bob: Owner, whose: str
    ) -> None:
        of = {"bob's": bob.id, "nobody's": NOWHERE, "no id": "x"}[whose]

        answer = await ann.http.post("/deployments", json={"project_id": of})

        assert said(answer) == (404, {"error": "project not found"})

    async def test_it_is_queued_with_every_key(self, ann: Owner) -> None:
        made = await deploy(ann, commit_msg="Fix")

        assert set(made) >= KEYS
        assert (made["status"], made["branch"], made["commit_sha"]) == ("queued", "main", SHA)
        assert (made["user_id"], made["author"]) == (ann.user["id"], "ann@example.com")
        assert (made["started_at"], made["finished_at"], made["url"]) == (None, None, "")
        assert said(await ann.http.get(f"/deployments/{made['id']}")) == (200, made)

    async def test_one_that_runs_says_where(self, ann: Owner, database: Database) -> None:
        made = await deploy(ann, environment="feature/x")
        await set_running(database, made["id"])

        shown = (await ann.http.get(f"/deployments/{made['id']}")).json()

        assert shown["url"].endswith(f"/app/{ann.id}~feature-x-217d2bf5")

    async def test_its_project_says_how_it_goes(self, ann: Owner, database: Database) -> None:
        made = await deploy(ann)
        waiting = (await ann.http.get(f"/projects/{ann.id}")).json()
        await set_running(database, made["id"])
        await ann.http.patch(f"/deployments/{made['id']}/promote")
        serving = (await ann.http.get(f"/projects/{ann.id}")).json()

        assert (waiting["status"], waiting["deployment_status"]) == ("building", "queued")
        assert (waiting["latest_commit_sha"], waiting["latest_task_id"]) == (SHA, made["id"])
        assert (serving["status"], serving["main_deploy_id"]) == ("active", made["id"])

    async def test_without_a_repository_nothing_is_deployed(
        self, ann: Owner, app: Litestar, nobody: httpx.AsyncClient
    ) -> None:
        token = await token_of(app, ann, whole_person=True)
        header = {"Authorization": f"Bearer {token}"}
        made = await nobody.post("/projects", json={"name": "kiosk"}, headers=header)

        answer = await ann.http.post(
            "/deployments", json={"project_id": made.json()["project"]["id"]}
        )

        assert answer.status_code == 400
        assert "repo_url" in answer.json()["error"]


class TestList:
    async def test_limit_and_offset_and_the_newest_first(self, ann: Owner, bob: Owner) -> None:
        made = [(await deploy(ann))["id"] for _ in range(3)][::-1]
        await deploy(bob)

        async def ids(**params: Any) -> list[str]:
            answer = await ann.http.get("/deployments", params=params)
            assert answer.status_code == 200, answer.text
            return [one["id"] for one in answer.json()["data"]]

        assert await ids() == made
        assert await ids(limit=2) == made[:2]
        assert await ids(limit=2, offset=2) == made[2:]
        assert await ids(limit=1000) == made
        assert await ids(limit=0) == []
        assert await ids(project_id=ann.id, environment="production") == made
        assert await ids(environment="pr-1") == []

    @pytest.mark.parametrize("query", ["limit=x", "offset=-1", "offset=x", "page=2"])
    async def test_what_is_no_number_is_rejected_by_its_name(self, ann: Owner, query: str) -> None:
        answer = await ann.http.get(f"/deployments?{query}")

        assert answer.status_code == 400
        assert answer.json()["error"].startswith(f"{query.partition('=')[0]}: ")

    async def test_those_of_another_project_are_not_there(self, ann: Owner, bob: Owner) -> None:
        answer = await ann.http.get("/deployments", params={"project_id": bob.id})

        assert said(answer) == (404, {"error": "project not found"})


@pytest.mark.parametrize(
    ("method", "end"),
    [
        *(("GET", ""), ("GET", "/events"), ("POST", "/rollback"), ("POST", "/restart")),
        *(("POST", "/cancel"), ("PATCH", "/promote"), ("DELETE", "")),
    ],
)
@pytest.mark.parametrize("whose", ["ann's", "nobody's", "no id"])
async def test_the_deployment_of_somebody_else_is_not_there(
    ann: Owner, bob: Owner, method: str, end: str, whose: str
) -> None:
    made = await deploy(ann)
    of = {"ann's": made["id"], "nobody's": NOWHERE, "no id": "x"}[whose]

    answer = await bob.http.request(method, f"/deployments/{of}{end}")

    assert said(answer) == NOT_FOUND
    assert (await ann.http.get(f"/deployments/{made['id']}")).json() == made


class TestChange:
    @pytest.mark.parametrize("again", ["rollback", "restart"])
    async def test_again_is_a_new_deployment_of_the_same_commit(
        self, ann: Owner, again: str
    ) -> None:
        made = await deploy(ann)

        answer = await ann.http.post(f"/deployments/{made['id']}/{again}")

        assert answer.status_code == 201
        found = answer.json()
        assert found["id"] != made["id"]
        assert (found["commit_sha"], found["status"]) == (SHA, "queued")
        assert (found["kind"], found["source_id"]) == (again, made["id"])

    async def test_cancelled_is_over_and_said_so_in_its_history(self, ann: Owner) -> None:
        made = await deploy(ann)

        answer = await ann.http.post(f"/deployments/{made['id']}/cancel")
        again = await ann.http.post(f"/deployments/{made['id']}/cancel")

        assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
        assert again.status_code == 409
        events = (await ann.http.get(f"/deployments/{made['id']}/events")).json()["data"]
        assert [one["status"] for one in events] == ["queued", "cancelled"]
        assert events[-1]["author"] == "ann@example.com"

    async def test_only_a_running_one_is_promoted(self, ann: Owner, database: Database) -> None:
        made = await deploy(ann)

        answer = await ann.http.patch(f"/deployments/{made['id']}/promote")
        await set_running(database, made["id"])
        after = await ann.http.patch(f"/deployments/{made['id']}/promote")

        error = "only running deployments can be promoted to default"
        assert said(answer) == (400, {"error": error})
        assert (after.status_code, after.json()["is_default"]) == (200, True)

    async def test_only_one_that_is_over_is_deleted(self, ann: Owner) -> None:
        made = await deploy(ann)
        path = f"/deployments/{made['id']}"

        early = await ann.http.delete(path)
        await ann.http.post(f"{path}/cancel")
        answer = await ann.http.delete(path)

        assert early.status_code == 409
        assert said(answer) == (200, {"message": "deleted"})
        assert said(await ann.http.get(path)) == NOT_FOUND


async def test_the_audit_log_says_who_did_what(ann: Owner, bob: Owner) -> None:
    made = await deploy(ann)
    await ann.http.post(f"/deployments/{made['id']}/cancel")
    await ann.http.delete(f"/deployments/{made['id']}")

    lines = (await ann.http.get("/audit")).json()["data"]
    last = (await ann.http.get("/audit", params={"limit": 1, "offset": 1})).json()["data"]

    assert [(one["action"], one["resource"]) for one in lines] == [
        ("delete", "deployment"),
        ("cancel", "deployment"),
        ("deploy", "deployment"),
        ("create", "project"),
    ]
    assert last == lines[1:2]
    assert {one["user_id"] for one in lines} == {ann.user["id"]}
    assert lines[0]["ip_addr"] == "127.0.0.1"
    assert made["id"] not in (await bob.http.get("/audit")).text


async def test_what_a_token_of_nobody_changed_is_read_by_admins_of_its_project(
    ann: Owner, bob: Owner, app: Litestar, connect: Client
) -> None:
    of_project, of_operator = connect(), connect()
    token = await token_of(app, ann, whole_person=False)
    of_project.headers["Authorization"] = f"Bearer {token}"
    of_operator.headers["Authorization"] = f"Bearer {await operator_token(app)}"
    by_project = (await of_project.post("/deployments", json={"project_id": ann.id})).json()["id"]
    by_operator = (await of_operator.post("/deployments", json={"project_id": bob.id})).json()["id"]

    async def read(client: httpx.AsyncClient) -> list[tuple[str, str, str]]:
        lines = (await client.get("/audit")).json()["data"]
        deployed = [one for one in lines if one["action"] == "deploy"]
        return [(one["resource_id"], one["author"], one["user_id"]) for one in deployed]

    ours, operators = (by_project, "token CI", ""), (by_operator, "token ops", "")
    assert await read(ann.http) == await read(of_project) == [ours]
    assert await read(bob.http) == []
    assert await read(of_operator) == [operators, ours]
    async with app.state.database.session() as session:
        await session.execute(update(Membership).values(role="user"))
    assert await read(ann.http) == []
    of_project.headers["Authorization"] = (
        f"Bearer {await token_of(app, ann, whole_person=False, scope='write')}"
    )
    assert (await of_project.get("/audit")).status_code == 403


class TestWhoMay:
    """`SLUICE_DEPLOY_BY`, for somebody who signed up, and for the seeded admin."""

    def changes(self, owner: Owner) -> list[tuple[str, str, dict[str, Any]]]:
        of = {"project_id": owner.id}
        return [
            ("POST", "/projects", {"name": "other", "repo_url": REPOSITORY}),
            ("PUT", f"/projects/{owner.id}", {"start_command": "sh"}),
            ("POST", f"/projects/{owner.id}/sync", {}),
            ("POST", "/deployments", of),
            ("POST", "/env", {**of, "key": "A", "value": "b"}),
            ("DELETE", "/env", {**of, "key": "A"}),
            ("POST", "/webhooks", of),
            ("PUT", "/notifications/config", of),
        ]

    @pytest.mark.parametrize("by", ["members", "admins"])
    async def test_who_signed_up_runs_nothing_and_is_told_the_setting(
        self, ann: Owner, app: Litestar, by: Any
    ) -> None:
        made = await deploy(ann)
        app.state.deploy_rules = DeployRules(by, is_default=False)
        again = f"/deployments/{made['id']}"
        more: list[tuple[str, str, dict[str, Any]]] = [
            ("POST", f"{again}/{one}", {}) for one in ("rollback", "restart")
        ]

        for method, path, body in [*self.changes(ann), *more, ("PATCH", f"{again}/promote", {})]:
            answer = await ann.http.request(method, path, json=body)
            assert answer.status_code == 403, path
            assert f"SLUICE_DEPLOY_BY={by}" in answer.json()["error"]
        assert (await ann.http.get(again)).status_code == 200
        assert (await ann.http.delete(f"/projects/{ann.id}")).status_code == 200

    @pytest.mark.parametrize("by", ["anyone", "members", "admins"])
    async def test_the_operator_may(
        self, operator: httpx.AsyncClient, app: Litestar, by: Any
    ) -> None:
        app.state.deploy_rules = DeployRules(by, is_default=False)
        form = {"name": "other", "repo_url": REPOSITORY}

        made = await operator.post("/projects", json=form)

        assert made.status_code == 201
        assert (
            await operator.post("/deployments", json={"project_id": made.json()["id"]})
        ).status_code == 201

    async def test_a_member_of_the_first_project_may_where_members_may(
        self, ann: Owner, app: Litestar, database: Database
    ) -> None:
        from uuid import UUID

        from controlplane.models import Installation

        async with database.session() as session:
            first = await session.scalar(select(Installation.initial_project_id))
            joined = Membership(user_id=UUID(ann.user["id"]), project_id=first, role="user")
            session.add(joined)
        form = {"project_id": ann.id}

        app.state.deploy_rules = DeployRules("members", is_default=False)
        assert (await ann.http.post("/deployments", json=form)).status_code == 201
        app.state.deploy_rules = DeployRules("admins", is_default=False)
        assert (await ann.http.post("/deployments", json=form)).status_code == 403
        async with database.session() as session:
            await session.execute(update(Membership).values(role="admin"))
        assert (await ann.http.post("/deployments", json=form)).status_code == 201

    async def test_by_default_what_comes_through_a_proxy_is_strangers(
        self, ann: Owner, app: Litestar
    ) -> None:
        app.state.deploy_rules = DeployRules("anyone", is_default=True)
        form, header = {"project_id": ann.id}, {"X-Forwarded-For": "192.0.2.7"}

        assert (await ann.http.post("/deployments", json=form)).status_code == 201
        answer = await ann.http.post("/deployments", json=form, headers=header)
        assert answer.status_code == 403
        app.state.deploy_rules = DeployRules("anyone", is_default=False)
        answer = await ann.http.post("/deployments", json=form, headers=header)
        assert answer.status_code == 201

    async def test_a_project_s_token_belongs_to_no_person(
        self, ann: Owner, app: Litestar, nobody: httpx.AsyncClient
    ) -> None:
        token = await token_of(app, ann, whole_person=False)
        nobody.headers["Authorization"] = f"Bearer {token}"
        app.state.deploy_rules = DeployRules("admins", is_default=False)

        answer = await nobody.post("/deployments", json={"project_id": ann.id})

        assert answer.status_code == 403


async def test_who_asks_too_often_is_told_how_long_to_wait(
    ann: Owner, bob: Owner, app: Litestar, connect: Client
) -> None:
    app.state.deploy_rates = Rates(3)

    answers = [await ann.http.get("/deployments") for _ in range(4)]

    assert [one.status_code for one in answers] == [200, 200, 200, 429]
    assert answers[-1].json() == {"error": "too many requests"}
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
    assert (await bob.http.get("/deployments")).status_code == 200, "others are not held up"
