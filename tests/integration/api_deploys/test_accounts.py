"""Registering, logging in, and the tokens of logins."""

import base64
import json
import time
from typing import Any

import httpx
import jwt
import pytest
from litestar import Litestar

from controlplane.attempts import AttemptLimits, AttemptRates
from controlplane.crypto import Vault
from tests.integration.api_deploys.conftest import PASSWORD, Client, Owner, registered

JANE = {"email": "jane@example.com", "name": "Jane Doe", "password": PASSWORD}
NOBODY = (401, {"error": "authorization required"})
BAD_FORM = (401, {"error": "invalid authorization format, expected: Bearer <token>"})
BAD_TOKEN = (401, {"error": "invalid or expired token"})


def said(answer: httpx.Response) -> tuple[int, Any]:
    return answer.status_code, answer.json()


def token_in(client: httpx.AsyncClient) -> str:
    return client.headers["Authorization"].partition(" ")[2]


class TestRegister:
    @pytest.mark.parametrize(
        ("change", "error"),
        [
            ({"email": None}, "email: is required"),
            ({"email": "jane"}, "email: Invalid email: expected such as ann@example.com"),
            ({"email": 1}, "email: expected a text, not a whole number"),
            ({"name": "J"}, "name: expected a text of at least 2 characters"),
            ({"name": "  J  "}, "name: expected a text of at least 2 characters"),
            ({"password": "seven77"}, "password: expected a text of at least 8 characters"),
        ],
    )
    async def test_a_field_that_breaks_a_rule_is_named(
        self, nobody: httpx.AsyncClient, change: dict[str, Any], error: str
    ) -> None:
        answer = await nobody.post("/auth/register", json=JANE | change)

        assert said(answer) == (400, {"error": error})

    @pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff"])
    async def test_what_is_no_object_is_rejected(
        self, nobody: httpx.AsyncClient, body: bytes
    ) -> None:
        answer = await nobody.post("/auth/register", content=body)

        assert answer.status_code == 400
        assert list(answer.json()) == ["error"]

    async def test_an_email_has_one_account(self, nobody: httpx.AsyncClient) -> None:
        await nobody.post("/auth/register", json=JANE)

        answer = await nobody.post("/auth/register", json=JANE | {"email": "JANE@example.com"})

        assert said(answer) == (409, {"error": "user with this email already exists"})

    async def test_nobody_registers_where_sign_up_is_disabled(
        self, nobody: httpx.AsyncClient, app: Litestar
    ) -> None:
        app.state.signup_enabled = False

        answer = await nobody.post("/auth/register", json=JANE)

        assert said(answer) == (403, {"error": "Sign-up is disabled on this server"})

    async def test_it_answers_a_token_and_the_person(self, nobody: httpx.AsyncClient) -> None:
        answer = await nobody.post("/auth/register", json=JANE)

        assert answer.status_code == 201
        assert set(answer.json()) == {"token", "user"}
        user = answer.json()["user"]
        assert set(user) == {"id", "created_at", "updated_at", "email", "name", "role"}
        assert (user["email"], user["name"], user["role"]) == (JANE["email"], "Jane Doe", "user")
        assert answer.headers["cache-control"] == "no-store"

    async def test_the_account_is_that_of_the_dashboard(
        self, nobody: httpx.AsyncClient, connect: Client
    ) -> None:
        await nobody.post("/auth/register", json=JANE)
        browser = connect()
        form = {"email": JANE["email"], "password": PASSWORD}

        answer = await browser.post("http://localhost:3000/api/auth/sign-in/email", json=form)

        assert answer.status_code == 200


class TestLogin:
    async def test_a_wrong_password_and_an_unknown_email_are_told_the_same(
        self, nobody: httpx.AsyncClient
    ) -> None:
        await nobody.post("/auth/register", json=JANE)

        for form in (JANE | {"password": "wrong horse"}, JANE | {"email": "x@example.com"}):
            answer = await nobody.post("/auth/login", json=form)
            assert said(answer) == (401, {"error": "invalid email or password"})

    async def test_it_answers_as_registering_does(self, nobody: httpx.AsyncClient) -> None:
        made = await nobody.post("/auth/register", json=JANE)

        answer = await nobody.post("/auth/login", json=JANE)

        assert answer.status_code == 200
        assert answer.json()["user"] == made.json()["user"]
        assert answer.json()["token"] != made.json()["token"]

    async def test_attempts_are_limited_and_the_answer_says_for_how_long(
        self, connect: Client, app: Litestar
    ) -> None:
        app.state.attempts = AttemptLimits(AttemptRates(per_email_and_address=2))
        client = connect("192.0.2.7")
        form = {"email": JANE["email"], "password": "wrong horse"}

        answers = [await client.post("/auth/login", json=form) for _ in range(3)]

        assert [one.status_code for one in answers] == [401, 401, 429]
        assert answers[-1].json() == {"error": "too many requests"}
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 61


