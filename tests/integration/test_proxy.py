"""The reverse proxy before edges and apis: what goes where, and what Caddy does with our file.

The latter is tried where a caddy is installed.
"""

import os
import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from litestar import Litestar

from sluice.web import ingest_routes, out_routes
from tests.components.processes import free_ports

pytestmark = pytest.mark.slow

PROXY = Path(__file__).resolve().parents[2] / "deploy" / "proxy" / "Caddyfile"
POLICY = "default-src 'self'"
DOMAIN = "sluice.example.com"


def routes(handlers: list[Any]) -> set[tuple[str, str]]:
    application = Litestar(handlers, openapi_config=None)
    return {
        (method, re.sub(r"\{[^}]*\}", "1", route.path_format))
        for route in application.routes
        for method in getattr(route, "methods", ())
    }


def goes_to_edge(method: str, path: str) -> bool:
    rules = re.findall(r"@\w+ \{\s*method ([\w ]+)\n\s*path_regexp (\S+)", PROXY.read_text())
    assert len(rules) == 4
    return any(method in rule[0].split() and re.search(rule[1], path) for rule in rules)


class TestProxyRoutes:
    def test_what_an_edge_serves_goes_to_an_edge(self) -> None:
        served = routes(ingest_routes())

        posts = {path for method, path in served if method == "POST"}

        assert len(posts) >= 7
        assert [path for path in posts if not goes_to_edge("POST", path)] == []
        gets = {path for method, path in served if method == "GET"}
        assert [path for path in gets if not goes_to_edge("GET", path)] == []

    @pytest.mark.parametrize(
        "path", ["//v1//traces/async", "/v1/spans/batch/", "/v1/traces/batch//"]
    )
    def test_slashes_more_or_less_lead_to_the_same(self, path: str) -> None:
        assert goes_to_edge("POST", path)

    def test_nothing_else_does(self) -> None:
        asked = {route for route in routes(out_routes()) if route[0] != "OPTIONS"}
        assert [route for route in asked if goes_to_edge(*route)] == []

    def test_what_may_be_sent_to_a_path_is_asked_where_it_goes(self) -> None:
        taken = {path for method, path in routes(ingest_routes()) if method == "POST"}

        assert [path for path in taken if not goes_to_edge("OPTIONS", path)] == []


class Upstream(NamedTuple):
    """A stand-in for a process behind the proxy, and what reached it."""

    server: ThreadingHTTPServer
    requests: list[str]


@pytest.fixture
def upstreams() -> Iterator[tuple[Upstream, Upstream]]:
    """An edge that answers, and an api that closes each connection once it was asked."""
    pair = upstream(202), upstream(None)
    yield pair
    for one in pair:
        one.server.shutdown()
        one.server.server_close()


def upstream(status: int | None) -> Upstream:
    requests: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            requests.append(self.path)
            length = self.headers.get("Content-Length")
            # A body of no length is one that the proxy is to cut off: it ends with the connection.
            self.rfile.read(int(length) if length else -1)
            if status is None:
                self.close_connection = True
                return
            with suppress(ConnectionError):
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.send_header("Content-Security-Policy", POLICY)
                self.end_headers()

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    return Upstream(server, requests)


class Proxy(NamedTuple):
    """A running proxy."""

    http_port: int
    https_port: int
    log: Path


@pytest.fixture
def proxy(tmp_path: Path, upstreams: tuple[Upstream, Upstream]) -> Iterator[tuple[str, Path]]:
    """The address of a running proxy, and the file that it logs to."""
    with running_proxy(tmp_path, upstreams, "http://localhost, http://127.0.0.1") as running:
        yield f"http://127.0.0.1:{running.http_port}", running.log


