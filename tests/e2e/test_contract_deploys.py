"""The acceptance list of Pushpaka's seed page (contract 2.g), over HTTP against a server.

What a deployment comes to, and its log, are other tests'.
"""

import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import httpx
import pytest

from tests.e2e.server import PASSWORD, Server

SEED_PROJECT = {
    **{"name": "my-app", "repo_url": "https://github.com/user/repo", "branch": "main"},
    **{"build_command": "npm run build", "start_command": "npm start", "port": 3000},
    "framework": "nextjs",
}
"""As the seed page has it."""
UNKNOWN = "00000000-0000-4000-8000-000000000000"
VALUE = "postgres://canary-of-a-value"
LIMIT = 300


class Person(NamedTuple):
    """Somebody who has registered, with a project."""

    http: httpx.Client
    token: str
    user: dict[str, Any]
    project_id: str


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of its own: one person's limit is used up here."""
    settings = {"DEPLOY_REQUESTS_PER_MINUTE": str(LIMIT), "SIGNUPS_PER_HOUR": "100"}
    with Server(tmp_path_factory.mktemp("deploys") / "data", settings=settings) as running:
        yield running


@pytest.fixture(scope="module")
def nobody(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{server.url}/api/v1") as client:
        yield client


@pytest.fixture(scope="module")
def jane(nobody: httpx.Client) -> Iterator[Person]:
    yield from registered(nobody, "jane")


@pytest.fixture(scope="module")
def mallory(nobody: httpx.Client) -> Iterator[Person]:
    yield from registered(nobody, "mallory")


def registered(nobody: httpx.Client, name: str) -> Iterator[Person]:
    form = {"email": f"{name}@example.com", "name": name.title(), "password": PASSWORD}
    answer = nobody.post("/auth/register", json=form)
    assert answer.status_code == 201, answer.text
    token, user = answer.json()["token"], answer.json()["user"]
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=nobody.base_url, headers=headers) as client:
        made = client.post("/projects", json=SEED_PROJECT)
        assert made.status_code == 201, made.text
        yield Person(client, token, user, made.json()["id"])


def said(answer: httpx.Response) -> tuple[int, Any]:
    return answer.status_code, answer.json()


def test_registering_answers_a_token_and_the_person(jane: Person) -> None:
    assert jane.token.startswith("eyJ")
    assert {"id", "email", "name", "role", "created_at"} <= set(jane.user)
    assert jane.user["role"] == "user"


def test_a_second_account_of_an_email_is_a_conflict(jane: Person, nobody: httpx.Client) -> None:
    form = {"email": jane.user["email"], "name": "Jane", "password": PASSWORD}

    answer = nobody.post("/auth/register", json=form)

    assert said(answer) == (409, {"error": "user with this email already exists"})


def test_logging_in_and_a_wrong_password(jane: Person, nobody: httpx.Client) -> None:
    form = {"email": jane.user["email"], "password": PASSWORD}

    right = nobody.post("/auth/login", json=form)
    wrong = nobody.post("/auth/login", json=form | {"password": "wrong horse"})

    assert right.status_code == 200
    assert set(right.json()) == {"token", "user"}
    assert said(wrong) == (401, {"error": "invalid email or password"})


@pytest.mark.parametrize(
    "path", ["/projects", "/deployments", "/domains", "/env", "/webhooks", "/audit"]
)
def test_without_a_token_nothing_is_answered(nobody: httpx.Client, path: str) -> None:
    assert said(nobody.get(path)) == (401, {"error": "authorization required"})


def test_a_token_in_the_address_is_in_no_log(jane: Person, server: Server) -> None:
    with httpx.Client() as client:
        answer = client.get(f"{server.url}/api/v1/projects", params={"token": jane.token})

    assert answer.status_code == 200
    assert jane.token not in server.output.read_text(encoding="utf-8")


