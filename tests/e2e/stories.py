"""Stories of apps on one server, all told at once: what is pushed, and what comes of it."""

import json
import secrets
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from tests.e2e.git_apps import App, Load, Owner
from tests.e2e.leaks import Commands, Secrets
from tests.e2e.server import Server, wait_for

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
