"""Webhooks of git servers: made once, signed, and what pushes come to."""

import json
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from litestar import Litestar
from sqlalchemy import select

from api.deploys.callers import DeployRules
from controlplane.attempts import AttemptLimits, AttemptRates
from controlplane.database import Database
from controlplane.deploys import models
from tests.integration.api_deploys.conftest import Client, Owner, operator_token
from tests.integration.api_deploys.hooks import (
    OTHER,
    SHA,
    deployments,
    hook_of,
    pull,
    push,
    said,
    signed,
    tell,
)


class TestManage:
    async def test_its_secret_is_shown_once(self, ann: Owner, database: Database) -> None:
        made = await hook_of(ann, branch="trunk")

        listed = await ann.http.get("/webhooks")

        assert len(made["secret"]) >= 32
        assert made["webhook_url"].endswith(f"/api/v1/webhooks/{made['id']}/receive")
        assert listed.json() == [{k: v for k, v in made.items() if k != "secret"}]
        async with database.reading() as session:
            row = (await session.scalars(select(models.GitWebhook))).one()
        assert made["secret"].encode() not in row.sealed_secret
        assert made["secret"] not in (await ann.http.get("/audit")).text

    async def test_others_see_and_remove_none_of_it(self, ann: Owner, bob: Owner) -> None:
        made = await hook_of(ann)

        assert (await bob.http.get("/webhooks")).json() == []
        removed = await bob.http.delete(f"/webhooks/{made['id']}")
        assert said(removed) == (404, {"error": "webhook not found"})
        form = {"project_id": ann.id}
        assert (await bob.http.post("/webhooks", json=form)).status_code == 404

    async def test_a_removed_one_takes_nothing_more(
        self, ann: Owner, nobody: httpx.AsyncClient
    ) -> None:
        made = await hook_of(ann)

        assert (await ann.http.delete(f"/webhooks/{made['id']}")).status_code == 204
        answer = await tell(nobody, made, "push", push())
        assert said(answer) == (404, {"error": "webhook not found"})

    async def test_another_provider_is_rejected(self, ann: Owner) -> None:
        form = {"project_id": ann.id, "provider": "svn"}

        answer = await ann.http.post("/webhooks", json=form)

        error = "provider: expected one of github, gitlab, gitea"
        assert said(answer) == (400, {"error": error})


class TestProof:
    @pytest.mark.parametrize("provider", ["github", "gitlab", "gitea"])
    async def test_without_the_secret_nothing_is_taken(
        self, ann: Owner, nobody: httpx.AsyncClient, provider: str
    ) -> None:
        made = await hook_of(ann, provider)
        body = json.dumps(push()).encode()
        right = signed(made, body, "push")
        path = f"/webhooks/{made['id']}/receive"
        wrong = [
            {k: v for k, v in right.items() if "Signature" not in k and "Token" not in k},
            signed({**made, "secret": "guessed"}, body, "push"),
            {**right, "X-Hub-Signature-256": "", "X-Gitea-Signature": "", "X-Gitlab-Token": "e"},
        ]

        answers = [await nobody.post(path, content=body, headers=one) for one in wrong]
        if provider != "gitlab":  # whose proof says nothing of the body
            answers.append(await nobody.post(path, content=body + b" ", headers=right))

        assert {one.status_code for one in answers} == {401}
        assert answers[0].json() == {"error": "invalid signature"}
        assert await deployments(ann) == []

    async def test_guessing_is_limited(self, ann: Owner, app: Litestar, connect: Client) -> None:
        made = await hook_of(ann)
        app.state.attempts = AttemptLimits(AttemptRates(per_address=2))
        client = connect("192.0.2.7")

        wrong = [await tell(client, made | {"secret": "x"}, "push", push()) for _ in range(3)]

        assert [one.status_code for one in wrong] == [401, 401, 429]
        assert (await tell(connect("192.0.2.8"), made, "push", push())).status_code == 200

    async def test_a_body_may_have_a_mebibyte(self, ann: Owner, nobody: httpx.AsyncClient) -> None:
        made = await hook_of(ann)

        fits = await tell(nobody, made, "push", push(padding="x" * 900_000))
        too_large = await tell(nobody, made, "push", push(padding="x" * (1 << 20)))

        assert (fits.status_code, too_large.status_code) == (200, 413)

    @pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b'{"ref":1,"after":[]}'])
    async def test_a_signed_body_of_another_form_is_rejected_or_ignored(
        self, ann: Owner, nobody: httpx.AsyncClient, body: bytes
    ) -> None:
        made = await hook_of(ann)
        headers = signed(made, body, "push")

        answer = await nobody.post(f"/webhooks/{made['id']}/receive", content=body, headers=headers)

        assert answer.status_code in (200, 400)
        assert await deployments(ann) == []


