"""From a push to what serves: real repositories and processes behind one `sluice up`.

Each app has a story, and all are told at the same time. The tests ask what came of them.
"""

import asyncio
import json
import os
import re
import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from litestar import Litestar

from deploys.settings import DeployerSettings
from deploys.starting import open_driver
from sluice.web import ingest_routes, out_routes
from tests.e2e.git_apps import App, Load, Owner, git_served
from tests.e2e.leaks import Commands, Secrets, files_of, rows_of
from tests.e2e.server import Server, wait_for

pytestmark = pytest.mark.slow

HEALTH_S = 15
"""Enough for an app that is well, on a machine that is busy."""
LINES = 300
PAGE = """
import http.server, os, signal, sys
{before}
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b"%s of %d" % (b"{version}", os.getpid())
        self.send_response({status})
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass
http.server.ThreadingHTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Page).serve_forever()
"""
SERVER_JS = """
const answer = (_, response) => response.end('cart 1');
require('http').createServer(answer).listen(process.env.PORT, process.env.HOST);
"""
QUICK = {"install_command": "true", "start_command": "python3 app.py"}
"""For apps that are about something else than how they are found and installed."""
TELLING = """
import base64, json, os, urllib.parse
for number in range({lines}):
    print("line", number, file=sys.stderr if number % 3 == 0 else sys.stdout, flush=True)
for name in ("PLAIN", "AWKWARD", "SEVERAL_LINES", "BUILT_WITH", "SLUICE_API_KEY"):
    value = os.environ[name]
    print(name, value)
    print("json", json.dumps([value]))
    print("url", urllib.parse.quote(value), urllib.parse.quote_plus(value), file=sys.stderr)
    for before in range(3):
        print("base64", base64.b64encode(bytes(before) + value.encode() + b"more").decode())
print("runs in", os.environ["SENTRY_ENVIRONMENT"])
print("all is told", flush=True)
{after}
"""
NEVER = "-never-to-be-seen"
PHASES = ["fetch", "detect", "install", "build", "start", "health", "switch"]


def page(version: str, *, before: str = "", status: int = 200) -> dict[str, str]:
    """Returns the files of an app in Python; what is to be done before it listens is code."""
    return {"app.py": PAGE.format(version=version, before=before, status=status)}


class Told(NamedTuple):
    """What came of two versions of an app, one after the other."""

    app: App
    first: dict[str, Any]
    second: dict[str, Any]
    served: httpx.Response
    """What was answered in the end."""


class Shop(NamedTuple):
    """The story of an app under load."""

    told: Told
    back: dict[str, Any]
    back_served: httpx.Response
    answers: list[tuple[int, str]]


class Teller(NamedTuple):
    """The story of an app that tells its secrets."""

    told: Told
    frames: list[str]
    broken_frames: list[str]
    app_environment: bytes


class Journey:
    """One server, and all stories that are told on it."""

    def __init__(self, server: Server, owner: Owner, commands: Commands) -> None:
        self.server, self.owner, self.commands = server, owner, commands
        self.texts = {
            "an env value": f"plain{NEVER}-{secrets.token_hex(8)}",
            "an awkward env value": f'ü &"\\ +%41/={NEVER} {secrets.token_hex(8)}',
            "a line of an env value": f"a line{NEVER} {secrets.token_hex(8)}",
            "an env value of a build": f"built{NEVER}-{secrets.token_hex(8)}",
            "a password in a URL": f"url{NEVER}-{secrets.token_hex(8)}",
            "a target of messages": f"slack{NEVER}-{secrets.token_hex(8)}",
            "a git token": owner.git_token,
            "a password": owner.password,
            "a login": owner.token,
        }
        self.apps: list[App] = []
        self._threads = ThreadPoolExecutor(16)
        self._stories: dict[str, Future[Any]] = {}

    def begin(self) -> None:
        """Has all stories be told."""
        for name, tell in STORIES.items():
            self._stories[name] = self._threads.submit(tell, self)

    def story(self, name: str) -> Any:
        """Returns how a story went; waits until it has ended."""
        return self._stories[name].result(timeout=180)

    def app(self, name: str, **more: Any) -> App:
        """Makes an app, with a canary in each of its secrets."""
        app = App(self.owner, name, **more)
        self.texts[f"the secret of the webhook of {name}"] = app.hook["secret"]
        self.apps.append(app)
        return app

    @property
    def secrets(self) -> Secrets:
        return Secrets(self.texts)


def tell_node(journey: Journey) -> Told:
    app = journey.app("cart", provider="gitlab")
    package = {"name": "cart", "scripts": {"start": "node server.js"}}
    files = {"package.json": json.dumps(package), "server.js": SERVER_JS}
    first = app.deployed(files)
    return Told(app, first, first, app.get())


def tell_site(journey: Journey) -> Told:
    app = journey.app("site", provider="gitea")
    first = app.deployed({"index.html": "<h1>site 1</h1>"})
    return Told(app, first, first, app.get())


