"""How long a session lasts, and what a person may do with their own, in better-auth's forms."""

from datetime import UTC, datetime, timedelta
from urllib.parse import unquote

import httpx
import pytest
from litestar import Litestar
from sqlalchemy import select

from controlplane.attempts import AttemptLimits, AttemptRates
from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.models import LoginSession
from tests.integration.api_accounts.conftest import Client

GOOD = {"status": True}
WHO = {"email": "ann@example.com", "password": "correct horse"}
CALLBACKS = ("/dashboard", "http://localhost:3000/x?y=1", "https://ui.example.com/traces")
OTHER_CALLBACKS = (
    "https://evil.example/",
    "//evil.example",
    "/\\evil.example",
    "javascript:alert(1)",
    "http://localhost:3000@evil.example/",
    "http://[",
    "\thttps://evil.example",
)


class TestHowItIsOpened:
    async def test_a_malformed_email_is_called_so(self, client: httpx.AsyncClient) -> None:
        said = {"code": "INVALID_EMAIL", "message": "Invalid email"}
        for email in ("", "ann", "@example.com", "ann@", "a b@example.com"):
            form = {"email": email, "password": "correct horse"}

            answer = await client.post("/api/auth/sign-in/email", json=form)

            assert (answer.status_code, answer.json()) == (400, said), email

    async def test_what_is_to_be_forgotten_has_a_cookie_without_age_and_lasts_a_day(
        self, ann: httpx.AsyncClient, client: httpx.AsyncClient
    ) -> None:
        form = WHO | {"rememberMe": False}

        answer = await client.post("/api/auth/sign-in/email", json=form)

        cookie = answer.headers["set-cookie"]
        assert cookie.endswith("; Path=/; HttpOnly; SameSite=Lax")
        assert "Max-Age" not in cookie
        assert "expires" not in cookie.lower()
        assert timedelta(hours=23) < await life_of(client) <= timedelta(days=1)

    async def test_any_other_lasts_a_week(
        self, ann: httpx.AsyncClient, client: httpx.AsyncClient
    ) -> None:
        for remembered in ({}, {"rememberMe": None}, {"rememberMe": True}):
            await client.post("/api/auth/sign-in/email", json=WHO | remembered)

            assert timedelta(days=6) < await life_of(client) <= timedelta(days=7)

    async def test_a_callback_of_ours_comes_back_and_one_of_another_site_is_rejected(
        self, ann: httpx.AsyncClient, client: httpx.AsyncClient
    ) -> None:
        said = {"code": "INVALID_CALLBACK_URL", "message": "Invalid callbackURL"}
        for url in CALLBACKS:
            answer = await client.post("/api/auth/sign-in/email", json=WHO | {"callbackURL": url})

            assert (answer.json()["redirect"], answer.json()["url"]) == (True, url)
        for url in OTHER_CALLBACKS:
            answer = await client.post("/api/auth/sign-in/email", json=WHO | {"callbackURL": url})

            assert (answer.status_code, answer.json()) == (403, said), url


class TestHowLongItLasts:
    async def test_a_days_use_lets_it_last_anew(
        self, ann: httpx.AsyncClient, database: Database
    ) -> None:
        await make_older(database, timedelta(hours=25))
        before = await life_of(ann)

        answer = await ann.get("/api/auth/get-session")

        assert before < timedelta(days=6)
        assert "Max-Age=604800" in answer.headers["set-cookie"]
        assert await life_of(ann) > timedelta(days=6, hours=23)
        assert "set-cookie" not in (await ann.get("/api/auth/get-session")).headers

    async def test_one_to_be_forgotten_ends_after_its_day_however_it_is_used(
        self, ann: httpx.AsyncClient, client: httpx.AsyncClient, database: Database
    ) -> None:
        await client.post("/api/auth/sign-in/email", json=WHO | {"rememberMe": False})
        await make_older(database, timedelta(hours=23))

        answer = await client.get("/api/auth/get-session")

        assert answer.json() is not None
        assert "set-cookie" not in answer.headers
        await make_older(database, timedelta(hours=2))
        assert (await client.get("/api/auth/get-session")).json() is None


