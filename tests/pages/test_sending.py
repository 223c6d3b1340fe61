"""Pages of another origin send errors: by `fetch`, and by the beacon that outlives its page."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.e2e.server import KEY, Server, wait_for

pytestmark = pytest.mark.slow

DSN_KEY = "0123456789abcdef0123456789abcdef"
ITEM = '{"type":"error","exception":{"type":"Error","value":"from a page"}}'
ENVELOPE = '{}\n{"type":"event"}\n{"message":"from a page"}\n'
FETCH = """
async ([url, body, headers]) => {
    const answer = await fetch(url, {method: 'POST', body, headers, keepalive: true});
    const named = ['retry-after', 'x-sentry-error'].map((name) => answer.headers.get(name));
    return [answer.status, await answer.json(), ...named];
}
"""
BEACON = """
([url, body]) => navigator.sendBeacon(url, new Blob([body], {type: 'application/json'}))
"""


class EmptyPage(BaseHTTPRequestHandler):
    """A shop whose errors go elsewhere."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>Shop</title>")

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    settings = {"INIT_DSN_KEY": DSN_KEY}
    with Server(tmp_path_factory.mktemp("sending") / Path("data"), settings=settings) as running:
        yield running


@pytest.fixture
def page(browser: Browser, server: Server) -> Iterator[Page]:
    """A page of another origin: of another port."""
    shop = ThreadingHTTPServer(("127.0.0.1", 0), EmptyPage)
    threading.Thread(target=shop.serve_forever, daemon=True).start()
    opened = browser.new_page()
    opened.goto(f"http://127.0.0.1:{shop.server_port}/")
    yield opened
    opened.close()
    shop.shutdown()
    shop.server_close()


def accepted(server: Server) -> int:
    with server.client(KEY) as http:
        answer = http.get("/v1/outcomes", params={"kind": "error", "outcome": "accepted"})
    return int(answer.json()["totals"]["accepted"])


def test_a_beacon_with_its_key_twice_arrives_although_its_page_is_gone(
    page: Page, server: Server
) -> None:
    before = accepted(server)

    url = f"{server.url}/v1/ingest?key={DSN_KEY}&key={DSN_KEY}"
    assert page.evaluate(BEACON, [url, ITEM]) is True
    page.goto("about:blank")

    wait_for(lambda: accepted(server) == before + 1, "the beacon")


@pytest.mark.parametrize(
    ("path", "body", "headers", "status"),
    [
        ("/v1/ingest", ITEM, {"X-Open-Sentry-Key": DSN_KEY}, 202),
        ("/v1/ingest", ITEM, {"X-Sentry-Clone-Key": DSN_KEY}, 202),
        ("/v1/ingest", ITEM, {"X-Open-Sentry-Key": "wrong"}, 403),
        ("/v1/ingest", "{", {"X-Open-Sentry-Key": DSN_KEY}, 400),
        (f"/api/1/envelope/?sentry_key={DSN_KEY}&sentry_version=7", ENVELOPE, {}, 200),
        ("/api/1/envelope/", ENVELOPE, {"X-Sentry-Auth": f"Sentry sentry_key={DSN_KEY}"}, 200),
        ("/api/1/envelope/", ENVELOPE, {}, 401),
        ("/api/2/envelope/", ENVELOPE, {"X-Sentry-Auth": f"Sentry sentry_key={DSN_KEY}"}, 403),
    ],
)
def test_a_page_can_send_and_read_what_is_answered(
    page: Page, server: Server, path: str, body: str, headers: dict[str, str], status: int
) -> None:
    found, answer, _, error = page.evaluate(FETCH, [f"{server.url}{path}", body, headers])

    assert found == status
    if path.startswith("/api/") and status != 200:
        assert answer == {"detail": error}
    else:
        assert len(answer.get("id") or answer.get("error")) > 10
