"""Webhooks of git servers: made once, signed, and what pushes come to."""

import hashlib
import hmac
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

SHA, OTHER = "1" * 40, "2" * 40
GONE = "0" * 40


def said(answer: httpx.Response) -> tuple[int, Any]:
    return answer.status_code, answer.json()


async def hook_of(owner: Owner, provider: str = "github", **more: Any) -> dict[str, Any]:
    form = {"project_id": owner.id, "provider": provider, **more}
    made = await owner.http.post("/webhooks", json=form)
    assert made.status_code == 201, made.text
    found: dict[str, Any] = made.json()
    return found


def signed(hook: dict[str, Any], body: bytes, event: str, delivery: str = "") -> dict[str, str]:
    """Returns the headers that a git server sends."""
    digest = hmac.new(hook["secret"].encode(), body, hashlib.sha256).hexdigest()
    if hook["provider"] == "gitlab":
        found = {"X-Gitlab-Token": hook["secret"], "X-Gitlab-Event": event}
        return found | ({"X-Gitlab-Event-UUID": delivery} if delivery else {})
    name = hook["provider"].title().replace("Github", "GitHub")
    found = {f"X-{name}-Event": event}
    found |= {f"X-{name}-Delivery": delivery} if delivery else {}
    if hook["provider"] == "gitea":
        return found | {"X-Gitea-Signature": digest}
    return found | {"X-Hub-Signature-256": f"sha256={digest}"}


async def tell(
    client: httpx.AsyncClient, hook: dict[str, Any], event: str, told: Any, delivery: str = ""
) -> httpx.Response:
    body = json.dumps(told).encode()
    headers = signed(hook, body, event, delivery)
    return await client.post(f"/webhooks/{hook['id']}/receive", content=body, headers=headers)


def push(branch: str = "main", after: str = SHA, **more: Any) -> dict[str, Any]:
    head = {"id": after, "message": "Fix it"}
    return {"ref": f"refs/heads/{branch}", "after": after, "head_commit": head, **more}


def pull(action: str, head_repo: int = 1) -> dict[str, Any]:
    head = {"ref": "feature/x", "sha": OTHER, "repo": {"id": head_repo}}
    request = {"head": head, "base": {"repo": {"id": 1}}, "title": "Feature"}
    return {"action": action, "number": 12, "pull_request": request}


def merge(action: str, source: int = 1) -> dict[str, Any]:
    attributes = {
        **{"action": action, "iid": 12, "source_branch": "feature/x"},
        **{"source_project_id": source, "target_project_id": 1},
        "last_commit": {"id": OTHER, "message": "Feature"},
    }
    return {"object_kind": "merge_request", "object_attributes": attributes}


async def deployments(owner: Owner) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await owner.http.get("/deployments")).json()["data"]
    return found


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