@contextmanager
def running_proxy(
    folder: Path,
    upstreams: tuple[Upstream, Upstream],
    site_address: str,
    *,
    change: Callable[[str], str] = lambda config: config,
) -> Iterator[Proxy]:
    if shutil.which("caddy") is None:
        pytest.skip("caddy is not installed")
    running = Proxy(*free_ports(2), log=folder / "log")
    (health_port,) = free_ports(1)
    config = folder / "Caddyfile"
    config.write_text(on_this_machine(change(PROXY.read_text()), running, health_port))
    edge, api = (one.server.server_port for one in upstreams)
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "SITE_ADDRESS": site_address,
        "SLUICE_MAX_INFLATED_BYTES": "1000",
        "EDGE_HOST": "127.0.0.1",
        "EDGE_PORT": str(edge),
        "API_HOST": "127.0.0.1",
        "API_PORT": str(api),
        "GRAFANA_UPSTREAM": f"127.0.0.1:{api}",
    }
    command = ["caddy", "run", "--adapter", "caddyfile", "--config", str(config)]
    with running.log.open("wb") as output:
        caddy = subprocess.Popen(command, env=environ, stdout=output, stderr=output)
    try:
        wait_healthy(f"http://127.0.0.1:{health_port}/", caddy, running.log)
        yield running
    finally:
        caddy.terminate()
        caddy.wait()


def on_this_machine(config: str, proxy: Proxy, health_port: int) -> str:
    """The file as it is, but for ports, for certificates that nobody signs, and for 127.0.0.1."""
    options = [
        "default_bind 127.0.0.1",
        f"http_port {proxy.http_port}",
        f"https_port {proxy.https_port}",
        "local_certs",
        "skip_install_trust",
    ]
    config = config.replace("\tadmin off\n", "\n\t".join(["\tadmin off", *options]) + "\n")
    return config.replace("http://:8081", f"http://127.0.0.1:{health_port}")


