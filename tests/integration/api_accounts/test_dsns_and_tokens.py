"""DSNs and API tokens over HTTP: who may see, make and revoke them."""

import re

import httpx
import pytest
from litestar import Litestar

from controlplane.failures import Unauthorized
from controlplane.quotas import Quotas

NOWHERE = "00000000-0000-4000-8000-000000000000"
DSNS, TOKENS = "/dashboard/api/dsn-keys", "/dashboard/api/tokens"
NOT_ADMIN = {"error": "Forbidden: admin role required for this operation"}
NO_BODY = {"error": "Invalid request body"}


async def join(ann: httpx.AsyncClient, bob: httpx.AsyncClient, role: str = "user") -> None:
    """Makes Bob a member of Ann's project, and has his requests name it."""
    email = "bob@example.com"
    made = await ann.post("/dashboard/api/users", json={"email": email, "role": role})
    token = made.json()["inviteUrl"].partition("token=")[2]
    accepted = await bob.post("/dashboard/api/invitations/accept", json={"token": token})
    assert accepted.status_code == 200, accepted.text
    bob.headers["X-Project-Id"] = ann.headers["X-Project-Id"]


@pytest.fixture
async def few(app: Litestar) -> None:
    app.state.quotas = Quotas(
        max_projects_per_user=50, max_members_per_project=500, max_keys_per_project=1
    )


class TestDsns:
    async def test_a_new_project_has_one_under_our_own_address(
        self, ann: httpx.AsyncClient
    ) -> None:
        (row,) = (await ann.get(DSNS)).json()["dsnKeys"]

        assert set(row) == {
            *("id", "projectId", "projectNumber", "publicKey", "dsn", "label", "environment"),
            "createdAt",
        }
        assert re.fullmatch("[0-9a-f]{32}", row["publicKey"])
        host = f"{ann.base_url.scheme}://{row['publicKey']}@{ann.base_url.netloc.decode()}"
        assert row["dsn"] == f"{host}/{row['projectNumber']}"

    @pytest.mark.parametrize("body", [b"", b"[]", b'{"label": 1}', b'{"environment": []}', b"{"])
    async def test_a_body_of_another_form_makes_none(
        self, ann: httpx.AsyncClient, body: bytes
    ) -> None:
        answer = await ann.post(DSNS, content=body)

        assert (answer.status_code, answer.json()) == (400, NO_BODY)

    async def test_members_see_them_and_admins_make_and_revoke_them(
        self, ann: httpx.AsyncClient, bob: httpx.AsyncClient
    ) -> None:
        await join(ann, bob)
        (row,) = (await bob.get(DSNS)).json()["dsnKeys"]

        for answer in (
            await bob.post(DSNS, json={}),
            await bob.delete(f"{DSNS}/{row['id']}"),
        ):
            assert (answer.status_code, answer.json()) == (403, NOT_ADMIN)
        made = await ann.post(DSNS, json={"label": " Web ", "environment": "staging"})

        assert made.status_code == 201
        assert (made.json()["label"], made.json()["environment"]) == ("Web", "staging")
        assert (await bob.get(DSNS)).json()["dsnKeys"] == [row, made.json()]

    async def test_a_revoked_one_stops_at_once(self, ann: httpx.AsyncClient, app: Litestar) -> None:
        (row,) = (await ann.get(DSNS)).json()["dsnKeys"]
        assert await app.state.dsn_keys.project_of(row["publicKey"]) is not None

        answer = await ann.delete(f"{DSNS}/{row['id']}")

        assert (answer.status_code, answer.json()) == (200, {"success": True})
        assert await app.state.dsn_keys.project_of(row["publicKey"]) is None
        assert (await ann.get(DSNS)).json() == {"dsnKeys": []}

    @pytest.mark.parametrize("whose", [NOWHERE, "x", "bob's"])
    async def test_one_of_nobody_or_of_another_project_is_not_found(
        self, ann: httpx.AsyncClient, bob: httpx.AsyncClient, whose: str
    ) -> None:
        (bobs,) = (await bob.get(DSNS)).json()["dsnKeys"]

        key_id = bobs["id"] if whose == "bob's" else whose
        answer = await ann.delete(f"{DSNS}/{key_id}")

        assert (answer.status_code, answer.json()) == (404, {"error": "DSN key not found"})
        assert (await bob.get(DSNS)).json()["dsnKeys"] == [bobs]

    async def test_those_of_a_deleted_project_stop_at_once(
        self, ann: httpx.AsyncClient, app: Litestar
    ) -> None:
        (row,) = (await ann.get(DSNS)).json()["dsnKeys"]
        token = (await ann.post(TOKENS, json={})).json()["apiToken"]
        await app.state.dsn_keys.project_of(row["publicKey"])
        await app.state.api_tokens.holder_of(f"Bearer {token}")

        await ann.delete(f"/dashboard/api/projects/{row['projectId']}")

        assert await app.state.dsn_keys.project_of(row["publicKey"]) is None
        with pytest.raises(Unauthorized):
            await app.state.api_tokens.holder_of(f"Bearer {token}")

    @pytest.mark.usefixtures("few")
    async def test_there_are_no_more_than_the_quota(self, ann: httpx.AsyncClient) -> None:
        assert (await ann.post(DSNS, json={})).status_code == 409