def tell_shop(journey: Journey) -> Shop:
    app = journey.app("shop")
    first = app.deployed(page("shop 1"))
    with Load(app) as load:
        second = app.deployed(page("shop 2"))
        wait_until_gone(app, first)
        served = app.get()
        back = app.rolled_back(first["id"])
        wait_until_gone(app, second)
    return Shop(Told(app, first, second, served), back, app.get(), load.answers)


def tell_broken(name: str, files: dict[str, str], **config: Any) -> Callable[[Journey], Told]:
    def tell(journey: Journey) -> Told:
        app = journey.app(name, **QUICK, **config)
        first = app.deployed({**page("works"), "build.sh": "true"})
        second = app.deployed(files)
        return Told(app, first, second, app.get())

    return tell


def tell_stubborn(journey: Journey) -> Told:
    app = journey.app("stubborn", **QUICK)
    ignores = "signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    first = app.deployed(page("first", before=ignores))
    pid = int(app.get().text.rpartition(" ")[2])
    second = app.deployed(page("second"))
    wait_for(lambda: not Path(f"/proc/{pid}").exists(), "the first to end", timeout_s=60)
    return Told(app, first, second, app.get())


def tell_teller(journey: Journey) -> Teller:
    texts = journey.texts
    variables = {
        "PLAIN": texts["an env value"],
        "AWKWARD": texts["an awkward env value"],
        "SEVERAL_LINES": f"begin\n{texts['a line of an env value']}\nend",
        "BUILT_WITH": texts["an env value of a build"],
    }
    build = 'echo "with $BUILT_WITH"; echo "and $BUILT_WITH" | base64 >&2'
    app = journey.app("teller", variables=variables, build_command=build, **QUICK)
    hand_out(journey, app)

    def telling(after: str) -> dict[str, str]:
        return page("told", before=TELLING.format(lines=LINES, after=after))

    first = app.push(telling(""))
    frames = app.frames(first, lambda frame: "all is told" in frame)
    deployed = app.outcome(first)
    served = app.get()
    pid = int(served.text.rpartition(" ")[2])
    environment = Path(f"/proc/{pid}/environ").read_bytes()
    broken = app.push(telling("raise SystemExit('ends with ' + os.environ['AWKWARD'])"))
    broken_frames = app.frames(broken, lambda frame: '"type"' in frame)
    told = Told(app, deployed, app.outcome(broken), served)
    return Teller(told, frames, broken_frames, environment)


def hand_out(journey: Journey, app: App) -> None:
    """Gives secrets to whatever takes some, and makes tokens."""
    call = journey.owner.call
    password = journey.texts["a password in a URL"]
    url = journey.owner.git_url.replace("://", f"://jane:{password}@")
    with pytest.raises(AssertionError, match="400"):
        call("POST", "/projects", {"name": "rejected", "repo_url": f"{url}/teller.git"})
    slack = f"https://hooks.slack.com/services/T00000000/B00000000/{NEVER}{secrets.token_hex(8)}"
    journey.texts["a target of messages"] = slack.rpartition("/")[2]
    told = {"project_id": app.id, "slack_webhook_url": slack, "notify_on_failure": False}
    call("PUT", "/notifications/config", {**told, "notify_on_success": False})
    person = journey.server.sign_in(journey.owner.email, journey.owner.password)
    for of in ("project", "person"):
        form = {"name": "ci", "scope": "write", "allProjects": of == "person"}
        made = person.post("/dashboard/api/tokens", json=form, headers={"X-Project-Id": app.id})
        assert made.status_code == 201, made.text
        journey.texts[f"a token of a {of}"] = made.json()["apiToken"]


def wait_until_gone(app: App, deployment: dict[str, Any]) -> None:
    """Returns when the instance of a deployment has ended: nobody listens where it did."""

    def is_gone() -> bool:
        try:
            httpx.get(f"http://127.0.0.1:{deployment['external_port']}/", timeout=5)
        except httpx.TransportError:
            return True
        return False

    wait_for(is_gone, f"{app.name} to be drained", timeout_s=60)


STORIES: dict[str, Callable[[Journey], Any]] = {
    "node": tell_node,
    "site": tell_site,
    "shop": tell_shop,
    "does not build": tell_broken(
        "unbuilt",
        {"build.sh": "echo cannot compile >&2; exit 3"},
        build_command="sh build.sh",
    ),
    "starts and dies": tell_broken("dies", {"app.py": "raise SystemExit('no such luck')"}),
    "never becomes healthy": tell_broken("ill", page("ill", status=500)),
    "ignores SIGTERM": tell_stubborn,
    "tells its secrets": tell_teller,
}


@pytest.fixture(scope="module")
def journey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journey]:
    folder = tmp_path_factory.mktemp("journey")
    settings = {
        "DEPLOY_DRIVER": "process",
        "DEPLOY_PARALLEL": str(len(STORIES)),
        "DEPLOY_HEALTH_TIMEOUT_S": str(HEALTH_S),
        "DEPLOY_FIRST_PORT": os.environ.get("E2E_FIRST_PORT", "23000"),
        "PRIVATE_TARGETS": "allow",
        "ACCESS_LOG": "true",
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
