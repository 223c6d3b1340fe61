"""From a push to what serves: real repositories and processes behind one `sluice up`.

Each app has a story, and all are told at the same time. The tests ask what came of them.
"""

import asyncio
import json
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar

from deploys.settings import DeployerSettings
from deploys.starting import open_driver
from sluice.web import ingest_routes, out_routes
from tests.components.processes import first_app_port
from tests.e2e.git_apps import App, Owner, git_served
from tests.e2e.leaks import Commands, Secrets, files_of, rows_of
from tests.e2e.server import Server
from tests.e2e.stories import HEALTH_S, LINES, NEVER, PHASES, STORIES, Journey, Shop, Teller, Told

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def journey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journey]:
    folder = tmp_path_factory.mktemp("journey")
    settings = {
        "DEPLOY_DRIVER": "process",
        "DEPLOY_PARALLEL": str(len(STORIES)),
        "DEPLOY_HEALTH_TIMEOUT_S": str(HEALTH_S),
        "DEPLOY_FIRST_PORT": str(first_app_port()),
        "PRIVATE_TARGETS": "allow",
        "ACCESS_LOG": "true",
        # Whoever waits here asks many times a second.
        "DEPLOY_REQUESTS_PER_MINUTE": "1000000",
    }
    token = f"git{NEVER}-{secrets.token_hex(8)}"
    with (
        git_served(folder / "repositories", token) as git_url,
        Server(folder / "data", settings=settings) as server,
    ):
        try:
            owner = Owner(server, folder / "repositories", git_url, token)
            with Commands() as commands:
                journey = Journey(server, owner, commands)
                journey.begin()
                yield journey
        finally:
            server.kill()
            asyncio.run(end_apps(server.data_dir))


async def end_apps(data_dir: Path) -> None:
    """Ends what outlives the server."""
    driver = await open_driver(DeployerSettings(folder=data_dir / "deploys-default"))
    await driver.sweep(())


def path_of(journey: Journey, route: str, deployment_id: str) -> str:
    """Returns a path of a route, with what there is of the app that tells its secrets."""
    app = next(one for one in journey.apps if one.name == "teller")
    ids = {"project_id": app.id, "deployment_id": deployment_id, "path": ""}
    ids |= {"git_webhook_id": app.hook["id"]}
    return re.sub(r"{(\w+)}", lambda found: ids.get(found[1], "1"), route)


def answers_of(journey: Journey, deployment_id: str) -> Iterator[tuple[str, bytes]]:
    """Yields what every GET route answers: to a session, those of the API to a login too."""
    application = Litestar([*ingest_routes(), *out_routes()], openapi_config=None)
    app = next(one for one in journey.apps if one.name == "teller")
    person = journey.server.sign_in(journey.owner.email, journey.owner.password)
    person.headers["X-Project-Id"] = app.id
    login = journey.server.client(journey.owner.token)
    routes = {one.path_format for one in application.routes if "GET" in getattr(one, "methods", ())}
    asked = [(person, route) for route in routes]
    asked += [(login, route) for route in routes if route.startswith("/api/v1/")]
    for client, route in asked:
        path = path_of(journey, route, deployment_id)
        query = {"project_id": app.id} if route.startswith("/api/v1/") else {}
        with client.stream("GET", path, params=query) as answer:
            if not answer.headers.get("content-type", "").startswith("text/event-stream"):
                head = repr(answer.headers.raw).encode()
                yield f"GET {route} ({answer.status_code})", head + answer.read()
    person.close()


def happened(app: App, deployment: dict[str, Any]) -> list[str]:
    return [one["status"] for one in app.events(deployment["id"])]


@pytest.mark.parametrize(
    ("name", "body"), [("node", "cart 1"), ("site", "<h1>site 1</h1>")], ids=["gitlab", "gitea"]
)
def test_a_push_is_built_step_by_step_and_served(journey: Journey, name: str, body: str) -> None:
    told: Told = journey.story(name)

    assert told.first["status"] == "running", told.first["error_msg"]
    assert (told.served.status_code, told.served.text) == (200, body)
    events = told.app.events(told.first["id"])
    assert list(dict.fromkeys(one["status"] for one in events)) == ["queued", "building", "running"]
    phases = [one["phase"] for one in events if one["phase"]]
    # A deployer that comes to nothing for long is given up, and the deployment begun anew.
    last = phases[-1 - phases[::-1].index("fetch") :]
    assert last == sorted(last, key=PHASES.index)
    assert {"fetch", "detect", "start", "health", "switch"} <= set(last)


