"""Apps of a running server: each has a repository, pushes to it, and what came of them."""

import asyncio
import hashlib
import hmac
import json
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import httpx
from websockets.exceptions import ConnectionClosedOK
from websockets.sync.client import connect

from tests.e2e.server import Server, wait_for
from tests.integration.deploys.runner.repositories import Repository, serve_git

WITHIN_S = 60.0
OVER = ("running", "failed", "stopped", "cancelled")
PAGE = 100
"""Lines that are asked for at a time: fewer than a log has."""


@contextmanager
def git_served(root: Path, token: str) -> Iterator[str]:
    """Serves the repositories of a folder by `git http-backend`, in a thread; gives the address."""
    loop, ready, over = asyncio.new_event_loop(), threading.Event(), asyncio.Event()
    found: list[str] = []

    async def serve() -> None:
        async with serve_git(root, token) as server:
            found.append(server.url)
            ready.set()
            await over.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    assert ready.wait(WITHIN_S)
    try:
        yield found[0]
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
        loop.close()


class Owner:
    """Somebody with an account, whose apps come from one git server."""

    def __init__(self, server: Server, repositories: Path, git_url: str, git_token: str) -> None:
        self.server, self.git_url, self.git_token = server, git_url, git_token
        self.repositories = repositories
        self.email, self.password = "jane@example.com", f"horse battery {secrets.token_hex(8)}"
        form = {"email": self.email, "name": "Jane", "password": self.password}
        made = server.client(None).post("/api/v1/auth/register", json=form)
        assert made.status_code == 201, made.text
        self.token = str(made.json()["token"])

    def call(self, method: str, path: str, form: Any = None) -> Any:
        """Asks the API of deployments; returns what a success answers."""
        answer = self._http().request(method, path, json=form)
        assert answer.status_code < 300, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def _http(self) -> httpx.Client:
        # One for each call: several threads tell their stories at a time.
        client = self.server.client(self.token, timeout_s=WITHIN_S)
        client.base_url = httpx.URL(f"{self.server.url}/api/v1")
        return client


