"""What Sluice refuses reaches the sender of a large body through nginx and Caddy.

However they speak to us: nginx closes each connection unless told otherwise, both can keep them.
"""

import http.client
import itertools
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from tests.components.processes import free_ports
from tests.e2e.payloads import trace
from tests.e2e.server import Project, Server, create_project, wait_for

pytestmark = pytest.mark.slow

PATH = "/v1/traces/async"
WIRE_BYTES = 4 << 20
PER_MINUTE = 200
LARGE = b"A" * (WIRE_BYTES - 1)
TOO_LARGE = b"A" * (4 * WIRE_BYTES)
PIECE = 256 << 10
HEADERS = {
    "keep-alive": {},
    "close": {"Connection": "close"},
    "chunked": {},
}
TRIES = {"keep-alive": 3, "close": 3, "chunked": 2, "asks first": 8}
"""A proxy that sends the body too early was lost by one request of ten."""
NGINX = """
daemon off; worker_processes 1; {user}pid {folder}/pid; error_log {folder}/log;
events {{ worker_connections 256; }}
http {{
  access_log off; client_max_body_size 0;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  upstream kept {{ server 127.0.0.1:{port}; keepalive 16; }}
  server {{ listen 127.0.0.1:{ports[0]}; location / {{ proxy_pass http://127.0.0.1:{port}; }} }}
  server {{
    listen 127.0.0.1:{ports[1]}; proxy_request_buffering off;
    location / {{ proxy_pass http://127.0.0.1:{port}; }}
  }}
  server {{
    listen 127.0.0.1:{ports[2]}; proxy_http_version 1.1; proxy_set_header Connection "";
    location / {{ proxy_pass http://kept; }}
  }}
  server {{
    listen 127.0.0.1:{ports[3]}; proxy_http_version 1.1; proxy_set_header Connection "";
    proxy_request_buffering off;
    location / {{ proxy_pass http://kept; }}
  }}
}}
"""
CADDY = """
{{
	admin off
	auto_https off
}}
http://127.0.0.1:{ports[0]} {{
	reverse_proxy 127.0.0.1:{port} {{
		transport http {{
			keepalive off
		}}
	}}
}}
http://127.0.0.1:{ports[1]} {{
	reverse_proxy 127.0.0.1:{port}
}}
"""
WAYS = [
    ("nginx", 0, "closed after each"),
    ("nginx", 1, "closed, body passed on as it comes"),
    ("nginx", 2, "kept"),
    ("nginx", 3, "kept, body passed on as it comes"),
    ("caddy", 0, "closed after each"),
    ("caddy", 1, "kept"),
]


@pytest.fixture(scope="module")
def refusing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    settings = {"MAX_BODY_BYTES": str(WIRE_BYTES), "RATE_LIMIT": str(PER_MINUTE)}
    folder = tmp_path_factory.mktemp("refusing")
    with Server(folder / "data", settings=settings) as running:
        yield running


@pytest.fixture(scope="module")
def spent(refusing: Server) -> Project:
    """A project without requests left in this minute, or nearly so."""
    return create_project(refusing)


@pytest.fixture(scope="module")
def ports(
    tmp_path_factory: pytest.TempPathFactory, refusing: Server
) -> Iterator[dict[str, list[int]]]:
    """The ports of each proxy that is installed, one for each way to speak to us."""
    with ExitStack() as running:
        found = {}
        for name, config, count in (("nginx", NGINX, 4), ("caddy", CADDY, 2)):
            if shutil.which(name):
                folder = tmp_path_factory.mktemp(name)
                found[name] = free_ports(count)
                text = config.format(
                    folder=folder,
                    port=refusing.port,
                    ports=found[name],
                    # Else root's nginx has no way into the folder; others may not say it.
                    user="user root; " if os.geteuid() == 0 else "",
                )
                running.enter_context(proxy(name, text, folder, found[name][0]))
        yield found