class TestProjects:
    def test_made_listed_shown_and_deleted_with_its_deployments(self, jane: Person) -> None:
        made = jane.http.post("/projects", json=SEED_PROJECT | {"name": "short-lived"})
        assert made.status_code == 201
        project_id = made.json()["id"]
        deployed = jane.http.post("/deployments", json={"project_id": project_id}).json()

        assert project_id in [one["id"] for one in jane.http.get("/projects").json()["data"]]
        assert jane.http.get(f"/projects/{project_id}").status_code == 200
        deleted = jane.http.delete(f"/projects/{project_id}")

        assert said(deleted) == (200, {"message": "project deleted"})
        missing = (404, {"error": "project not found"})
        assert said(jane.http.get(f"/projects/{project_id}")) == missing
        gone = jane.http.get(f"/deployments/{deployed['id']}")
        assert said(gone) == (404, {"error": "deployment not found"})
        assert deployed["id"] not in jane.http.get("/deployments").text

    def test_what_the_seed_page_sends_comes_back(self, jane: Person) -> None:
        found = jane.http.get(f"/projects/{jane.project_id}").json()

        assert {name: found[name] for name in SEED_PROJECT} == SEED_PROJECT
        assert found["status"] in ("inactive", "building", "stopped", "active")

    def test_those_of_others_are_not_there(self, mallory: Person, jane: Person) -> None:
        for method in ("GET", "PUT", "DELETE"):
            answer = mallory.http.request(method, f"/projects/{jane.project_id}", json={})
            assert said(answer) == (404, {"error": "project not found"})


class TestDeployments:
    def test_asked_for_it_is_queued(self, jane: Person) -> None:
        form = {"project_id": jane.project_id, "branch": "main", "commit_sha": "abc1234"}

        answer = jane.http.post("/deployments", json=form)

        assert answer.status_code == 201
        assert (answer.json()["status"], answer.json()["commit_sha"]) == ("queued", "abc1234")

    def test_of_an_unknown_project_it_is_not_found(self, jane: Person) -> None:
        answer = jane.http.post("/deployments", json={"project_id": UNKNOWN})

        assert said(answer) == (404, {"error": "project not found"})

    def test_pages_of_the_list_do_not_overlap(self, jane: Person) -> None:
        for _ in range(3):
            jane.http.post("/deployments", json={"project_id": jane.project_id})

        first = jane.http.get("/deployments", params={"limit": 2}).json()["data"]
        second = jane.http.get("/deployments", params={"limit": 2, "offset": 2}).json()["data"]

        assert (len(first), 0 < len(second) <= 2) == (2, True)
        times = [one["created_at"] for one in first + second]
        assert times == sorted(times, reverse=True)
        assert {one["id"] for one in first}.isdisjoint(one["id"] for one in second)

    @pytest.mark.parametrize("deployment_id", [UNKNOWN, "x"])
    def test_an_unknown_one_is_not_found(self, jane: Person, deployment_id: str) -> None:
        for method, end in (("GET", ""), ("POST", "/rollback"), ("DELETE", "")):
            answer = jane.http.request(method, f"/deployments/{deployment_id}{end}")
            assert said(answer) == (404, {"error": "deployment not found"})

    def test_a_rollback_is_a_new_one_of_the_same_commit(self, jane: Person) -> None:
        form = {"project_id": jane.project_id, "commit_sha": "abc1234"}
        made = jane.http.post("/deployments", json=form).json()

        answer = jane.http.post(f"/deployments/{made['id']}/rollback")

        assert answer.status_code == 201
        assert answer.json()["id"] != made["id"]
        assert answer.json()["commit_sha"] == "abc1234"


class TestDomains:
    def test_added_once_listed_and_removed(self, jane: Person) -> None:
        form = {"project_id": jane.project_id, "domain": "app.yourdomain.com"}

        made, again = jane.http.post("/domains", json=form), jane.http.post("/domains", json=form)
        listed = jane.http.get("/domains").json()["data"]
        removed = jane.http.delete(f"/domains/{made.json()['id']}")

        assert (made.status_code, made.json()["verified"]) == (201, False)
        assert said(again) == (409, {"error": "domain already registered"})
        assert [one["domain"] for one in listed] == ["app.yourdomain.com"]
        assert said(removed) == (200, {"message": "domain removed"})
        assert jane.http.post("/domains", json=form).status_code == 201, "it may be added again"


