import re
from typing import ClassVar

import httpx
import pytest
from litestar import Litestar

from controlplane.attempts import AttemptLimits, AttemptRates
from tests.integration.api_accounts.conftest import Client

SIGN_UP = {
    "name": " Ann ",
    "email": " Ann@Example.com ",
    "password": "correct horse",
    "projectName": " Shop ",
}
MISSING = "Missing required fields: name, email, password, projectName"
MISSING_PASSWORD = "Missing required fields: currentPassword, newPassword"
ISO_MS = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


class TestSignUp:
    @pytest.mark.parametrize(
        ("body", "message"),
        [
            (b"{", "Invalid JSON body"),
            (b"", "Invalid JSON body"),
            (b"\xff", "Invalid JSON body"),
            (b'{"x":' + b"[" * 30_000, "Invalid JSON body"),
            (b"[]", MISSING),
            (b"{}", MISSING),
            (b'{"name":1,"email":"a@b","password":"correct horse","projectName":"x"}', MISSING),
            (b'{"name":" ","email":"a@b","password":"correct horse","projectName":"x"}', MISSING),
            (
                b'{"name":"A","email":"a@b","password":"1234567","projectName":"x"}',
                "Password too short",
            ),
        ],
    )
    async def test_a_body_that_breaks_a_rule_is_refused(
        self, client: httpx.AsyncClient, body: bytes, message: str
    ) -> None:
        answer = await client.post("/dashboard/api/signup", content=body)

        assert (answer.status_code, answer.json()) == (400, {"error": message})

    async def test_a_taken_email_is_refused(self, client: httpx.AsyncClient) -> None:
        await client.post("/dashboard/api/signup", json=SIGN_UP)

        answer = await client.post("/dashboard/api/signup", json=SIGN_UP)

        message = "User already exists. Use another email."
        assert (answer.status_code, answer.json()) == (400, {"error": message})

    async def test_it_can_be_switched_off(self, app: Litestar, client: httpx.AsyncClient) -> None:
        app.state.signup_enabled = False

        answer = await client.post("/dashboard/api/signup", json=SIGN_UP)

        assert answer.status_code == 403
        assert answer.json() == {"error": "Sign-up is disabled on this server"}

    async def test_a_body_without_end_is_refused(self, client: httpx.AsyncClient) -> None:
        answer = await client.post("/dashboard/api/signup", content=b" " * 70_000)

        assert answer.status_code == 413

    async def test_the_library_route_is_closed_and_creates_nobody(
        self, client: httpx.AsyncClient
    ) -> None:
        form = {"name": "Eve", "email": "eve@example.com", "password": "correct horse"}

        answer = await client.post("/api/auth/sign-up/email", json=form)
        signed = await client.post("/api/auth/sign-in/email", json=form)

        assert answer.status_code == 403
        message = "Use /dashboard/api/signup for account creation"
        assert answer.json() == {"code": "FORBIDDEN", "message": message}
        assert signed.status_code == 401

    async def test_an_address_makes_no_more_accounts_than_it_may(
        self, app: Litestar, client: httpx.AsyncClient
    ) -> None:
        app.state.attempts = AttemptLimits(AttemptRates(signups_per_address=1))

        first = await client.post("/dashboard/api/signup", json=SIGN_UP)
        second = await client.post("/dashboard/api/signup", json=SIGN_UP | {"email": "b@b.c"})

        assert (first.status_code, second.status_code) == (201, 429)

    async def test_it_answers_success_and_no_key(self, client: httpx.AsyncClient) -> None:
        answer = await client.post("/dashboard/api/signup", json=SIGN_UP)

        assert (answer.status_code, answer.json()) == (201, {"success": True})