def wait_healthy(address: str, caddy: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and caddy.poll() is None:
        with suppress(httpx.HTTPError):
            if httpx.get(address, trust_env=False).status_code == 200:
                return
        time.sleep(0.05)
    raise AssertionError(log.read_text())


class TestProxy:
    def test_a_post_that_was_sent_is_not_sent_again(
        self, proxy: tuple[str, Path], upstreams: tuple[Upstream, Upstream]
    ) -> None:
        answer = httpx.post(f"{proxy[0]}/api/auth/sign-in/email", json={}, trust_env=False)

        assert answer.status_code == 503
        assert answer.headers["Retry-After"] == "2"
        assert "error" in answer.json()
        assert upstreams[1].requests == ["/api/auth/sign-in/email"]

    def test_a_post_waits_for_an_edge_that_starts_again(
        self, proxy: tuple[str, Path], upstreams: tuple[Upstream, Upstream]
    ) -> None:
        version = subprocess.run(["caddy", "version"], capture_output=True, text=True).stdout
        if version.lstrip("v").startswith("2.6."):
            pytest.skip("caddy 2.6 gives up a body that it could not send at once")
        edge = upstreams[0].server
        edge.shutdown()
        edge.server_close()

        with ThreadPoolExecutor() as threads:
            url = f"{proxy[0]}/v1/traces/async"
            posted = threads.submit(httpx.post, url, content=b"[]", trust_env=False, timeout=20)
            assert not wait([posted], timeout=1).done
            again = ThreadingHTTPServer(edge.server_address[:2], edge.RequestHandlerClass)
            threads.submit(again.serve_forever, 0.05)
            answer = posted.result()
            again.shutdown()
            again.server_close()

        assert answer.status_code == 202

    def test_its_log_holds_no_query_string_and_no_header(self, proxy: tuple[str, Path]) -> None:
        address, log = proxy
        cron = "/api/1/cron/nightly/hidden-three/"
        for path in ("/v1/traces/async", cron, "/v1/heartbeats/hidden-four", "/api/auth/sign-out"):
            httpx.post(
                f"{address}{path}?api_key=hidden-one",
                headers={"X-Key": "hidden-two"},
                trust_env=False,
            )

        deadline = time.monotonic() + 20
        while "/api/auth/sign-out" not in log.read_text() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert "/api/auth/sign-out" in log.read_text()
        assert "/v1/traces/async" in log.read_text()
        assert "/api/1/cron/nightly/" in log.read_text()
        assert "hidden" not in log.read_text()

    def test_a_body_of_no_length_is_bounded(self, proxy: tuple[str, Path]) -> None:
        def parts() -> Iterator[bytes]:
            yield from [b"x" * 500] * 4

        answer = httpx.post(f"{proxy[0]}/v1/traces/async", content=parts(), trust_env=False)

        assert answer.status_code == 413
        assert "error" in answer.json()

    @pytest.mark.parametrize("path", ["/v1/traces/async", "/api/auth/sign-in/email"])
    def test_a_body_of_too_great_a_length_is_refused_for_good_and_reaches_nobody(
        self, proxy: tuple[str, Path], upstreams: tuple[Upstream, Upstream], path: str
    ) -> None:
        answers = [
            httpx.post(f"{proxy[0]}{path}", content=b"x" * size, trust_env=False)
            for size in (1001, 100_000, 3_000_000)
        ]

        assert [answer.status_code for answer in answers] == [413] * 3
        assert [one.requests for one in upstreams] == [[], []]

    def test_a_body_of_the_greatest_length_is_passed_on(
        self, proxy: tuple[str, Path], upstreams: tuple[Upstream, Upstream]
    ) -> None:
        answer = httpx.post(f"{proxy[0]}/v1/spans/batch", content=b"x" * 1000, trust_env=False)

        assert answer.status_code == 202
        assert upstreams[0].requests == ["/v1/spans/batch"]

    @pytest.mark.parametrize(
        "path", ["/metrics", "/ready", "/metrics/", "/ready/", "//ready//", "//metrics", "/%72eady"]
    )
    def test_what_is_for_operators_is_not_there(
        self, proxy: tuple[str, Path], upstreams: tuple[Upstream, Upstream], path: str
    ) -> None:
        assert httpx.get(f"{proxy[0]}{path}", trust_env=False).status_code == 404
        assert upstreams[1].requests == []

    @pytest.mark.parametrize(
        "path",
        [
            "/v1/traces/async/",
            "//v1//traces/async",
            "/v1/spans/batch//",
            "/dashboard//api/spans/async",
            "/api/1/cron/nightly/0123456789abcdef0123456789abcdef/",
        ],
    )
    def test_what_an_edge_takes_for_its_own_goes_to_an_edge(
        self, proxy: tuple[str, Path], upstreams: tuple[Upstream, Upstream], path: str
    ) -> None:
        answer = httpx.post(f"{proxy[0]}{path}", content=b"[]", trust_env=False)

        assert answer.status_code == 202
        # The stand-in takes slashes at the front for one.
        assert [one.requests for one in upstreams] == [[re.sub("^/+", "/", path)], []]


class TestBrowsers:
    @pytest.mark.parametrize(
        ("path", "host", "body"),
        [
            ("/metrics", "127.0.0.1", b""),
            ("/v1/traces/async", "other.example.com", b"[]"),
            ("/v1/traces/async", "127.0.0.1", b"x" * 1001),
            ("/v1/traces/async", "127.0.0.1", b"[]"),
        ],
        ids=["404", "421", "413", "passed-on"],
    )
    def test_every_answer_says_what_is_not_to_be_done(
        self, proxy: tuple[str, Path], path: str, host: str, body: bytes
    ) -> None:
        answer = httpx.post(
            f"{proxy[0]}{path}", content=body, headers={"Host": host}, trust_env=False
        )

        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert "server" not in answer.headers

    def test_what_a_process_says_itself_stays(self, proxy: tuple[str, Path]) -> None:
        answer = httpx.post(f"{proxy[0]}/v1/traces/async", content=b"[]", trust_env=False)

        assert answer.headers.get_list("Content-Security-Policy") == [POLICY]


class TestSlowClients:
    """The deadlines of the file, a hundredth as long."""

    @pytest.mark.parametrize(
        "sent",
        [
            b"",
            b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ",
            b"POST /v1/traces/async HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99\r\n\r\n[",
        ],
        ids=["nothing", "head", "body"],
    )
    def test_they_end_at_the_proxy(
        self, tmp_path: Path, upstreams: tuple[Upstream, Upstream], sent: bytes
    ) -> None:
        def hurry(config: str) -> str:
            config, count = re.subn(
                r"(read_header|read_body|idle) (\d+)(s|m)\n",
                lambda found: f"{found[1]} {int(found[2]) * (10 if found[3] == 's' else 600)}ms\n",
                config,
            )
            assert count == 3
            return config

        with (
            running_proxy(tmp_path, upstreams, "http://127.0.0.1", change=hurry) as proxy,
            socket.create_connection(("127.0.0.1", proxy.http_port), timeout=15) as sender,
        ):
            sender.sendall(sent)
            with suppress(ConnectionError):
                while sender.recv(4096):
                    pass


class TestOtherNames:
    """Whoever asks for a name that is not ours must not take the answer for a success."""

    @pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.0.0.1:80", "LOCALHOST"])
    def test_each_of_our_names_is_served(
        self, proxy: tuple[str, Path], upstreams: tuple[Upstream, Upstream], host: str
    ) -> None:
        assert post(f"{proxy[0]}/v1/traces/async", host=host).status_code == 202
        assert upstreams[0].requests == ["/v1/traces/async"]

    @pytest.mark.parametrize("host", ["192.0.2.7", "other.example.com", "proxy", "localhost.evil"])
    @pytest.mark.parametrize("path", ["/v1/traces/async", "/", "/metrics"])
    def test_another_is_told_so(
        self, proxy: tuple[str, Path], upstreams: tuple[Upstream, Upstream], host: str, path: str
    ) -> None:
        answer = post(f"{proxy[0]}{path}", host=host)

        assert answer.status_code == 421
        assert "SITE_ADDRESS" in answer.json()["error"]
        assert [one.requests for one in upstreams] == [[], []]

    def test_grafana_has_a_name_of_its_own(
        self, proxy: tuple[str, Path], upstreams: tuple[Upstream, Upstream]
    ) -> None:
        post(f"{proxy[0]}/login", host="grafana.localhost")
        post(f"{proxy[0]}/v1/traces/async", host="grafana.localhost")

        assert [one.requests for one in upstreams] == [[], ["/login", "/v1/traces/async"]]

    def test_so_it_is_with_a_domain_that_has_tls(
        self, tmp_path: Path, upstreams: tuple[Upstream, Upstream]
    ) -> None:
        with running_proxy(tmp_path, upstreams, f"https://{DOMAIN}") as proxy:
            plain = f"http://127.0.0.1:{proxy.http_port}/v1/traces/async"
            sealed = f"https://127.0.0.1:{proxy.https_port}/v1/traces/async"
            wait_certificate(sealed, proxy.log)

            assert post(sealed, host=DOMAIN).status_code == 202
            assert post(sealed, host="other.example.com").status_code == 421
            assert post(plain, host=DOMAIN).headers["Location"].startswith(f"https://{DOMAIN}")
            assert post(plain, host="127.0.0.1").status_code == 421
            with pytest.raises(httpx.ConnectError):
                post(sealed, host="other.example.com", named="other.example.com")

        assert upstreams[0].requests == ["/v1/traces/async"]


def post(url: str, *, host: str, named: str = DOMAIN) -> httpx.Response:
    """Asks for `host`, over TLS on a connection that was opened for `named`."""
    with httpx.Client(verify=False, trust_env=False) as client:
        return client.post(
            url, content=b"[]", headers={"Host": host}, extensions={"sni_hostname": named}
        )


def wait_certificate(url: str, log: Path) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with suppress(httpx.ConnectError):
            post(url, host="nobody.example.com")
            return
        time.sleep(0.05)
    raise AssertionError(log.read_text())