def test_no_request_fails_while_versions_change_and_go_back(journey: Journey) -> None:
    shop: Shop = journey.story("shop")

    told = shop.told
    assert [told.second["status"], shop.back["status"]] == ["running", "running"]
    assert (told.served.text.split(" of ")[0], shop.back_served.text.split(" of ")[0]) == (
        *("shop 2", "shop 1"),
    )
    assert {(status, text) for status, text in shop.answers if status != 200} == set()
    assert {text.split(" of ")[0] for _, text in shop.answers} == {"shop 1", "shop 2"}
    assert len({text for _, text in shop.answers}) == 3, "three processes have answered"
    assert told.app.outcome(told.first["id"])["status"] == "stopped"
    assert "Fetching" not in told.app.said(shop.back["id"]), "its release was kept"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("does not build", "exit code 3"),
        ("starts and dies", "no such luck"),
        ("never becomes healthy", f"not healthy within {HEALTH_S} s: GET / answered 500"),
    ],
)
def test_what_does_not_work_leaves_the_old_version_and_says_why(
    journey: Journey, name: str, reason: str
) -> None:
    told: Told = journey.story(name)

    assert told.first["status"] == "running", told.first["error_msg"]
    assert told.second["status"] == "failed"
    assert reason in told.second["error_msg"]
    assert told.served.text.startswith("works of ")
    assert told.app.outcome(told.first["id"])["status"] == "running"


def test_an_app_that_ignores_sigterm_ends_all_the_same(journey: Journey) -> None:
    told: Told = journey.story("ignores SIGTERM")

    assert told.second["status"] == "running", told.second["error_msg"]
    assert told.served.text.startswith("second of ")


class TestLog:
    def test_it_is_complete_and_in_order_page_by_page_and_followed(self, journey: Journey) -> None:
        teller: Teller = journey.story("tells its secrets")
        app, deployment = teller.told.app, teller.told.first

        lines = app.lines(deployment["id"])

        numbers = [one["seq"] for one in lines]
        assert numbers == list(range(1, len(lines) + 1))
        printed = [one for one in lines if one["message"].startswith("line ")]
        for stream, rest in (("stderr", (0,)), ("stdout", (1, 2))):
            said = [one["message"] for one in printed if one["stream"] == stream]
            assert said == [f"line {n}" for n in range(LINES) if n % 3 in rest]
        followed = [json.loads(frame) for frame in teller.frames]
        assert followed == lines[: len(followed)]

    def test_who_follows_is_told_of_the_end(self, journey: Journey) -> None:
        teller: Teller = journey.story("tells its secrets")

        *lines, end = [json.loads(frame) for frame in teller.broken_frames]

        assert (end["type"], end["status"]) == ("end", "failed")
        assert [one["seq"] for one in lines] == list(range(1, end["last_seq"] + 1))


class TestSecrets:
    """The last of all: they stop the server."""

    def test_what_tells_them_shows_a_mark(self, journey: Journey) -> None:
        teller: Teller = journey.story("tells its secrets")
        app, deployment = teller.told.app, teller.told.first

        said = app.said(deployment["id"])

        assert deployment["status"] == "running", deployment["error_msg"]
        for name in ("PLAIN", "AWKWARD", "BUILT_WITH", "SLUICE_API_KEY"):
            assert f"{name} [Filtered]" in said
        assert "with [Filtered]" in said
        assert "runs in production" in said
        assert "ends with [Filtered]" in teller.told.second["error_msg"]

    def test_the_app_has_its_own_and_no_other(self, journey: Journey) -> None:
        teller: Teller = journey.story("tells its secrets")

        assert journey.secrets.within(teller.app_environment) == {
            *("an env value", "an awkward env value", "a line of an env value"),
            "an env value of a build",
        }

    def test_they_are_nowhere_else(self, journey: Journey) -> None:
        for name in STORIES:
            journey.story(name)
        teller: Teller = journey.story("tells its secrets")
        seen = journey.secrets
        assert len(seen) >= 10

        frames = "\n".join([*teller.frames, *teller.broken_frames]).encode()
        assert seen.leaks([("frames", frames)]) == []
        assert seen.leaks(answers_of(journey, teller.told.second["id"])) == []
        assert seen.leaks(("a process", one) for one in journey.commands.seen) == []
        data_dir = journey.server.data_dir
        key = (data_dir / "secret.key").read_text().strip()
        journey.server.stop()
        seen = Secrets({**journey.texts, "the key of the installation": key})
        output = journey.server.output.read_bytes()
        assert seen.leaks([("what the server printed", output)]) == []
        assert seen.leaks(rows_of(data_dir)) == []
        files = (one for one in files_of(data_dir) if one[0] != "secret.key")
        assert seen.leaks(files) == []
