"""Who follows a status page: confirmed by the owner of an address, told once, soon gone."""

import hashlib
import hmac
import itertools
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.mailbox import Mailbox, receiving, text_of
from tests.e2e.server import Server, create_project, wait_for
from tests.e2e.test_status_pages import published, shown
from tests.e2e.test_uptime import Keyed, ago

PUBLIC = "https://status.acme.example"
CLIENTS = itertools.count(1)
LINK = re.compile(re.escape(PUBLIC) + r"(/status/\S+)")

pytestmark = pytest.mark.slow


class Hook:
    """A webhook on loopback: what it was sent, and what it answers."""

    def __init__(self) -> None:
        self.got: list[tuple[bytes, str]] = []
        self.status = 204
        self.url = ""


@pytest.fixture
def hook() -> Iterator[Hook]:
    hook = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            hook.got.append((body, self.headers.get("X-Sentry-Clone-Signature", "")))
            self.send_response(hook.status)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        hook.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield hook
        server.shutdown()


@pytest.fixture(scope="module")
def mailbox() -> Iterator[Mailbox]:
    with receiving() as box:
        yield box


@pytest.fixture(scope="module")
def sending(mailbox: Mailbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that sends email, and may reach loopback."""
    mail = f"mailto://127.0.0.1:{mailbox.port}?from=status@acme.example&mode=insecure"
    settings = {"PUBLIC_URL": PUBLIC, "ALERT_EMAIL_URL": mail, "PRIVATE_TARGETS": "allow"}
    settings["TRUSTED_PROXIES"] = "127.0.0.1"
    data: Path = tmp_path_factory.mktemp("followers") / "data"
    with Server(data, settings=settings) as server:
        yield server


@pytest.fixture
def keyed(sending: Server) -> Iterator[Keyed]:
    holder = Keyed(sending, create_project(sending, "Shop"), "write")
    yield holder
    holder.http.close()


@pytest.fixture
def everybody(sending: Server) -> Iterator[httpx.Client]:
    with sending.client(None) as client:
        yield client


def ask(client: httpx.Client, slug: str, kind: str, target: str) -> httpx.Response:
    # Each time from elsewhere, where the server believes it.
    headers = {"X-Forwarded-For": f"198.51.100.{next(CLIENTS)}"}
    asked = {"kind": kind, "target": target}
    return client.post(f"/status/{slug}/subscribe", data=asked, headers=headers)


def link_in(mailbox: Mailbox, address: str, count: int) -> str:
    """Returns where the link of the last of so many messages leads."""
    wait_for(lambda: len(mailbox.sent_to(address)) >= count, "an email")
    (found,) = set(LINK.findall(text_of(mailbox.sent_to(address)[count - 1]))) - {"x"}
    return str(found)


def confirmed(mailbox: Mailbox, client: httpx.Client, slug: str, address: str) -> None:
    assert ask(client, slug, "email", address).status_code == 200
    link = link_in(mailbox, address, 1)
    assert client.get(link).status_code == 200
    token = httpx.URL(link).params["token"]
    assert client.post(link.partition("?")[0], data={"token": token}).status_code == 200


def test_who_confirms_by_email_is_told_of_begin_update_and_end_once_and_leaves_by_one_request(
    keyed: Keyed, everybody: httpx.Client, mailbox: Mailbox
) -> None:
    monitor_id = keyed.monitor(name="internal-name", interval_seconds=30)
    published(keyed, "mailed", monitor_id)
    shown(everybody, "mailed")
    ann = "ann@example.com"
    confirmed(mailbox, everybody, "mailed", ann)

    keyed.send(monitor_id, ago(150), "ooff")
    wait_for(lambda: len(mailbox.sent_to(ann)) >= 2, "the beginning")
    (incident,) = keyed.ask("GET", "incidents", 200)["incidents"]
    told = {"incident_id": incident["incident_id"], "state": "acknowledged", "notes": "hush"}
    keyed.ask("POST", "incidents", 200, {**told, "public_note": "We look"})
    wait_for(lambda: len(mailbox.sent_to(ann)) >= 3, "the update")
    keyed.send(monitor_id, ago(30), "oo")
    wait_for(lambda: len(mailbox.sent_to(ann)) >= 4, "the end")

    subjects = [str(one["Subject"]) for one in mailbox.sent_to(ann)[1:]]
    assert subjects == [
        "[Acme] Investigating: Public 0 is down",
        "[Acme] Identified: Public 0 is down",
        "[Acme] Resolved: Public 0 is down",
    ]
    texts = [text_of(one) for one in mailbox.sent_to(ann)]
    assert "We look" in texts[2]
    assert not any("internal-name" in text or "hush" in text for text in texts)
    last = mailbox.sent_to(ann)[-1]
    assert last["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    leave = LINK.search(str(last["List-Unsubscribe"]))
    assert leave is not None
    path = leave[1].rstrip(">")
    assert everybody.get(path).status_code == 200, "to look at it ends nothing"
    one_click = {"List-Unsubscribe": "One-Click"}
    assert everybody.post(path, data=one_click).status_code == 200
    assert everybody.post(path, data=one_click).status_code == 200
    keyed.ask("POST", "incidents", 201, {"state": "triggered", "monitor_id": monitor_id})
    bob = "bob@example.com"
    confirmed(mailbox, everybody, "mailed", bob)
    keyed.ask("POST", "incidents", 201, {"state": "triggered", "monitor_id": monitor_id})
    wait_for(lambda: len(mailbox.sent_to(bob)) >= 2, "news to who follows it")
    assert len(mailbox.sent_to(ann)) == 4
    assert len(mailbox.sent_to(bob)) == 2, "what was before is not told"


def test_without_confirmation_nothing_more_is_sent_and_an_address_is_asked_once_an_hour(
    keyed: Keyed, everybody: httpx.Client, mailbox: Mailbox
) -> None:
    published(keyed, "quiet", keyed.monitor())
    shown(everybody, "quiet")
    confirmed(mailbox, everybody, "quiet", "follows@example.com")

    answers = [
        ask(everybody, "quiet", "email", address)
        for address in ("follows@example.com", "new@example.com", "NEW@example.com")
    ]

    assert len({one.content for one in answers}) == 1, "nobody learns who follows"
    wait_for(lambda: mailbox.sent_to("new@example.com"), "one email")
    marker = "marker@example.com"
    ask(everybody, "quiet", "email", marker)
    wait_for(lambda: mailbox.sent_to(marker), "a later email")
    assert len(mailbox.sent_to("new@example.com")) == 1
    assert len(mailbox.sent_to("follows@example.com")) == 1


def test_a_webhook_follows_when_it_has_answered_a_signed_ping(
    keyed: Keyed, everybody: httpx.Client, hook: Hook
) -> None:
    monitor_id = keyed.monitor()
    published(keyed, "hooked", monitor_id)
    shown(everybody, "hooked")
    hook.status = 500
    assert ask(everybody, "hooked", "webhook", hook.url).status_code == 400
    hook.status = 204
    assert ask(everybody, "hooked", "webhook", hook.url).status_code == 200

    keyed.ask("POST", "incidents", 201, {"state": "triggered", "monitor_id": monitor_id})

    wait_for(lambda: len(hook.got) >= 3, "the news")
    bodies = [json.loads(body) for body, _ in hook.got]
    assert [one["event_type"] for one in bodies] == ["ping", "ping", "incident.opened"]
    secret = bodies[1]["secret"]
    for body, signature in hook.got[1:]:
        digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        assert signature == f"sha256={digest}"
    assert bodies[2]["incident"]["title"] == "Incident: Public 0"
    assert bodies[2]["unsubscribe_url"].startswith(f"{PUBLIC}/status/hooked/unsubscribe?token=")


def test_an_erased_person_follows_no_page_and_no_address_of_theirs_is_left(
    sending: Server, keyed: Keyed, everybody: httpx.Client, mailbox: Mailbox
) -> None:
    monitor_id = keyed.monitor()
    published(keyed, "erased", monitor_id)
    shown(everybody, "erased")
    cleo, dan = "cleo@example.com", "dan@example.com"
    for address in (cleo, dan):
        confirmed(mailbox, everybody, "erased", address)

    erased = ("--user", "Cleo@example.com", "--project", keyed.project_id, "--yes")
    sending.run("person", "erase", *erased)
    keyed.ask("POST", "incidents", 201, {"state": "triggered", "monitor_id": monitor_id})

    wait_for(lambda: len(mailbox.sent_to(dan)) >= 2, "news to who follows it")
    assert len(mailbox.sent_to(cleo)) == 1


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        ("email", "a@example.com,b@example.com"),
        ("email", "Ann <a@example.com>"),
        ("email", "nobody"),
        ("webhook", "ftp://example.com/"),
        ("webhook", "http://user:pass@example.com/"),
        ("webhook", "http://"),
        ("other", "a@example.com"),
    ],
)
def test_what_is_no_address_is_rejected(
    keyed: Keyed, everybody: httpx.Client, kind: str, target: str
) -> None:
    slug = f"rejects-{abs(hash((kind, target))) % 10**8}"
    published(keyed, slug)
    shown(everybody, slug)

    assert ask(everybody, slug, kind, target).status_code == 400


def test_a_forged_token_and_one_of_another_purpose_do_nothing(
    keyed: Keyed, everybody: httpx.Client, mailbox: Mailbox
) -> None:
    published(keyed, "forged", keyed.monitor())
    shown(everybody, "forged")
    ask(everybody, "forged", "email", "eve@example.com")
    link = link_in(mailbox, "eve@example.com", 1)
    token = httpx.URL(link).params["token"]

    for purpose, given in (
        ("unsubscribe", token),
        ("confirm", token[:-3] + "AAA"),
        ("confirm", ""),
    ):
        path = f"/status/forged/{purpose}"
        assert everybody.get(path, params={"token": given}).status_code == 400
        assert everybody.post(path, data={"token": given}).status_code == 400
    other_site = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    asked = {"kind": "email", "target": "x@example.com"}
    refused = everybody.post("/status/forged/subscribe", data=asked, headers=other_site)
    assert refused.status_code == 403


def test_a_client_that_asks_too_often_is_told_when_to_come_again(tmp_path: Path) -> None:
    with Server(tmp_path / "data", settings={"PUBLIC_URL": PUBLIC}) as server:
        holder = Keyed(server, create_project(server, "Shop"), "write")
        published(holder, "flooded")
        with server.client(None) as client:
            shown(client, "flooded")
            # Private addresses are refused here, and it is not said why.
            answers = [
                ask(client, "flooded", "webhook", f"http://127.0.0.1:{port}/")
                for port in range(1, 13)
            ]
        holder.http.close()

    assert [one.status_code for one in answers] == [400] * 10 + [429] * 2
    assert len({one.content for one in answers[:10]}) == 1
    assert int(answers[-1].headers["Retry-After"]) > 0


def test_without_a_public_address_nobody_can_follow(server: Server) -> None:
    holder = Keyed(server, create_project(server, "Shop"), "write")
    published(holder, "alone")
    with server.client(None) as client:
        assert "Get updates" not in shown(client, "alone").text
        assert client.get("/status/alone/subscribe").status_code == 404
    holder.http.close()
