"""What every answer tells browsers, whatever was asked and however it went."""

import re
import socket
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar import Litestar

from sluice.web import ingest_routes, out_routes
from tests.e2e.server import KEY, Project, Server, begin_request

ALWAYS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
NOTHING = "default-src 'none'; frame-ancestors 'none'"
NOT_KEPT = "no-store"
# For pages of all origins, whose SDKs do not read the answer: `api.origins` says why.
OPEN = {"/v1/ingest", "/v1/scores/public"}
NOT_REUSED = "no-cache"


def requests() -> list[tuple[str, str]]:
    """Returns every route of the application, and one by a method that it does not have."""
    handlers: list[Any] = [
        *ingest_routes(),
        *out_routes(),
    ]
    routes = [
        (method, re.sub(r"\{[^}]*\}", "some-id", route.path_format))
        for route in Litestar(handlers, openapi_config=None).routes
        for method in {*getattr(route, "methods", ()), "PATCH"}
    ]
    return sorted(routes)


FORMS = {("/invite", "GET"), ("/invite", "POST")}


def check(answer: httpx.Response) -> None:
    told = {name: answer.headers.get(name) for name in ALWAYS}
    what = f"{answer.request.method} {answer.request.url.path}: {answer.status_code}"
    own: dict[str, str] = {}
    # A browser names no origin with a form of a page that has the usual policy.
    if answer.headers["content-security-policy"].startswith("default-src 'self'"):
        # That of an invitation has a token in its address.
        is_invitation = (answer.request.url.path, answer.request.method) in FORMS
        own = {"referrer-policy": "strict-origin" if is_invitation else "same-origin"}
    assert told == ALWAYS | own, what
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"], what
    assert "server" not in answer.headers, what
    assert "strict-transport-security" not in answer.headers, what
    assert len(answer.headers.get_list("content-security-policy")) == 1, what


class TestEveryAnswer:
    @pytest.mark.parametrize("key", [None, KEY, "wrong"], ids=["nobody", "key", "wrong-key"])
    def test_it_says_so_on_every_route(self, server: Server, key: str | None) -> None:
        seen = set()
        with server.client(key) as client:
            for method, path in requests():
                answer = client.request(method, path, content=b"{" if method != "GET" else None)
                check(answer)
                is_open = path in OPEN and method != "PATCH"
                kept = NOT_REUSED if is_open else NOT_KEPT
                assert answer.headers["cache-control"] == kept, (method, path)
                seen.add(answer.status_code)

        assert seen >= {200, 401, 404} if key != KEY else seen >= {200, 400, 404}

    def test_it_says_so_with_a_session_too(self, server: Server, project: Project) -> None:
        for path in ("traces", "analytics", "projects", "keys"):
            headers = {"X-Project-Id": project.project_id}
            answer = server.admin.get(f"/dashboard/api/{path}", headers=headers)
            check(answer)
            assert answer.headers["cache-control"] == NOT_KEPT

    @pytest.mark.parametrize(
        "path",
        ["/docs", "/docs/start.js", "/docs/static/docs.css", "/docs/openapi.json", "/docs/x"],
    )
    def test_so_it_is_with_the_reference(self, server: Server, path: str) -> None:
        with server.client(None) as client:
            answer = client.get(path)
        check(answer)
        assert answer.headers["content-type"].count("charset") <= 1

    @pytest.mark.parametrize(
        ("sent", "status"),
        [
            (b"nonsense\r\n\r\n", b"400"),
            (b"GET / HTTP/1.1\r\nX: " + b"x" * (65 << 10) + b"\r\n\r\n", b"431"),
        ],
    )
    def test_so_it_is_with_what_no_handler_sees(
        self, server: Server, sent: bytes, status: bytes
    ) -> None:
        with socket.create_connection(("127.0.0.1", server.port), timeout=15) as sender:
            sender.sendall(sent)
            sender.shutdown(socket.SHUT_WR)
            answer = b"".join(iter(lambda: sender.recv(4096), b"")).lower()

        assert answer.startswith(b"http/1.1 " + status)
        for name, value in ALWAYS.items():
            assert f"\r\n{name}: {value}\r\n".lower().encode() in answer

    def test_so_it_is_with_a_body_that_is_too_large(self, anyone: Project) -> None:
        with begin_request(anyone, "/v1/traces/async", f"Content-Length: {1 << 30}") as sender:
            answer = sender.recv(4096).lower()

        assert answer.startswith(b"http/1.1 413 ")
        assert b"\r\nx-content-type-options: nosniff\r\n" in answer


@pytest.mark.slow
class TestTls:
    def test_only_who_came_by_https_is_told_to_stay_there(self, tmp_path: Path) -> None:
        forwarded = {"X-Forwarded-Proto": "https"}
        with Server(tmp_path / "data", settings={"TRUSTED_PROXIES": "127.0.0.1"}) as server:
            by_https = server.client(None).get("/health", headers=forwarded)
            by_http = server.client(None).get("/health")

        assert by_https.headers["strict-transport-security"] == "max-age=31536000"
        assert "strict-transport-security" not in by_http.headers


class TestPages:
    def test_no_page_allows_a_script_within_it_or_from_elsewhere(self, server: Server) -> None:
        with server.client(None) as client:
            pages = [client.get(path) for path in ("/", "/docs")]

        for page in pages:
            policy = page.headers["content-security-policy"]
            scripts = re.findall(r"script-src ([^;]*)", policy) or ["'none'"]
            assert scripts[0] in ("'self'", "'none'")
            assert policy.startswith("default-src 'none'")
            assert "unsafe" not in policy
            assert re.findall(r"<script(?! src=)", page.text) == []

    def test_the_configuration_repeats_no_host_that_is_none(self, server: Server) -> None:
        hosts = ['x"};alert(1);//', "x</script>", "a b", "x/y", "user@x", "x:y", ""]
        with server.client(None) as client:
            answers = [client.get("/runtime-config.js", headers={"Host": host}) for host in hosts]

        for host, answer in zip(hosts, answers, strict=True):
            assert answer.status_code == 400 or '"apiBaseUrl": ""' in answer.text, host
            assert answer.headers["cache-control"] == NOT_KEPT

    @pytest.mark.parametrize("host", ["sluice.example.com", "10.0.0.7:8080", "[::1]:8080"])
    def test_the_configuration_names_the_host_that_was_asked(
        self, server: Server, host: str
    ) -> None:
        with server.client(None) as client:
            answer = client.get("/runtime-config.js", headers={"Host": host})

        assert f'{{"apiBaseUrl": "http://{host}"}}' in answer.text
        assert answer.headers["vary"] == "Host, X-Forwarded-Prefix"