class TestPushes:
    @pytest.mark.parametrize(
        ("provider", "event", "told"),
        [
            ("github", "push", push()),
            ("gitea", "push", push(commits=[{"id": SHA, "message": "Fix it"}])),
            (
                "gitlab",
                "Push Hook",
                {
                    **{"object_kind": "push", "ref": "refs/heads/main", "after": SHA},
                    "commits": [{"id": OTHER, "message": "x"}, {"id": SHA, "message": "Fix it"}],
                },
            ),
        ],
    )
    async def test_a_push_of_the_branch_is_deployed_with_its_commit(
        self, ann: Owner, nobody: httpx.AsyncClient, provider: str, event: str, told: Any
    ) -> None:
        made = await hook_of(ann, provider)

        answer = await tell(nobody, made, event, told)

        assert answer.status_code == 200
        (found,) = await deployments(ann)
        assert answer.json() == {"ok": True, "action": "deployed", "deployment_id": found["id"]}
        assert (found["commit_sha"], found["commit_msg"]) == (SHA, "Fix it")
        assert (found["environment"], found["origin"]) == ("production", "webhook")
        (hook,) = (await ann.http.get("/webhooks")).json()
        assert hook["received_at"] is not None

    @pytest.mark.parametrize("provider", ["github", "gitlab", "gitea"])
    async def test_the_same_delivery_deploys_once(
        self, ann: Owner, nobody: httpx.AsyncClient, provider: str
    ) -> None:
        made = await hook_of(ann, provider)
        told = push(object_kind="push")

        ids = {
            (await tell(nobody, made, "push", told, one)).json()["deployment_id"]
            for one in ("d-1", "d-1", "d-2", "d-1")
        }

        assert len(ids) == 2
        assert len(await deployments(ann)) == 2

    async def test_github_s_older_form_is_read(self, ann: Owner, nobody: httpx.AsyncClient) -> None:
        made = await hook_of(ann)
        body = urlencode({"payload": json.dumps(push())}).encode()
        headers = signed(made, body, "push")
        headers |= {"Content-Type": "application/x-www-form-urlencoded"}

        answer = await nobody.post(f"/webhooks/{made['id']}/receive", content=body, headers=headers)

        assert answer.json()["action"] == "deployed"

    @pytest.mark.parametrize(
        ("event", "told"),
        [
            ("ping", {"zen": "x"}),
            ("push", push(branch="other")),
            ("push", {**push(), "ref": "refs/tags/v1"}),
            ("issues", {}),
            ("pull_request", pull("opened")),
        ],
    )
    async def test_what_is_not_for_production_is_ignored_without_previews(
        self, ann: Owner, nobody: httpx.AsyncClient, event: str, told: Any
    ) -> None:
        made = await hook_of(ann)

        answer = await tell(nobody, made, event, told)

        assert said(answer) == (200, {"ok": True, "action": "ignored", "deployment_id": ""})
        assert await deployments(ann) == []

    async def test_a_branch_with_the_name_of_an_option_is_ignored(
        self, ann: Owner, nobody: httpx.AsyncClient
    ) -> None:
        await ann.http.put(f"/projects/{ann.id}", json={"previews": True})
        made = await hook_of(ann)

        answer = await tell(nobody, made, "push", push(branch="--upload-pack=x"))

        assert answer.json()["action"] == "ignored"

    async def test_who_may_not_deploy_any_more_pushes_to_no_effect(
        self, ann: Owner, nobody: httpx.AsyncClient, app: Litestar
    ) -> None:
        made = await hook_of(ann)
        app.state.deploy_rules = DeployRules("admins", is_default=False)

        answer = await tell(nobody, made, "push", push())

        assert answer.status_code == 403
        assert "SLUICE_DEPLOY_BY" in answer.json()["error"]


async def test_the_operator_s_token_removes_one_by_its_id(
    ann: Owner, app: Litestar, nobody: httpx.AsyncClient
) -> None:
    hook = await hook_of(ann)
    nobody.headers["Authorization"] = f"Bearer {await operator_token(app)}"

    removed = await nobody.delete(f"/webhooks/{hook['id']}")

    assert removed.status_code == 204
    assert (await ann.http.get("/webhooks")).json() == []