class TestSignIn:
    @pytest.mark.parametrize(
        ("email", "password"),
        [("ann@example.com", "wrong"), ("bob@example.com", "correct horse")],
    )
    async def test_a_wrong_pair_is_refused_in_the_form_of_better_auth(
        self, ann: httpx.AsyncClient, client: httpx.AsyncClient, email: str, password: str
    ) -> None:
        form = {"email": email, "password": password}

        answer = await client.post("/api/auth/sign-in/email", json=form)

        assert answer.status_code == 401
        assert answer.json() == {
            "code": "INVALID_EMAIL_OR_PASSWORD",
            "message": "Invalid email or password",
        }
        assert "set-cookie" not in answer.headers

    @pytest.mark.parametrize(
        ("body", "message"),
        [
            (b"{", "Invalid JSON body"),
            (b'{"email":"a@b"}', "Missing required fields: email, password"),
        ],
    )
    async def test_a_broken_body_is_refused(
        self, client: httpx.AsyncClient, body: bytes, message: str
    ) -> None:
        answer = await client.post("/api/auth/sign-in/email", content=body)

        said = {"code": "VALIDATION_ERROR", "message": message}
        assert (answer.status_code, answer.json()) == (400, said)

    async def test_too_many_attempts_are_put_off(
        self, app: Litestar, client: httpx.AsyncClient, connect: Client
    ) -> None:
        app.state.attempts = AttemptLimits(AttemptRates(per_email_and_address=2))
        form = {"email": "ann@example.com", "password": "wrong"}
        for _ in range(2):
            await client.post("/api/auth/sign-in/email", json=form)

        third = await client.post("/api/auth/sign-in/email", json=form)
        elsewhere = await connect("192.0.2.8").post("/api/auth/sign-in/email", json=form)

        assert (third.status_code, elsewhere.status_code) == (429, 401)
        assert 1 <= int(third.headers["retry-after"]) <= 61
        assert third.json()["code"] == "TOO_MANY_REQUESTS"

    async def test_the_answer_and_its_cookie_have_the_form_of_better_auth(
        self, ann: httpx.AsyncClient, client: httpx.AsyncClient
    ) -> None:
        form = {"email": "ANN@example.com", "password": "correct horse"}

        answer = await client.post("/api/auth/sign-in/email", json=form)

        body = answer.json()
        assert (answer.status_code, set(body)) == (200, {"redirect", "token", "user"})
        assert body["redirect"] is False
        expected = {"name", "email", "emailVerified", "image", "createdAt", "updatedAt", "id"}
        assert set(body["user"]) == expected
        assert re.fullmatch(ISO_MS, body["user"]["createdAt"])
        token = re.escape(body["token"])
        cookie = (
            rf"better-auth\.session_token={token}\.[A-Za-z0-9%]+; "
            "Max-Age=604800; Path=/; HttpOnly; SameSite=Lax"
        )
        assert re.fullmatch(cookie, answer.headers["set-cookie"])

    async def test_over_https_the_cookie_is_secure(
        self, ann: httpx.AsyncClient, connect: Client
    ) -> None:
        client = connect(base_url="https://sluice.example.com")
        form = {"email": "ann@example.com", "password": "correct horse"}

        answer = await client.post("/api/auth/sign-in/email", json=form)

        assert answer.headers["set-cookie"].endswith("; Secure")