@contextmanager
def proxy(name: str, text: str, folder: Path, port: int) -> Iterator[None]:
    config = folder / "config"
    config.write_text(text)
    commands = {
        "nginx": ["nginx", "-p", str(folder), "-c", str(config)],
        "caddy": ["caddy", "run", "--adapter", "caddyfile", "--config", str(config)],
    }
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(commands[name], env=environ, stdout=output, stderr=output)
    try:
        wait_for(lambda: answers(port), f"{name} to answer", timeout_s=20)
        yield
    finally:
        process.terminate()
        process.wait()


def answers(port: int) -> bool:
    try:
        return (
            httpx.get(f"http://127.0.0.1:{port}/health", trust_env=False, verify=False).status_code
            == 200
        )
    except httpx.TransportError:
        return False


def post(port: int, key: str, body: bytes, how: str) -> int | str:
    """Returns the status, or what happened instead of an answer of ours, as a client sees it."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        if how == "asks first":
            ask_first(connection, key, len(body))
            connection.send(body)
        else:
            headers = {"Authorization": f"Bearer {key}"} | HEADERS[how]
            pieces = (body[first : first + PIECE] for first in range(0, len(body), PIECE))
            connection.request("POST", PATH, pieces if how == "chunked" else body, headers)
        answer = connection.getresponse()
        said = answer.read()
        return answer.status if b'"error"' in said else said.decode()
    except OSError as error:
        return type(error).__name__
    finally:
        connection.close()


def ask_first(connection: http.client.HTTPConnection, key: str, size: int) -> None:
    """Sends a head, and returns when something has come back."""
    connection.putrequest("POST", PATH)
    connection.putheader("Authorization", f"Bearer {key}")
    connection.putheader("Content-Length", str(size))
    connection.putheader("Expect", "100-continue")
    connection.endheaders()
    connection.sock.recv(1, socket.MSG_PEEK)


def post_spent(port: int, spent: Project, how: str) -> int | str:
    """Sends what a project has no request left for; a minute may end in between."""
    for _ in range(3):
        spend(spent)
        if (seen := post(port, spent.key, LARGE, how)) != 400:
            break
    return seen


def spend(project: Project) -> None:
    """Leaves the project no request in this minute."""
    while project.http.post(PATH, json=[]).status_code == 202:
        pass


@pytest.mark.parametrize("how", ["keep-alive", "close", "chunked", "asks first"])
@pytest.mark.parametrize(("name", "way", "upstream"), WAYS, ids=[f"{w[0]}, {w[2]}" for w in WAYS])
class TestRefusals:
    def test_a_refusal_reaches_the_sender_of_a_large_body(
        self,
        refusing: Server,
        spent: Project,
        ports: dict[str, list[int]],
        name: str,
        way: int,
        upstream: str,
        how: str,
    ) -> None:
        if name not in ports:
            pytest.skip(f"{name} is not installed")
        port, good = ports[name][way], create_project(refusing)
        cases = {401: ("pulse_sk_no", LARGE), 413: (good.key, TOO_LARGE), 400: (good.key, LARGE)}

        seen = {
            status: {post(port, key, body, how) for _ in range(TRIES[how])}
            for status, (key, body) in cases.items()
        }
        seen[429] = {post_spent(port, spent, how)}

        assert seen == {status: {status} for status in (401, 413, 400, 429)}


@pytest.mark.parametrize(("name", "way"), [("nginx", 2), ("caddy", 1)])
class TestLive:
    def test_a_live_page_gets_what_is_new_at_once(
        self, refusing: Server, ports: dict[str, list[int]], name: str, way: int
    ) -> None:
        if name not in ports:
            pytest.skip(f"{name} is not installed")
        project, url = create_project(refusing), f"http://127.0.0.1:{ports[name][way]}"
        events = f"{url}/p/{project.project_id}/llm/traces.events?seen=0"
        cookies = refusing.admin.cookies

        with httpx.stream(
            "GET", events, cookies=cookies, timeout=20, trust_env=False, verify=False
        ) as answer:
            lines = answer.iter_lines()
            assert next(lines).startswith(":")  # it has begun
            now = datetime.now(UTC).isoformat()
            assert project.post(PATH, [trace(timestamp=now, output_text="new")]).status_code == 202

            # A beat comes every five seconds; a proxy that holds back sends not even these.
            some = itertools.islice(lines, 100)
            assert any(line.startswith("data: {") and "new" in line for line in some)