class TestPreviews:
    @pytest.fixture(autouse=True)
    async def previews(self, ann: Owner) -> None:
        await ann.http.put(f"/projects/{ann.id}", json={"previews": True})

    @pytest.mark.parametrize(
        ("branch", "environment"),
        [
            ("feature/x", "feature/x"),
            ("production", "branch-production"),
            ("pr-12", "branch-pr-12"),
        ],
    )
    async def test_another_branch_has_its_own_and_ends_with_it(
        self, ann: Owner, nobody: httpx.AsyncClient, branch: str, environment: str
    ) -> None:
        made = await hook_of(ann)

        opened = await tell(nobody, made, "push", push(branch))
        (found,) = await deployments(ann)
        ended = await tell(nobody, made, "push", push(branch, GONE, deleted=True))

        assert (opened.json()["action"], found["environment"]) == ("preview", environment)
        assert ended.json()["action"] == "ended"
        (found,) = await deployments(ann)
        assert found["status"] == "cancelled"

    @pytest.mark.parametrize(
        ("provider", "event", "opens", "closes"),
        [
            ("github", "pull_request", pull("opened"), pull("closed")),
            ("gitea", "pull_request", pull("synchronized"), pull("closed")),
            ("gitlab", "Merge Request Hook", merge("open"), merge("merge")),
        ],
    )
    async def test_a_request_has_the_one_of_its_branch_and_ends_it(
        self,
        ann: Owner,
        nobody: httpx.AsyncClient,
        provider: str,
        event: str,
        opens: Any,
        closes: Any,
    ) -> None:
        made = await hook_of(ann, provider)

        await tell(nobody, made, event, opens)
        (found,) = await deployments(ann)
        await tell(nobody, made, event, closes)

        assert (found["environment"], found["branch"]) == ("feature/x", "feature/x")
        assert (found["commit_sha"], found["commit_msg"]) == (OTHER, "Feature")
        (found,) = await deployments(ann)
        assert found["status"] == "cancelled"

    async def test_a_push_and_its_request_are_one_preview_and_the_newest_commit_wins(
        self, ann: Owner, nobody: httpx.AsyncClient
    ) -> None:
        made = await hook_of(ann)

        first = await tell(nobody, made, "push", push("feature/x", SHA), "1")
        pushed = await tell(nobody, made, "push", push("feature/x", OTHER), "2")
        asked = await tell(nobody, made, "pull_request", pull("synchronize"), "3")

        assert asked.json() == pushed.json()
        found = {one["id"]: one for one in await deployments(ann)}
        assert {one["environment"] for one in found.values()} == {"feature/x"}
        assert found[first.json()["deployment_id"]]["status"] == "cancelled"
        assert found[pushed.json()["deployment_id"]]["commit_sha"] == OTHER

        await ann.http.post(f"/deployments/{pushed.json()['deployment_id']}/cancel")
        again = await tell(nobody, made, "pull_request", pull("reopened"), "4")

        assert again.json()["deployment_id"] not in found

    async def test_a_request_of_production_s_branch_has_no_preview(
        self, ann: Owner, nobody: httpx.AsyncClient
    ) -> None:
        await ann.http.put(f"/projects/{ann.id}", json={"branch": "feature/x"})
        made = await hook_of(ann)
        await tell(nobody, made, "push", push("feature/x"))

        opened = await tell(nobody, made, "pull_request", pull("opened"))
        await tell(nobody, made, "pull_request", pull("closed"))

        assert opened.json()["action"] == "ignored"
        (found,) = await deployments(ann)
        assert (found["environment"], found["status"]) == ("production", "queued")

    @pytest.mark.parametrize(
        ("provider", "event", "told"),
        [
            ("github", "pull_request", pull("opened", head_repo=2)),
            ("gitea", "pull_request", pull("opened", head_repo=2)),
            ("gitlab", "Merge Request Hook", merge("open", source=2)),
        ],
    )
    async def test_the_code_of_strangers_is_never_deployed(
        self, ann: Owner, nobody: httpx.AsyncClient, provider: str, event: str, told: Any
    ) -> None:
        made = await hook_of(ann, provider)

        answer = await tell(nobody, made, event, told)

        assert answer.json()["action"] == "ignored"
        assert await deployments(ann) == []

    async def test_a_deleted_branch_ends_no_production(
        self, ann: Owner, nobody: httpx.AsyncClient
    ) -> None:
        made = await hook_of(ann)
        await tell(nobody, made, "push", push())

        await tell(nobody, made, "push", push("production", GONE, deleted=True))
        await tell(nobody, made, "push", push("main", GONE, deleted=True))

        (found,) = await deployments(ann)
        assert found["status"] == "queued"


async def test_the_operator_s_token_removes_one_by_its_id(
    ann: Owner, app: Litestar, nobody: httpx.AsyncClient
) -> None:
    hook = await hook_of(ann)
    nobody.headers["Authorization"] = f"Bearer {await operator_token(app)}"

    removed = await nobody.delete(f"/webhooks/{hook['id']}")

    assert removed.status_code == 204
    assert (await ann.http.get("/webhooks")).json() == []