class TestSession:
    async def test_without_cookie_there_is_none(self, client: httpx.AsyncClient) -> None:
        answer = await client.get("/api/auth/get-session")

        assert (answer.status_code, answer.json()) == (200, None)

    async def test_an_altered_cookie_is_nobodys(self, ann: httpx.AsyncClient) -> None:
        (cookie,) = ann.cookies.values()
        ann.cookies.clear()
        other = "y" if cookie[0] == "x" else "x"
        ann.cookies.set("better-auth.session_token", other + cookie[1:])

        answer = await ann.get("/dashboard/api/projects")

        assert (answer.status_code, answer.json()) == (401, {"error": "Unauthorized"})

    async def test_the_bare_token_opens_nothing(self, ann: httpx.AsyncClient) -> None:
        token = (await ann.get("/api/auth/get-session")).json()["session"]["token"]
        ann.cookies.clear()
        ann.cookies.set("better-auth.session_token", token)

        assert (await ann.get("/dashboard/api/projects")).status_code == 401

    async def test_it_says_who_is_signed_in(self, ann: httpx.AsyncClient) -> None:
        body = (await ann.get("/api/auth/get-session")).json()

        assert body["user"]["email"] == "ann@example.com"
        session = body["session"]
        assert session["userId"] == body["user"]["id"]
        for name in ("expiresAt", "createdAt", "updatedAt"):
            assert re.fullmatch(ISO_MS, session[name])
        assert session["ipAddress"] == "127.0.0.1"
        assert session["userAgent"].startswith("python-httpx/")

    async def test_signing_out_closes_it_even_for_a_copied_cookie(
        self, ann: httpx.AsyncClient, connect: Client
    ) -> None:
        copied = connect()
        copied.cookies.update(ann.cookies)

        answer = await ann.post("/api/auth/sign-out")

        assert (answer.status_code, answer.json()) == (200, {"success": True})
        assert "Max-Age=0" in answer.headers["set-cookie"]
        assert len(ann.cookies) == 0
        assert (await copied.get("/dashboard/api/projects")).status_code == 401


class TestChangePassword:
    PATH = "/api/auth/change-password"
    FORM: ClassVar = {"currentPassword": "correct horse", "newPassword": "battery staple"}

    async def test_nobody_who_is_not_signed_in_changes_one(self, client: httpx.AsyncClient) -> None:
        assert (await client.post(self.PATH, json=self.FORM)).status_code == 401

    @pytest.mark.parametrize(
        ("change", "body"),
        [
            (
                {"currentPassword": "wrong"},
                {"code": "INVALID_PASSWORD", "message": "Invalid password"},
            ),
            (
                {"newPassword": "short"},
                {"code": "PASSWORD_TOO_SHORT", "message": "Password too short"},
            ),
            (
                {"newPassword": "x" * 129},
                {"code": "PASSWORD_TOO_LONG", "message": "Password too long"},
            ),
            ({"newPassword": None}, {"code": "VALIDATION_ERROR", "message": MISSING_PASSWORD}),
        ],
    )
    async def test_it_needs_the_present_one_and_a_good_one(
        self, ann: httpx.AsyncClient, change: dict[str, object], body: dict[str, str]
    ) -> None:
        answer = await ann.post(self.PATH, json=self.FORM | change)

        assert (answer.status_code, answer.json()) == (400, body)

    @pytest.mark.parametrize("others_end", [True, False])
    async def test_the_new_one_signs_in_and_other_sessions_end_on_demand(
        self, ann: httpx.AsyncClient, connect: Client, others_end: bool
    ) -> None:
        other = connect()
        who = {"email": "ann@example.com", "password": "correct horse"}
        await other.post("/api/auth/sign-in/email", json=who)

        changed = await ann.post(self.PATH, json=self.FORM | {"revokeOtherSessions": others_end})

        body = changed.json()
        assert (changed.status_code, body["user"]["email"]) == (200, "ann@example.com")
        assert (body["token"] is not None) == others_end
        assert (await ann.get("/dashboard/api/projects")).status_code == 200
        seen = await other.get("/dashboard/api/projects")
        assert seen.status_code == (401 if others_end else 200)
        old = await connect().post("/api/auth/sign-in/email", json=who)
        new = await connect().post(
            "/api/auth/sign-in/email", json=who | {"password": "battery staple"}
        )
        assert (old.status_code, new.status_code) == (401, 200)