class TestTokens:
    async def test_it_holds_whose_it_is_and_ends_after_a_day(
        self, nobody: httpx.AsyncClient, vault: Vault
    ) -> None:
        answer = await nobody.post("/auth/register", json=JANE)

        claims = jwt.decode(answer.json()["token"], vault.login_keys[0], algorithms=["HS256"])

        assert set(claims) == {"sub", "iat", "exp", "jti"}
        assert claims["sub"] == answer.json()["user"]["id"]
        assert claims["exp"] - claims["iat"] == pytest.approx(24 * 3600, abs=2)

    async def test_without_one_nothing_is_answered(self, nobody: httpx.AsyncClient) -> None:
        assert said(await nobody.get("/projects")) == NOBODY
        assert said(await nobody.get("/projects?token=")) == NOBODY

    @pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Token x", "Bearer a b", "x"])
    async def test_a_header_of_another_form_is_told_the_form(self, ann: Owner, header: str) -> None:
        token = token_in(ann.http)

        answer = await ann.http.get(
            "/projects", headers={"Authorization": header}, params={"token": token}
        )

        assert said(answer) == BAD_FORM

    @pytest.mark.parametrize("word", ["Bearer", "bearer", "BEARER"])
    async def test_the_word_before_it_may_have_capitals(self, ann: Owner, word: str) -> None:
        header = {"Authorization": f"{word} {token_in(ann.http)}"}

        assert (await ann.http.get("/projects", headers=header)).status_code == 200

    async def test_it_may_come_in_the_address_where_no_header_does(
        self, ann: Owner, nobody: httpx.AsyncClient
    ) -> None:
        token = token_in(ann.http)

        answer = await nobody.get("/projects", params={"token": token})
        beside = await nobody.get(
            "/projects", params={"token": token}, headers={"Authorization": "Bearer x"}
        )

        assert [one["id"] for one in answer.json()["data"]] == [ann.id]
        assert said(beside) == BAD_TOKEN

    async def test_another_signature_algorithm_or_claims_are_refused(
        self, ann: Owner, nobody: httpx.AsyncClient, vault: Vault
    ) -> None:
        key = vault.login_keys[0]
        claims = jwt.decode(token_in(ann.http), key, algorithms=["HS256"])
        head, body, _ = token_in(ann.http).split(".")
        none = base64.urlsafe_b64encode(json.dumps({"alg": "none"}).encode()).decode().rstrip("=")
        forged = [
            f"{head}.{body}.",
            f"{none}.{body}.",
            jwt.encode(claims, b"x" * 32, algorithm="HS256"),
            jwt.encode(claims, key * 2, algorithm="HS384"),
            jwt.encode(claims | {"exp": int(time.time()) - 1}, key, algorithm="HS256"),
            jwt.encode({**claims, "jti": "x"}, key, algorithm="HS256"),
            jwt.encode({k: v for k, v in claims.items() if k != "jti"}, key, algorithm="HS256"),
            jwt.encode({k: v for k, v in claims.items() if k != "exp"}, key, algorithm="HS256"),
            "x" * 3000,
            "ü",
        ]

        for token in forged:
            answer = await nobody.get("/projects", params={"token": token})
            assert said(answer) == BAD_TOKEN, token

    async def test_the_session_of_somebody_else_is_not_theirs(
        self, ann: Owner, bob: Owner, nobody: httpx.AsyncClient, vault: Vault
    ) -> None:
        key = vault.login_keys[0]
        claims = jwt.decode(token_in(ann.http), key, algorithms=["HS256"])
        mixed = jwt.encode(claims | {"sub": bob.user["id"]}, key, algorithm="HS256")

        assert said(await nobody.get("/projects", params={"token": mixed})) == BAD_TOKEN

    async def test_it_ends_with_a_log_out_and_no_other_does(
        self, ann: Owner, nobody: httpx.AsyncClient
    ) -> None:
        form = {"email": "ann@example.com", "password": PASSWORD}
        other = (await nobody.post("/auth/login", json=form)).json()["token"]

        answer = await ann.http.post("/auth/logout")

        assert said(answer) == (200, {"message": "logged out"})
        assert said(await ann.http.get("/projects")) == BAD_TOKEN
        assert (await nobody.get("/projects", params={"token": other})).status_code == 200

    async def test_it_ends_when_the_dashboard_ends_all_sessions(
        self, ann: Owner, connect: Client
    ) -> None:
        browser = connect()
        form = {"email": "ann@example.com", "password": PASSWORD}
        await browser.post("http://localhost:3000/api/auth/sign-in/email", json=form)

        await browser.post("http://localhost:3000/api/auth/revoke-sessions", json={})

        assert said(await ann.http.get("/projects")) == BAD_TOKEN

    async def test_that_of_a_key_of_before_is_believed_and_new_ones_have_the_new_key(
        self, ann: Owner, app: Litestar, nobody: httpx.AsyncClient
    ) -> None:
        old = "a secret of the tests, longer than 32 characters"
        app.state.vault = Vault("another secret of the tests, as long as that", [old])

        assert (await ann.http.get("/projects")).status_code == 200
        form = {"email": "ann@example.com", "password": PASSWORD}
        new = (await nobody.post("/auth/login", json=form)).json()["token"]
        app.state.vault = Vault("another secret of the tests, as long as that")
        assert said(await ann.http.get("/audit")) == BAD_TOKEN
        assert (await nobody.get("/audit", params={"token": new})).status_code == 200


async def test_a_person_without_a_project_lists_none(nobody: httpx.AsyncClient) -> None:
    await registered(nobody, "jane")

    assert said(await nobody.get("/projects")) == (200, {"data": []})