class TestEnv:
    def test_a_value_is_set_masked_and_deleted_with_a_body(
        self, jane: Person, server: Server
    ) -> None:
        name = {"project_id": jane.project_id, "key": "DATABASE_URL"}

        made = jane.http.post("/env", json=name | {"value": VALUE})
        listed = jane.http.get("/env", params={"project_id": jane.project_id})
        deleted = jane.http.request("DELETE", "/env", json=name)

        assert (made.status_code, made.json()["has_value"]) == (200, True)
        assert [one["key"] for one in listed.json()["data"]] == ["DATABASE_URL"]
        assert VALUE not in made.text + listed.text
        assert said(deleted) == (200, {"message": "env var deleted"})
        assert VALUE not in server.output.read_text(encoding="utf-8")
        held = b"".join(file.read_bytes() for file in server.data_dir.glob("control.db*"))
        assert VALUE.encode() not in held


def test_a_push_is_deployed(jane: Person, nobody: httpx.Client) -> None:
    form = {"project_id": jane.project_id, "provider": "github"}
    hook = jane.http.post("/webhooks", json=form).json()
    body = json.dumps({"ref": "refs/heads/main", "after": "1" * 40}).encode()
    digest = hmac.new(hook["secret"].encode(), body, hashlib.sha256).hexdigest()
    headers = {"X-GitHub-Event": "push", "X-GitHub-Delivery": "d-1"}
    path = f"/webhooks/{hook['id']}/receive"

    wrong = nobody.post(path, content=body, headers=headers)
    headers |= {"X-Hub-Signature-256": f"sha256={digest}"}
    taken = [nobody.post(path, content=body, headers=headers) for _ in range(2)]

    assert said(wrong) == (401, {"error": "invalid signature"})
    assert [one.status_code for one in taken] == [200, 200]
    ids = {one.json()["deployment_id"] for one in taken}
    assert len(ids) == 1, "the same delivery deploys once"
    assert jane.http.get(f"/deployments/{ids.pop()}").json()["commit_sha"] == "1" * 40


def test_health_ready_and_metrics(nobody: httpx.Client) -> None:
    health, ready, metrics = (nobody.get(f"/{one}") for one in ("health", "ready", "metrics"))

    assert health.status_code == 200
    assert health.json()["status"] == "ok"
    assert health.json()["checks"] == {"database": True, "redis": True}
    assert health.json()["version"].startswith("v")
    assert said(ready) == (200, {"status": "ready"})
    assert metrics.headers["content-type"].startswith("text/plain")
    assert "# TYPE sluice_" in metrics.text


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/auth/register", b"{"),
        ("POST", "/auth/login", b"[]"),
        ("POST", "/projects", b"{}"),
        ("POST", "/deployments", b'{"project_id":1}'),
        ("POST", "/env", b"null"),
        ("GET", "/env", b""),
        ("GET", "/deployments?limit=x", b""),
        ("DELETE", "/env", b"{}"),
    ],
)
def test_every_error_has_one_key_and_what_breaks_a_rule_is_400(
    jane: Person, method: str, path: str, body: bytes
) -> None:
    answer = jane.http.request(method, path, content=body)

    assert answer.status_code == 400
    assert list(answer.json()) == ["error"]


def test_answers_carry_the_headers_that_protect_browsers(nobody: httpx.Client) -> None:
    headers = nobody.get("/projects").headers

    assert headers["x-frame-options"] == "DENY"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "content-security-policy" in headers


def test_after_the_limit_it_is_429_with_a_time_to_wait(mallory: Person, jane: Person) -> None:
    statuses = []
    for _ in range(2 * LIMIT + 1):
        answer = mallory.http.get("/audit", params={"limit": 1})
        statuses.append(answer.status_code)
        if answer.status_code == 429:
            break

    assert statuses[-1] == 429
    assert said(answer) == (429, {"error": "too many requests"})
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    assert jane.http.get("/audit").status_code == 200, "others are not held up"