class TestCrossSite:
    WRITES = (
        ("POST", "/dashboard/api/projects"),
        ("PATCH", "/dashboard/api/projects/x"),
        ("DELETE", "/dashboard/api/projects/x"),
        ("POST", "/dashboard/api/api-keys"),
        ("PATCH", "/dashboard/api/api-keys/x"),
        ("DELETE", "/dashboard/api/api-keys/x"),
        ("POST", "/dashboard/api/users"),
        ("PATCH", "/dashboard/api/users/x"),
        ("DELETE", "/dashboard/api/users/x"),
        ("DELETE", "/dashboard/api/invitations/x"),
        ("POST", "/dashboard/api/invitations/accept"),
        ("POST", "/dashboard/api/whoami"),
        ("POST", "/dashboard/api/local-login-token"),
        ("POST", "/dashboard/api/signup"),
        ("POST", "/api/auth/sign-in/email"),
        ("POST", "/api/auth/sign-out"),
        ("POST", "/api/auth/change-password"),
        ("POST", "/api/auth/update-user"),
        ("POST", "/api/auth/revoke-session"),
        ("POST", "/api/auth/revoke-sessions"),
        ("POST", "/api/auth/revoke-other-sessions"),
    )

    ORIGINS = (
        "https://evil.example",
        "http://localhost:4000",
        "null",
        "http://evil@localhost",
        "http://[",
        "http://[::1",
    )

    @pytest.mark.parametrize(("method", "path"), WRITES)
    async def test_a_write_from_the_page_of_another_site_is_refused(
        self, client: httpx.AsyncClient, method: str, path: str
    ) -> None:
        for origin in self.ORIGINS:
            answer = await client.request(method, path, json={}, headers={"Origin": origin})

            assert answer.status_code == 403, origin
            check_cross_site(path, answer)

    @pytest.mark.parametrize(("method", "path"), WRITES)
    async def test_so_is_one_of_which_the_browser_says_that_it_is_another_sites(
        self, client: httpx.AsyncClient, method: str, path: str
    ) -> None:
        for site in ("cross-site", "same-site", "", "anything"):
            headers = {"Origin": "http://localhost:3000", "Sec-Fetch-Site": site}

            answer = await client.request(method, path, json={}, headers=headers)

            assert answer.status_code == 403, site
            check_cross_site(path, answer)

    @pytest.mark.parametrize(
        ("origin", "site"),
        [
            ("http://localhost:3000", "same-origin"),
            ("https://ui.example.com", "cross-site"),  # an allowed one
            ("https://public.example.com", "same-origin"),  # behind a proxy that rewrites Host
            (None, "none"),
        ],
    )
    async def test_a_page_of_ours_may_write_as_the_browser_knows_it(
        self, ann: httpx.AsyncClient, origin: str | None, site: str
    ) -> None:
        headers = {"Sec-Fetch-Site": site} | ({} if origin is None else {"Origin": origin})

        answer = await ann.post("/dashboard/api/projects", json={"name": "New"}, headers=headers)

        assert answer.status_code == 201

    @pytest.mark.parametrize("origin", ["http://localhost:3000", "https://ui.example.com", None])
    async def test_our_own_page_an_allowed_one_and_a_cli_may_write(
        self, ann: httpx.AsyncClient, origin: str | None
    ) -> None:
        headers = {} if origin is None else {"Origin": origin}

        answer = await ann.post("/dashboard/api/projects", json={"name": "New"}, headers=headers)

        assert answer.status_code == 201

    async def test_reading_is_not_affected(self, ann: httpx.AsyncClient) -> None:
        headers = {"Origin": "https://evil.example"}

        assert (await ann.get("/dashboard/api/projects", headers=headers)).status_code == 200


def check_cross_site(path: str, answer: httpx.Response) -> None:
    """Checks that a page shows what is wrong, and not a wrong password."""
    if path.startswith("/api/auth"):
        assert answer.json()["code"] == "INVALID_ORIGIN"
        message = answer.json()["message"]
    else:
        message = answer.json()["error"]
    assert message.startswith("Forbidden: cross-site request")
    assert "SLUICE_TRUSTED_PROXIES" in message