class TestOwnSessions:
    """A person's list of what is signed in, and ending some of it."""

    async def test_each_says_from_where_it_was_opened(
        self, ann: httpx.AsyncClient, bob: httpx.AsyncClient, connect: Client
    ) -> None:
        other = connect("192.0.2.8")
        other.headers["User-Agent"] = "<b>Firefox</b>"
        await other.post("/api/auth/sign-in/email", json=WHO)

        answer = await ann.get("/api/auth/list-sessions")

        here, there = answer.json()
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["content-type"] == "application/json"
        assert here == (await ann.get("/api/auth/get-session")).json()["session"]
        assert (there["ipAddress"], there["userAgent"]) == ("192.0.2.8", "<b>Firefox</b>")
        assert there["userId"] == here["userId"]

    async def test_the_token_listed_of_another_session_opens_nothing(
        self, ann: httpx.AsyncClient, connect: Client, vault: Vault
    ) -> None:
        await connect().post("/api/auth/sign-in/email", json=WHO)
        there = (await ann.get("/api/auth/list-sessions")).json()[1]
        thief = connect()
        thief.cookies.set("better-auth.session_token", vault.sign(there["token"]))

        assert (await thief.get("/dashboard/api/projects")).status_code == 401

    async def test_a_listed_one_is_ended_and_no_other(
        self, ann: httpx.AsyncClient, connect: Client
    ) -> None:
        first, second = connect(), connect()
        for client in (first, second):
            await client.post("/api/auth/sign-in/email", json=WHO)
        token = (await ann.get("/api/auth/list-sessions")).json()[1]["token"]

        answer = await ann.post("/api/auth/revoke-session", json={"token": token})
        again = await ann.post("/api/auth/revoke-session", json={"token": token})

        assert (answer.status_code, answer.json(), again.status_code) == (200, GOOD, 200)
        seen = [await one.get("/dashboard/api/projects") for one in (ann, first, second)]
        assert [one.status_code for one in seen] == [200, 401, 200]

    async def test_its_own_token_ends_it_too(self, ann: httpx.AsyncClient) -> None:
        token = (await ann.get("/api/auth/get-session")).json()["session"]["token"]

        await ann.post("/api/auth/revoke-session", json={"token": token})

        assert (await ann.get("/dashboard/api/projects")).status_code == 401

    async def test_nobody_ends_those_of_another_person(
        self, ann: httpx.AsyncClient, bob: httpx.AsyncClient
    ) -> None:
        session = (await ann.get("/api/auth/get-session")).json()["session"]

        for token in (session["token"], session["id"]):
            await bob.post("/api/auth/revoke-session", json={"token": token})
        await bob.post("/api/auth/revoke-other-sessions")
        await bob.post("/api/auth/revoke-sessions")

        assert (await ann.get("/dashboard/api/projects")).status_code == 200
        assert (await bob.get("/dashboard/api/projects")).status_code == 401

    @pytest.mark.parametrize(("path", "here"), [("others", 200), ("all", 401)])
    async def test_the_others_or_all_are_ended(
        self, ann: httpx.AsyncClient, connect: Client, path: str, here: int
    ) -> None:
        other = connect()
        await other.post("/api/auth/sign-in/email", json=WHO)
        route = "revoke-other-sessions" if path == "others" else "revoke-sessions"

        answer = await ann.post(f"/api/auth/{route}")

        assert (answer.status_code, answer.json()) == (200, GOOD)
        assert (await other.get("/dashboard/api/projects")).status_code == 401
        assert (await ann.get("/dashboard/api/projects")).status_code == here


class TestUpdateUser:
    PATH = "/api/auth/update-user"

    WRONG = (
        ({"email": "eve@example.com"}, "EMAIL_CAN_NOT_BE_UPDATED"),
        ({}, "NO_FIELDS_TO_UPDATE"),
        ({"name": " "}, "VALIDATION_ERROR"),
        ({"name": 1}, "VALIDATION_ERROR"),
        ({"image": "https://example.com/a.png"}, "VALIDATION_ERROR"),
    )

    async def test_what_cannot_be_changed_is_rejected(self, ann: httpx.AsyncClient) -> None:
        for form, code in self.WRONG:
            answer = await ann.post(self.PATH, json=form)

            assert (answer.status_code, answer.json()["code"]) == (400, code), form

    async def test_the_name_changes(self, ann: httpx.AsyncClient) -> None:
        answer = await ann.post(self.PATH, json={"name": " Ann B. ", "image": None})

        assert (answer.status_code, answer.json()) == (200, GOOD)
        assert (await ann.get("/api/auth/get-session")).json()["user"]["name"] == "Ann B."


class TestErrors:
    """Every error under `/api/auth` has the form that better-auth's client reads."""

    OWN = (
        ("POST", "/api/auth/change-password"),
        ("POST", "/api/auth/update-user"),
        ("GET", "/api/auth/list-sessions"),
        ("POST", "/api/auth/revoke-session"),
        ("POST", "/api/auth/revoke-sessions"),
        ("POST", "/api/auth/revoke-other-sessions"),
    )

    async def test_a_stranger_is_unauthorized(self, client: httpx.AsyncClient) -> None:
        said = {"code": "UNAUTHORIZED", "message": "Unauthorized"}
        for method, path in self.OWN:
            answer = await client.request(method, path, json={})

            assert (answer.status_code, answer.json()) == (401, said), path

    async def test_what_is_not_offered_says_so(self, client: httpx.AsyncClient) -> None:
        for method, path in (
            ("GET", "/api/auth/sign-in/email"),
            ("POST", "/api/auth/delete-user"),
        ):
            answer = await client.request(method, path)

            assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")

    async def test_a_body_too_large_says_so(self, client: httpx.AsyncClient) -> None:
        answer = await client.post("/api/auth/sign-in/email", content=b" " * 70_000)

        assert (answer.status_code, answer.json()["code"]) == (413, "PAYLOAD_TOO_LARGE")

    async def test_who_asks_too_often_is_told_when_to_come_again(
        self, app: Litestar, ann: httpx.AsyncClient
    ) -> None:
        app.state.attempts = AttemptLimits(AttemptRates(per_address=0))
        form = {"currentPassword": "wrong", "newPassword": "battery staple", "token": "x"}
        for path in [path for method, path in self.OWN if method == "POST"]:
            answer = await ann.post(path, json=form)

            assert (answer.status_code, answer.json()["code"]) == (429, "TOO_MANY_REQUESTS")
            assert int(answer.headers["retry-after"]) >= 1


async def life_of(client: httpx.AsyncClient) -> timedelta:
    """Returns how long the client's session still lives, as it is listed."""
    sessions = (await client.get("/api/auth/list-sessions")).json()
    token = unquote(client.cookies["better-auth.session_token"]).partition(".")[0]
    (own,) = [one for one in sessions if one["token"] == token]
    return datetime.fromisoformat(own["expiresAt"]) - datetime.now(UTC)


async def make_older(database: Database, age: timedelta) -> None:
    """Lets every session have been opened so much earlier."""
    async with database.session() as session:
        for opened in await session.scalars(select(LoginSession)):
            opened.expires_at -= age
