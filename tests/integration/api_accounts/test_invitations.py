import json
from typing import Any

import httpx
import pytest
import structlog
from litestar import Litestar

from controlplane.attempts import AttemptLimits, AttemptRates
from tests.integration.api_accounts.conftest import LAN, Client, join, link_of, signed_in

USERS = "/dashboard/api/users"
PENDING = "/dashboard/api/invitations"
ACCEPT = "/dashboard/api/invitations/accept"
GONE = {"error": "The invitation is unknown, used, revoked or expired"}
NEWCOMER = {"name": "New", "email": "new@example.com", "password": "battery staple"}


async def names_of(client: httpx.AsyncClient) -> list[tuple[str, str]]:
    projects = (await client.get("/dashboard/api/projects")).json()["projects"]
    return sorted((project["name"], project["role"]) for project in projects)


class TestInvite:
    async def test_a_body_without_an_email_is_refused_as_pulse_does(
        self, ann: httpx.AsyncClient
    ) -> None:
        for body, message in (
            (b"{", "Invalid JSON body"),
            (b"{}", "Missing required field: email"),
            (b'{"email":5}', "Missing required field: email"),
            (b'{"email":"no email"}', "Invalid email"),
        ):
            answer = await ann.post(USERS, content=body)

            assert (answer.status_code, answer.json()) == (400, {"error": message})

    async def test_a_member_is_not_invited_again(self, ann: httpx.AsyncClient) -> None:
        answer = await ann.post(USERS, json={"email": "ann@example.com"})

        assert answer.status_code == 409
        assert answer.json() == {"error": "User is already a member of this project"}

    async def test_the_answer_has_pulses_shape_and_the_link(self, ann: httpx.AsyncClient) -> None:
        for given, role in (("admin", "admin"), ("owner", "user"), (7, "user"), (None, "user")):
            answer = await ann.post(USERS, json={"email": " BOB@example.com", "role": given})

            body = answer.json()
            assert answer.status_code == 201
            assert set(body) == {"user", "inviteUrl", "expiresAt"}
            assert set(body["user"]) == {"userId", "name", "email", "role", "createdAt"}
            assert (body["user"]["email"], body["user"]["role"]) == ("bob@example.com", role)
            assert body["inviteUrl"].startswith("http://localhost:3000/invite?token=")

    async def test_a_known_email_and_an_unknown_one_are_answered_alike(
        self, ann: httpx.AsyncClient, bob: httpx.AsyncClient
    ) -> None:
        answers = [
            await ann.post(USERS, json={"email": f"{name}@example.com"} | extra)
            for name in ("bob", "rob")
            for extra in ({}, {"name": "Rob", "password": "battery staple"}, {"password": "short"})
        ]

        shown = [
            {**answer.json()["user"], "status": answer.status_code, "userId": "", "createdAt": ""}
            for answer in answers
        ]
        assert json.dumps(shown[:3]).replace("bob", "rob") == json.dumps(shown[3:])

    async def test_a_given_password_opens_nothing_and_no_account_is_made(
        self, ann: httpx.AsyncClient, client: httpx.AsyncClient
    ) -> None:
        await ann.post(USERS, json=NEWCOMER)

        signed = await client.post("/api/auth/sign-in/email", json=NEWCOMER)

        assert signed.status_code == 401
        users = (await ann.get(USERS)).json()["users"]
        assert [user["email"] for user in users] == ["ann@example.com"]


class TestPending:
    async def test_they_are_listed_without_their_tokens_and_revoked(
        self, ann: httpx.AsyncClient, client: httpx.AsyncClient
    ) -> None:
        token = await link_of(ann, "new@example.com", "admin")
        listed = await ann.get(PENDING)
        (row,) = listed.json()["invitations"]

        revoked = await ann.delete(f"{PENDING}/{row['id']}")

        assert set(row) == {"id", "email", "role", "invitedBy", "createdAt", "expiresAt"}
        assert (row["email"], row["role"], row["invitedBy"]) == ("new@example.com", "admin", "Ann")
        assert token not in listed.text
        assert revoked.status_code == 200
        answer = await client.get(ACCEPT, params={"token": token})
        assert (answer.status_code, answer.json()) == (404, GONE)
        assert (await ann.delete(f"{PENDING}/{row['id']}")).status_code == 404

    async def test_the_admin_of_another_project_sees_and_revokes_none(
        self, ann: httpx.AsyncClient, bob: httpx.AsyncClient
    ) -> None:
        await link_of(ann, "new@example.com")
        (row,) = (await ann.get(PENDING)).json()["invitations"]
        anns = {"X-Project-Id": ann.headers["X-Project-Id"]}

        assert (await bob.get(PENDING)).json() == {"invitations": []}
        assert (await bob.delete(f"{PENDING}/{row['id']}")).status_code == 404
        assert (await bob.get(PENDING, headers=anns)).status_code == 403
        assert (await bob.delete(f"{PENDING}/{row['id']}", headers=anns)).status_code == 403
        assert (await bob.post(USERS, json=NEWCOMER, headers=anns)).status_code == 403
        assert (await ann.get(PENDING)).json()["invitations"] == [row]