class TestTokens:
    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b'{"name": 1}',
            b'{"expiresAt": "tomorrow"}',
            b'{"expiresAt": "2999-01-01T00:00:00"}',
            b'{"allProjects": "yes"}',
        ],
    )
    async def test_a_body_of_another_form_makes_none(
        self, ann: httpx.AsyncClient, body: bytes
    ) -> None:
        answer = await ann.post(TOKENS, content=body)

        assert (answer.status_code, answer.json()) == (400, NO_BODY)
        assert (await ann.get(TOKENS)).json() == {"tokens": []}

    async def test_a_scope_that_is_none_is_answered_with_those_that_are(
        self, ann: httpx.AsyncClient
    ) -> None:
        answer = await ann.post(TOKENS, json={"name": "one", "scope": "owner"})

        assert answer.status_code == 400
        assert "'read', 'write' or 'admin'" in answer.json()["error"]
        assert (await ann.get(TOKENS)).json() == {"tokens": []}

    async def test_one_that_has_ended_already_is_not_made(self, ann: httpx.AsyncClient) -> None:
        answer = await ann.post(TOKENS, json={"expiresAt": "2020-01-01T00:00:00Z"})

        assert answer.status_code == 400
        assert answer.json() == {"error": "expiresAt must be in the future"}

    async def test_one_of_the_project_is_shown_once_and_works(
        self, ann: httpx.AsyncClient, app: Litestar
    ) -> None:
        form = {"name": " CI ", "scope": "write", "expiresAt": "2999-01-01T00:00:00Z"}
        made = await ann.post(TOKENS, json=form)

        plain, row = made.json()["apiToken"], made.json()["token"]
        assert (made.status_code, plain[:5]) == (201, "oscp_")
        assert (row["name"], row["scope"], row["lastFour"]) == ("CI", "write", plain[-4:])
        assert row["projectId"] == ann.headers["X-Project-Id"]
        assert row["expiresAt"] == "2999-01-01T00:00:00.000Z"
        listed = await ann.get(TOKENS)
        assert listed.json() == {"tokens": [row]}
        assert plain not in listed.text
        assert (await app.state.api_tokens.holder_of(f"Bearer {plain}")).scope == "write"

    async def test_members_make_see_and_revoke_only_their_own(
        self, ann: httpx.AsyncClient, bob: httpx.AsyncClient, app: Litestar
    ) -> None:
        await join(ann, bob)
        of_project = (await ann.post(TOKENS, json={})).json()["token"]
        of_ann = (await ann.post(TOKENS, json={"allProjects": True})).json()["token"]

        refused = [
            await bob.post(TOKENS, json={}),
            await bob.delete(f"{TOKENS}/{of_project['id']}"),
            await bob.delete(f"{TOKENS}/{of_ann['id']}"),
        ]
        made = (await bob.post(TOKENS, json={"allProjects": True})).json()
        await app.state.api_tokens.holder_of(f"Bearer {made['apiToken']}")

        assert [(one.status_code, one.json()) for one in refused] == [(403, NOT_ADMIN)] * 3
        assert made["apiToken"].startswith("osco_")
        assert (await bob.get(TOKENS)).json() == {"tokens": [made["token"]]}
        assert (await ann.get(TOKENS)).json() == {"tokens": [of_project, of_ann]}
        assert (await ann.delete(f"{TOKENS}/{made['token']['id']}")).status_code == 404
        assert (await bob.delete(f"{TOKENS}/{made['token']['id']}")).status_code == 200
        with pytest.raises(Unauthorized):
            await app.state.api_tokens.holder_of(f"Bearer {made['apiToken']}")

    @pytest.mark.usefixtures("few")
    async def test_there_are_no_more_than_the_quota(self, ann: httpx.AsyncClient) -> None:
        for body in ({}, {"allProjects": True}):
            assert (await ann.post(TOKENS, json=body)).status_code == 201
            assert (await ann.post(TOKENS, json=body)).status_code == 409
