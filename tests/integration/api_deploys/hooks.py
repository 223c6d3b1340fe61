"""What git servers send: signed as they do it."""

import hashlib
import hmac
import json
from typing import Any

import httpx

from tests.integration.api_deploys.conftest import Owner

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
