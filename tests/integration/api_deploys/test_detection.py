"""`POST /detect`: where it looks, for whom, and with whose token."""

from typing import Any

import httpx
import pytest
from litestar import Litestar

from api.deploys.callers import DeployRules
from schemas.deploys.looking import Detected, NotDetected, Wanted
from tests.integration.api_deploys.conftest import REPOSITORY, Owner, token_of

OTHER = "https://git.example/other.git"
TOKEN = "canary-token-91c2"
FOUND = Detected(
    kind="command",
    install_command="pip install -r requirements.txt",
    build_command="",
    start_command="gunicorn app:app",
    output_folder="",
    health_path="/",
    run_dir="",
    language="python",
    framework="flask",
    package_manager="pip",
    why="<script>alert(1)</script>",
    branch="main",
    commit_sha="1" * 40,
    commit_msg="First",
)


class Looks:
    """Stands for what looks at repositories, which is tried with real ones elsewhere."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, Wanted]] = []
        self.found: Detected | NotDetected = FOUND

    async def look(self, who: str, wanted: Wanted) -> Detected | NotDetected:
        self.seen.append((who, wanted))
        return self.found


@pytest.fixture
def looks(app: Litestar) -> Looks:
    made = Looks()
    app.state.look = made.look
    return made


async def detect(client: httpx.AsyncClient, **form: Any) -> httpx.Response:
    return await client.post("/detect", json=form)


async def test_it_answers_what_was_found(ann: Owner, looks: Looks) -> None:
    answer = await detect(ann.http, repo_url=REPOSITORY, branch="dev", run_dir="web")

    assert answer.status_code == 200
    assert answer.json()["start_command"] == "gunicorn app:app"
    wanted = Wanted(repo_url=REPOSITORY, branch="dev", run_dir="web")
    assert looks.seen == [(ann.user["id"], wanted)]


async def test_what_is_wrong_is_said_of_its_field(ann: Owner, looks: Looks) -> None:
    looks.found = NotDetected("branch", "The repository has no branch or tag 'x'")

    answer = await detect(ann.http, repo_url=REPOSITORY, branch="x")

    assert answer.status_code == 400
    assert answer.json() == {"error": "branch: The repository has no branch or tag 'x'"}


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({}, "repo_url"),
        ({"repo_url": "/etc"}, "repo_url"),
        ({"repo_url": "http://127.0.0.1/x.git"}, "repo_url"),
        ({"repo_url": REPOSITORY, "branch": "--upload-pack=x"}, "branch"),
        ({"repo_url": REPOSITORY, "run_dir": "../x"}, "run_dir"),
        ({"repo_url": REPOSITORY, "git_token": "a b"}, "git_token"),
    ],
)
async def test_what_no_app_may_have_is_not_looked_at(
    ann: Owner, looks: Looks, form: dict[str, str], field: str
) -> None:
    answer = await detect(ann.http, **form)

    assert answer.status_code == 400
    assert answer.json()["error"].startswith(f"{field}: ")
    assert looks.seen == []


async def test_a_kept_token_goes_to_its_own_repository_alone(ann: Owner, looks: Looks) -> None:
    await ann.http.put(f"/projects/{ann.id}", json={"git_token": TOKEN})

    await detect(ann.http, project_id=ann.id)
    await detect(ann.http, project_id=ann.id, repo_url=OTHER)
    await detect(ann.http, repo_url=REPOSITORY)

    sent = [(wanted.repo_url, wanted.git_token) for _, wanted in looks.seen]
    assert sent == [(REPOSITORY, TOKEN), (OTHER, ""), (REPOSITORY, "")]


async def test_nobody_looks_as_a_project_of_somebody_else(
    ann: Owner, bob: Owner, app: Litestar, nobody: httpx.AsyncClient, looks: Looks
) -> None:
    theirs = await detect(bob.http, project_id=ann.id)
    nobody.headers["Authorization"] = (
        f"Bearer {await token_of(app, bob, whole_person=False, scope='admin')}"
    )
    by_token = await detect(nobody, project_id=ann.id)

    assert (theirs.status_code, by_token.status_code) == (404, 404)
    assert looks.seen == []


async def test_who_may_deploy_nothing_looks_at_nothing(
    ann: Owner, app: Litestar, nobody: httpx.AsyncClient, looks: Looks
) -> None:
    app.state.deploy_rules = DeployRules("members", is_default=False)

    assert (await detect(ann.http, repo_url=REPOSITORY)).status_code == 403
    assert (await detect(ann.http, project_id=ann.id)).status_code == 403
    assert (await detect(nobody, repo_url=REPOSITORY)).status_code == 401
    assert looks.seen == []
