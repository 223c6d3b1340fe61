"""What protects the pages, each of which fails without its defence."""

import re
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from api.pages.addresses import Address
from api.pages.render import POLICY
from sluice.demo_sending import sign_in_link
from tests.e2e.payloads import span, trace
from tests.e2e.server import COOKIE, EMAIL, KEY, PASSWORD, Server

pytestmark = pytest.mark.slow

HTML = {"Accept": "text/html"}
FORM = {"email": EMAIL, "password": PASSWORD}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("defended") / "data") as running:
        yield running


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that lets nobody in by themselves."""
    data: Path = tmp_path_factory.mktemp("closed") / "data"
    with Server(data, settings={"SIGNUP_ENABLED": "false"}) as running:
        yield running


def test_the_address_leads_a_browser_in_and_answers_programs_as_before(server: Server) -> None:
    with server.client(None) as client:
        browser = client.get("/", headers=HTML)
        program = client.get("/")
    signed_in = server.admin.get("/", headers=HTML)

    assert (browser.status_code, browser.headers["location"]) == (303, "/sign-in")
    assert program.status_code == 200
    assert "Sluice is running" in program.text
    assert re.fullmatch(r"/p/[0-9a-f-]{36}/overview", signed_in.headers["location"])


ELSEWHERE = (
    *("https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil.example"),
    *("/\t/evil.example", "javascript:alert(1)", " //evil.example", "http:evil.example", ""),
)


def test_signing_in_leads_to_no_other_place(server: Server) -> None:
    with server.client(None) as client:
        forms = [client.get("/sign-in", params={"next": target}).text for target in ELSEWHERE]
        # Attempts to sign in are limited.
        sent = [client.post("/sign-in", data={**FORM, "next": one}) for one in ELSEWHERE[:3]]

    assert all('name="next" value="/"' in form for form in forms)
    assert [one.headers["location"] for one in sent] == ["/"] * 3


def test_signing_in_leads_back_to_what_was_asked_for(server: Server) -> None:
    target = server.admin.get("/", headers=HTML).headers["location"] + "?range=7d"
    with server.client(None) as client:
        sent = client.get(target)
        onwards = client.get(sent.headers["location"])
        back = re.search(r'name="next" value="([^"]+)"', onwards.text)
        assert back is not None
        answer = client.post("/sign-in", data={**FORM, "next": back[1].replace("&amp;", "&")})

        assert (answer.status_code, answer.headers["location"]) == (303, target)
        assert client.get(target).status_code == 200
        assert "HttpOnly; SameSite=Lax" in answer.headers["set-cookie"]


def test_who_is_signed_out_meanwhile_comes_back_to_the_page_and_not_to_a_part(
    server: Server,
) -> None:
    path = server.admin.get("/", headers=HTML).headers["location"]
    asked = {"HX-Request": "true", "HX-Current-URL": f"{server.url}{path}?range=7d"}
    with server.client(None) as client:
        answer = client.get(f"{path}/more", headers=asked)

    assert answer.status_code == 200
    assert answer.headers["hx-redirect"] == f"/sign-in?next={quote(path + '?range=7d', safe='')}"


@pytest.mark.parametrize(
    "origin",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ],
)
@pytest.mark.parametrize("path", ["/sign-in", "/sign-up", "/sign-out"])
def test_the_form_of_another_site_changes_nothing(
    server: Server, path: str, origin: dict[str, str]
) -> None:
    with server.client(None) as client:
        client.cookies.set(COOKIE, server.admin.cookies[COOKIE])
        answer = client.post(path, data=FORM, headers=origin)

        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers
        assert client.get("/", headers=HTML).headers["location"].startswith("/p/")


def test_signing_out_ends_the_session(server: Server) -> None:
    with server.client(None) as client:
        form = {"name": "Ann", "email": "ann@example.com", "password": PASSWORD, "project": "Own"}
        assert client.post("/sign-up", data=form).headers["location"] == "/"
        token = client.cookies[COOKIE]
        page = client.get("/", headers=HTML).headers["location"]
        assert client.get(page).status_code == 200
        client.post("/sign-out")
        client.cookies.set(COOKIE, token)

        assert client.get(page).status_code == 303


def test_who_looks_every_day_stays_signed_in(server: Server) -> None:
    page = server.admin.get("/", headers=HTML).headers["location"]
    soon = datetime.now(UTC) + timedelta(days=3)
    with sqlite3.connect(server.data_dir / "control.db") as control:
        control.execute("UPDATE login_session SET expires_at = ?", [f"{soon:%Y-%m-%d %H:%M:%S.%f}"])

    renewed, again = server.admin.get(page), server.admin.get(page)

    assert "Max-Age=604800" in renewed.headers["set-cookie"]
    assert "set-cookie" not in again.headers


def test_a_wrong_password_is_said_and_the_email_stays(server: Server) -> None:
    with server.client(None) as client:
        answer = client.post("/sign-in", data={**FORM, "password": "not this one"})

    assert answer.status_code == 401
    assert 'role="alert"' in answer.text
    assert EMAIL in answer.text
    assert "not this one" not in answer.text


def test_a_server_that_is_closed_makes_no_accounts(closed: Server) -> None:
    form = {"name": "Ann", "email": "ann@example.com", "password": PASSWORD, "project": "Own"}
    with closed.client(None) as client:
        shown, sent = client.get("/sign-up"), client.post("/sign-up", data=form)
        signed_in = client.post("/sign-in", data=form)

        assert "/sign-up" not in client.get("/sign-in").text
    assert (shown.status_code, sent.status_code, signed_in.status_code) == (403, 403, 401)


def test_no_page_can_be_framed_or_runs_what_stands_in_it(server: Server) -> None:
    path = server.admin.get("/", headers=HTML).headers["location"]
    for page in (path, "/sign-up", "/p/none/overview"):
        answer = server.admin.get(page)

        assert answer.headers["content-security-policy"] == POLICY
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["cache-control"] == "no-store"
        assert re.findall(r"<script(?! )|<style|\sstyle=|\son\w+=", answer.text) == []
    assert "frame-ancestors 'none'" in POLICY
    assert "unsafe" not in POLICY


def test_the_link_of_the_operator_is_for_this_machine_alone(server: Server) -> None:
    with server.client(None) as client:
        guessed = client.get("/enter", params={"token": "0" * 32})
        afar = client.get("/enter", params={"token": "0" * 32}, headers={"X-Forwarded-For": "::9"})

    assert (guessed.status_code, afar.status_code) == (400, 400)
    assert "set-cookie" not in guessed.headers


def test_sluice_demo_opens_the_dashboard_of_its_own_project(server: Server) -> None:
    link = sign_in_link(server.url, KEY)
    assert link is not None
    with server.client(None) as browser:
        first = browser.get(link)
        page = browser.get(first.headers["location"], headers=HTML)
        again = browser.get(link)

        assert page.headers["location"].endswith("/overview")
        assert browser.get(page.headers["location"]).status_code == 200
        assert again.status_code == 400
    assert sign_in_link(server.url, "pulse_sk_wrong") is None


ODD = ("a/b", "..", ".", "%2e%2e", "%2F", "a?b#c", "ü\n", "\\", "//", " a", "x\x00y", '"><b>')


def test_a_session_and_a_user_have_their_page_whatever_their_id_is(server: Server) -> None:
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    items = [
        trace(timestamp=now, session_id=one, metadata={"userId": one}, output_text="Found")
        for one in ODD
    ]
    with server.client(KEY) as sender:
        assert sender.post("/v1/traces/batch", json=items).status_code == 202
    project_id = server.admin.get("/", headers=HTML).headers["location"].split("/")[2]
    address = Address("", "/", {}, project_id)

    for one in ODD:
        session = server.admin.get(address.thing("llm/sessions", one))
        user = server.admin.get(address.thing("llm/users", one, "/more"))

        assert (session.status_code, user.status_code) == (200, 200), one
        for text in (session.text, user.text):
            assert "Found" in text, one
            assert '"><b>' not in text


def test_an_event_of_an_agent_is_shown_with_its_error_and_its_prompt(server: Server) -> None:
    hostile = '"><script>x</script> **b**'
    event = span(
        error={"message": hostile}, kind="user_prompt", metadata={"prompt": hostile}, tool_input=[1]
    )
    with server.client(KEY) as sender:
        assert sender.post("/v1/spans/batch", json=[event]).status_code == 202
    project_id = server.admin.get("/", headers=HTML).headers["location"].split("/")[2]
    path = f"/p/{project_id}/agents/spans/{event['span_id']}"

    for headers in ({}, {"HX-Request": "true"}):
        answer = server.admin.get(path, headers=headers)

        assert answer.status_code == 200, answer.text
        assert "&lt;script&gt;x&lt;/script&gt; <strong>b</strong>" in answer.text
        assert "<script>x" not in answer.text


@pytest.mark.parametrize(
    "path",
    ["llm/explore.events?by=odd", "llm/explore.events?measure=odd", "llm/traces.events?older=x"],
)
def test_a_stream_of_what_is_no_view_does_not_begin(server: Server, path: str) -> None:
    project = server.admin.get("/", headers=HTML).headers["location"].rpartition("/")[0]
    with server.admin.stream("GET", f"{project}/{path}&seen=0") as answer:
        assert answer.status_code == 400


def test_files_are_kept_for_good_under_the_hash_of_what_they_hold(server: Server) -> None:
    with server.client(None) as client:
        page = client.get("/sign-in").text
        paths = re.findall(r'(?:href|src)="(/assets/[^"]+)"', page)
        kept = [client.get(path) for path in paths]
        stale = client.get("/assets/old/app.js")

    assert len(paths) >= 6
    assert {one.status_code for one in kept} == {200}
    assert {one.headers["cache-control"] for one in kept} == {"public, max-age=31536000, immutable"}
    assert {one.headers["content-type"].count("charset") for one in kept} <= {0, 1}
    assert stale.headers["cache-control"] == "no-cache"
    assert (
        httpx.get(
            f"{server.url}/assets/x/..%2fsign_in.html", trust_env=False, verify=False
        ).status_code
        == 404
    )