class App:
    """A project that is deployed from a repository of its own, by the webhook of a git server."""

    def __init__(
        self,
        owner: Owner,
        name: str,
        *,
        provider: str = "github",
        variables: Mapping[str, str] | None = None,
        **config: Any,
    ) -> None:
        self.owner, self.name = owner, name
        self.repository = Repository(owner.repositories / f"{name}.git")
        form = {
            "name": name,
            "repo_url": f"{owner.git_url}/{name}.git",
            "git_token": owner.git_token,
            "branch": "main",
            "monitor": False,
            **config,
        }
        self.id = str(owner.call("POST", "/projects", form)["id"])
        for key, value in (variables or {}).items():
            owner.call("POST", "/env", {"project_id": self.id, "key": key, "value": value})
        hook = {"project_id": self.id, "provider": provider}
        self.hook = owner.call("POST", "/webhooks", hook)

    def push(self, files: Mapping[str, str], message: str = "A change") -> str:
        """Commits files and tells the webhook, signed; returns the id of the deployment."""
        sha = self.repository.commit(files, message)
        head = {"id": sha, "message": message}
        told = {"ref": "refs/heads/main", "after": sha, "head_commit": head, "object_kind": "push"}
        body = json.dumps(told).encode()
        headers = _signed(self.hook, body, delivery=sha)
        with httpx.Client(timeout=WITHIN_S, trust_env=False, verify=False) as client:
            answer = client.post(self.hook["webhook_url"], content=body, headers=headers)
        assert answer.status_code == 200, answer.text
        assert answer.json()["action"] == "deployed"
        return str(answer.json()["deployment_id"])

    def deployed(self, files: Mapping[str, str]) -> dict[str, Any]:
        """Pushes, and returns the deployment once it is over or serves."""
        return self.outcome(self.push(files))

    def outcome(self, deployment_id: str) -> dict[str, Any]:
        """Returns a deployment once it is over or serves."""

        def found() -> dict[str, Any] | None:
            one: dict[str, Any] = self.owner.call("GET", f"/deployments/{deployment_id}")
            return one if one["status"] in OVER else None

        return wait_for(found, f"{self.name} to be deployed", timeout_s=WITHIN_S) or {}

    def rolled_back(self, deployment_id: str) -> dict[str, Any]:
        """Goes back to an earlier deployment, and returns the one that does it."""
        asked = self.owner.call("POST", f"/deployments/{deployment_id}/rollback")
        return self.outcome(asked["id"])

    def events(self, deployment_id: str) -> list[dict[str, Any]]:
        """Returns what happened to a deployment, the oldest first."""
        found: list[dict[str, Any]] = self.owner.call(
            "GET", f"/deployments/{deployment_id}/events"
        )["data"]
        return found

    def lines(self, deployment_id: str) -> list[dict[str, Any]]:
        """Returns the log of a deployment, page by page."""
        found: list[dict[str, Any]] = []
        after: int | None = 0
        while after is not None:
            path = f"/logs/{deployment_id}?limit={PAGE}&after_seq={after}"
            page = self.owner.call("GET", path)
            found += page["data"]
            after = page["next_after_seq"]
        return found

    def said(self, deployment_id: str) -> str:
        """Returns the text of a log."""
        return "\n".join(one["message"] for one in self.lines(deployment_id))

    def frames(self, deployment_id: str, until: Callable[[str], bool]) -> list[str]:
        """Follows a log by its WebSocket; returns the frames, up to one or the end."""
        found: list[str] = []
        url = f"{self.owner.server.url}/api/v1/logs/{deployment_id}/stream"
        headers = {"Authorization": f"Bearer {self.owner.token}"}
        ws = url.replace("http", "ws", 1)
        with connect(ws, additional_headers=headers, proxy=None) as socket:
            while not found or not until(found[-1]):
                try:
                    found.append(str(socket.recv(timeout=WITHIN_S)))
                except ConnectionClosedOK:
                    break
        return found

    def get(self, path: str = "/") -> httpx.Response:
        """Asks the app by its route."""
        return httpx.get(
            f"{self.owner.server.url}/app/{self.id}{path}",
            timeout=WITHIN_S,
            trust_env=False,
            verify=False,
        )


class Load:
    """Asks an app without a pause from several threads, for as long as the context lasts."""

    def __init__(self, app: App, threads: int = 2) -> None:
        self._app = app
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(threads)]
        self.answers: list[tuple[int, str]] = []

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _ask(self) -> None:
        url = f"{self._app.owner.server.url}/app/{self._app.id}/"
        with httpx.Client(timeout=30, trust_env=False, verify=False) as client:
            # A pause: on two cores nothing else would get on beside it.
            while not self._over.wait(0.01):
                try:
                    answer = client.get(url)
                    self.answers.append((answer.status_code, answer.text))
                except httpx.HTTPError as error:
                    self.answers.append((0, repr(error)))


def _signed(hook: Mapping[str, str], body: bytes, delivery: str) -> dict[str, str]:
    """Returns the headers with which GitHub, GitLab and Gitea send a push."""
    digest = hmac.new(hook["secret"].encode(), body, hashlib.sha256).hexdigest()
    match hook["provider"]:
        case "github":
            return {
                "X-GitHub-Event": "push",
                "X-GitHub-Delivery": delivery,
                "X-Hub-Signature-256": f"sha256={digest}",
            }
        case "gitlab":
            return {
                "X-Gitlab-Event": "Push Hook",
                "X-Gitlab-Event-UUID": delivery,
                "X-Gitlab-Token": hook["secret"],
            }
        case _:
            return {
                "X-Gitea-Event": "push",
                "X-Gitea-Delivery": delivery,
                "X-Gitea-Signature": digest,
            }