class TestAccept:
    async def test_its_holder_reads_what_it_offers(
        self, ann: httpx.AsyncClient, client: httpx.AsyncClient
    ) -> None:
        token = await link_of(ann, "new@example.com")

        answer = await client.get(ACCEPT, params={"token": token})

        body = answer.json()
        assert body.pop("expiresAt").endswith("Z")
        assert body == {
            "projectName": "Shop",
            "role": "user",
            "invitedBy": "Ann",
            "email": "new@example.com",
        }
        assert answer.headers["cache-control"] == "no-store"

    async def test_an_account_made_in_advance_under_the_email_gains_nothing(
        self, ann: httpx.AsyncClient, connect: Client
    ) -> None:
        attacker = await signed_in(connect(), "victim", project="Trap")

        token = await link_of(ann, "victim@example.com", "admin")

        assert await names_of(attacker) == [("Trap", "admin")]
        anns = {"X-Project-Id": ann.headers["X-Project-Id"]}
        assert (await attacker.get("/dashboard/api/whoami", headers=anns)).status_code == 403
        victim = connect()
        taken = NEWCOMER | {"token": token, "email": "victim@example.com"}
        refused = await victim.post(ACCEPT, json=taken)
        assert (refused.status_code, refused.json()["error"].split(".")[0]) == (
            400,
            "User already exists",
        )
        joined = await victim.post(ACCEPT, json=NEWCOMER | {"token": token})
        assert joined.json()["user"]["email"] == "new@example.com"
        assert await names_of(victim) == [("Shop", "admin")]
        assert await names_of(attacker) == [("Trap", "admin")]
        users = (await ann.get(USERS)).json()["users"]
        assert [user["email"] for user in users] == ["ann@example.com", "new@example.com"]

    async def test_a_newcomer_sets_their_own_password_and_is_signed_in(
        self, ann: httpx.AsyncClient, client: httpx.AsyncClient, connect: Client
    ) -> None:
        token = await link_of(ann, "new@example.com")

        joined = await client.post(ACCEPT, json=NEWCOMER | {"token": token})

        assert (joined.status_code, joined.json()["projectName"]) == (200, "Shop")
        assert "better-auth.session_token=" in joined.headers["set-cookie"]
        assert await names_of(client) == [("Shop", "user")]
        signed = await connect().post("/api/auth/sign-in/email", json=NEWCOMER)
        assert signed.status_code == 200

    async def test_an_account_joins_with_its_password_or_its_session(
        self, ann: httpx.AsyncClient, bob: httpx.AsyncClient, connect: Client
    ) -> None:
        cy = await signed_in(connect(), "cy", project="Cellar")
        await join(cy, await link_of(ann, "any@example.com", "admin"))
        token = await link_of(ann, "any@example.com")
        form = {"token": token, "email": "bob@example.com", "password": "wrong"}

        wrong = await connect().post(ACCEPT, json=form)
        right = await connect().post(ACCEPT, json=form | {"password": "correct horse"})

        assert await names_of(cy) == [("Cellar", "admin"), ("Shop", "admin")]
        assert (wrong.status_code, right.status_code) == (401, 200)
        assert await names_of(bob) == [("Bakery", "admin"), ("Shop", "user")]

    async def test_the_token_is_needed_whatever_else_is_right(
        self, ann: httpx.AsyncClient, bob: httpx.AsyncClient, client: httpx.AsyncClient
    ) -> None:
        await link_of(ann, "bob@example.com")
        who = {"email": "bob@example.com", "password": "correct horse"}

        for body, status in (
            ({}, 400),
            (who, 400),
            ({"token": "x" * 43}, 404),
            (who | {"token": "x" * 43}, 404),
            (NEWCOMER | {"token": "x" * 43}, 404),
        ):
            assert (await bob.post(ACCEPT, json=body)).status_code == status

        assert (await client.post(ACCEPT, json={"token": "x" * 43})).status_code == 401
        assert await names_of(bob) == [("Bakery", "admin")]

    @pytest.mark.parametrize("method", ["GET", "POST"])
    async def test_an_address_that_tries_tokens_is_put_off(
        self, app: Litestar, client: httpx.AsyncClient, connect: Client, method: str
    ) -> None:
        app.state.attempts = AttemptLimits(AttemptRates(per_address=2))
        form = {"token": "x", "email": "a@b.c", "password": "x"}
        ask: dict[str, Any] = {"params": {"token": "x"}} if method == "GET" else {"json": form}

        seen = [(await client.request(method, ACCEPT, **ask)).status_code for _ in range(3)]
        elsewhere = await connect(LAN).request(method, ACCEPT, **ask)

        assert seen == [404, 404, 429]
        assert elsewhere.status_code == 404


async def test_what_changes_members_is_logged_without_tokens(
    ann: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    with structlog.testing.capture_logs() as lines:
        token = await link_of(ann, "bob@example.com")
        await join(bob, token)
        (_, bobs) = (await ann.get(USERS)).json()["users"]
        await ann.patch(f"{USERS}/{bobs['userId']}", json={"role": "admin"})
        await ann.delete(f"{USERS}/{bobs['userId']}")
        await link_of(ann, "bob@example.com")
        (row,) = (await ann.get(PENDING)).json()["invitations"]
        await ann.delete(f"{PENDING}/{row['id']}")

    assert [line["event"] for line in lines] == [
        "person invited",
        "invitation accepted",
        "member has another role",
        "member removed",
        "person invited",
        "invitation revoked",
    ]
    assert {line["project_id"] for line in lines} == {ann.headers["X-Project-Id"]}
    assert token not in str(lines)
