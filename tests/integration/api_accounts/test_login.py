import re
from urllib.parse import urlsplit

import httpx
import pytest

from api.login import is_loopback_url
from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.initial import Seed, ensure_initial
from controlplane.sessions import operator_name
from schemas.projects import ProjectId
from tests.integration.api_accounts.conftest import LAN, Client, link_of

OFFER = "/dashboard/api/local-login-token"
REDEEM = "/dashboard/api/local-login"
BACK = "http://localhost:5173/traces?x=1"
REMOTE = {"error": "Local login token endpoint is only available on loopback hosts"}
NOT_LOOPBACK = "redirect_url must use a loopback host (localhost or 127.0.0.1)"


async def key_of(client: httpx.AsyncClient) -> str:
    keys = (await client.get("/dashboard/api/api-keys")).json()["keys"]
    return str(keys[0]["key"])


@pytest.mark.parametrize(
    "url",
    [
        "http://evil.example/",
        "http://localhost.evil.example/",
        "http://localhost@evil.example/",
        "http://evil.example\\@localhost/",
        "http://localhost\\.evil.example",
        "//localhost/",
        "javascript://localhost/%0aalert(1)",
        "/relative",
        "http://[::1",
        "http://local\thost/",
        "http://localhost/ x\r\nSet-Cookie: a=b",
        "",
    ],
)
def test_an_address_that_may_leave_the_machine_is_refused(url: str) -> None:
    assert not is_loopback_url(url)


@pytest.mark.parametrize(
    "url", [BACK, "https://127.0.0.1/", "http://[::1]:3000", "http://LOCALHOST"]
)
def test_an_address_of_this_machine_is_accepted(url: str) -> None:
    assert is_loopback_url(url)


class TestOffer:
    async def test_another_machine_is_refused_whatever_host_it_names(self, connect: Client) -> None:
        answer = await connect(LAN).post(OFFER, json={})

        assert (answer.status_code, answer.json()) == (403, REMOTE)

    async def test_a_public_name_is_refused_even_from_this_machine(self, connect: Client) -> None:
        answer = await connect(base_url="http://sluice.example.com").post(OFFER, json={})

        assert (answer.status_code, answer.json()) == (403, REMOTE)

    @pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Forwarded-Proto", "CF-Connecting-IP"])
    async def test_what_a_proxy_forwards_is_refused(
        self, client: httpx.AsyncClient, header: str
    ) -> None:
        answer = await client.post(OFFER, json={}, headers={header: LAN})

        assert (answer.status_code, answer.json()) == (403, REMOTE)

    @pytest.mark.parametrize(
        ("body", "status", "message"),
        [
            (b"{", 400, "Invalid JSON body"),
            (b"{}", 400, "Missing required field: redirect_url"),
            (b'{"redirect_url":"http://evil.example"}', 400, NOT_LOOPBACK),
            (
                b'{"redirect_url":"http://localhost"}',
                400,
                "Missing required fields: api_key or email/password",
            ),
            (
                b'{"redirect_url":"http://localhost","api_key":"pulse_sk_unknown"}',
                401,
                "Invalid local API key or project",
            ),
            (
                b'{"redirect_url":"http://localhost","email":"a@b.c","password":"wrong"}',
                401,
                "Invalid email or password",
            ),
        ],
    )
    async def test_a_body_that_breaks_a_rule_is_refused(
        self, client: httpx.AsyncClient, body: bytes, status: int, message: str
    ) -> None:
        answer = await client.post(OFFER, content=body)

        assert (answer.status_code, answer.json()) == (status, {"error": message})

    async def test_a_key_of_another_project_is_refused(
        self, ann: httpx.AsyncClient, bob: httpx.AsyncClient
    ) -> None:
        form = {
            "redirect_url": BACK,
            "api_key": await key_of(ann),
            "project_id": bob.headers["X-Project-Id"],
        }

        answer = await ann.post(OFFER, json=form)

        assert answer.status_code == 401
        assert answer.json() == {"error": "Invalid local API key or project"}


class TestRedeem:
    async def test_another_machine_is_refused(self, connect: Client) -> None:
        answer = await connect(LAN).get(REDEEM, params={"token": "0" * 32})

        assert answer.status_code == 403

    async def test_a_token_is_needed(self, client: httpx.AsyncClient) -> None:
        answer = await client.get(REDEEM)

        assert answer.status_code == 400
        assert answer.json() == {"error": "Missing token query parameter"}

    async def test_an_unknown_token_is_refused(self, client: httpx.AsyncClient) -> None:
        answer = await client.get(REDEEM, params={"token": "0" * 32})

        assert answer.status_code == 400
        assert answer.json() == {"error": "Token is invalid or expired"}

    @pytest.mark.parametrize("with_key", [True, False])
    async def test_the_offered_address_signs_the_browser_in_once(
        self, ann: httpx.AsyncClient, client: httpx.AsyncClient, with_key: bool
    ) -> None:
        project_id = ann.headers["X-Project-Id"]
        who = (
            {"api_key": await key_of(ann), "project_id": project_id}
            if with_key
            else {"email": "ann@example.com", "password": "correct horse"}
        )
        expected = operator_name(ProjectId(project_id)) if with_key else "ann@example.com"
        offered = await ann.post(OFFER, json={"redirect_url": BACK} | who)
        login_url = offered.json()["login_url"]

        first = await client.get(login_url)
        second = await client.get(login_url)

        assert offered.status_code == 201
        assert re.fullmatch(rf"http://localhost:3000{REDEEM}\?token=[0-9a-f]{{32}}", login_url)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT.*\.\d{3}Z", offered.json()["expires_at"])
        assert (first.status_code, first.headers["location"]) == (302, BACK)
        assert first.headers["cache-control"] == "no-store"
        assert "Max-Age=604800" in first.headers["set-cookie"]
        who_now = (await client.get("/api/auth/get-session")).json()["user"]
        assert who_now["email"] == expected
        assert (second.status_code, second.json()) == (
            400,
            {"error": "Token is invalid or expired"},
        )

    async def test_a_key_opens_no_other_project_of_its_admin(
        self, ann: httpx.AsyncClient, client: httpx.AsyncClient
    ) -> None:
        made = await ann.post("/dashboard/api/projects", json={"name": "Secret"})
        form = {"redirect_url": BACK, "api_key": await key_of(ann)}

        await client.get((await client.post(OFFER, json=form)).json()["login_url"])

        projects = (await client.get("/dashboard/api/projects")).json()["projects"]
        assert [(p["name"], p["role"]) for p in projects] == [("Shop", "user")]
        other = {"X-Project-Id": made.json()["projectId"]}
        refused = await client.get("/dashboard/api/api-keys", headers=other)
        assert refused.status_code == 403

    async def test_the_key_of_a_fresh_installation_opens_its_project(
        self, database: Database, vault: Vault, client: httpx.AsyncClient
    ) -> None:
        planted = await ensure_initial(database, vault, Seed())
        assert planted is not None
        form = {"redirect_url": BACK, "api_key": planted.plain_key}

        login_url = (await client.post(OFFER, json=form)).json()["login_url"]
        await client.get(f"{urlsplit(login_url).path}?{urlsplit(login_url).query}")

        projects = (await client.get("/dashboard/api/projects")).json()["projects"]
        assert [(p["name"], p["role"]) for p in projects] == [("Default", "user")]


class TestKeySession:
    """What a browser may that an API key signed in."""

    @pytest.fixture
    async def browser(self, ann: httpx.AsyncClient, connect: Client) -> httpx.AsyncClient:
        browser = connect()
        browser.headers["X-Project-Id"] = ann.headers["X-Project-Id"]
        form = {"redirect_url": BACK, "api_key": await key_of(ann)}
        await browser.get((await browser.post(OFFER, json=form)).json()["login_url"])
        return browser

    async def test_it_reads_and_writes_as_the_key_does(
        self, ann: httpx.AsyncClient, browser: httpx.AsyncClient
    ) -> None:
        project_id = ann.headers["X-Project-Id"]

        seen = await browser.get("/dashboard/api/whoami")
        written = await browser.post("/dashboard/api/whoami")
        settings = await browser.get(f"/dashboard/api/projects/{project_id}")

        (key,) = (await ann.get("/dashboard/api/api-keys")).json()["keys"]
        assert seen.json()["project_id"] == written.json()["project_id"] == project_id
        assert seen.json()["key_id"] == key["id"]
        assert settings.json()["name"] == "Shop"

    MANAGING = (
        ("GET", "/dashboard/api/api-keys"),
        ("POST", "/dashboard/api/api-keys"),
        ("PATCH", "/dashboard/api/api-keys/{key}"),
        ("DELETE", "/dashboard/api/api-keys/{key}"),
        ("GET", "/dashboard/api/users"),
        ("POST", "/dashboard/api/users"),
        ("PATCH", "/dashboard/api/users/{user}"),
        ("DELETE", "/dashboard/api/users/{user}"),
        ("GET", "/dashboard/api/invitations"),
        ("DELETE", "/dashboard/api/invitations/x"),
        ("POST", "/dashboard/api/projects"),
        ("PATCH", "/dashboard/api/projects/{project}"),
        ("DELETE", "/dashboard/api/projects/{project}"),
        ("POST", "/api/auth/change-password"),
        ("POST", "/api/auth/update-user"),
        ("GET", "/api/auth/list-sessions"),
        ("POST", "/api/auth/revoke-session"),
        ("POST", "/api/auth/revoke-sessions"),
        ("POST", "/api/auth/revoke-other-sessions"),
    )

    async def test_it_manages_nothing(
        self, ann: httpx.AsyncClient, browser: httpx.AsyncClient
    ) -> None:
        (key,) = (await ann.get("/dashboard/api/api-keys")).json()["keys"]
        (user,) = (await ann.get("/dashboard/api/users")).json()["users"]
        ids = {"key": key["id"], "user": user["userId"], "project": ann.headers["X-Project-Id"]}
        body = {"name": "x", "email": "x@example.com", "role": "user"}

        for method, path in self.MANAGING:
            answer = await browser.request(method, path.format(**ids), json=body)

            assert answer.status_code == 403, path
            said = answer.json()["message" if path.startswith("/api/auth") else "error"]
            assert said.startswith("Forbidden: an API key opened this session")

    async def test_it_accepts_no_invitation(
        self, bob: httpx.AsyncClient, browser: httpx.AsyncClient
    ) -> None:
        token = await link_of(bob, "any@example.com", "admin")

        answer = await browser.post("/dashboard/api/invitations/accept", json={"token": token})

        assert answer.status_code == 403

    async def test_it_enters_no_other_project_than_the_keys(
        self, bob: httpx.AsyncClient, browser: httpx.AsyncClient
    ) -> None:
        other = {"X-Project-Id": bob.headers["X-Project-Id"]}

        assert (await browser.get("/dashboard/api/whoami", headers=other)).status_code == 403
        path = f"/dashboard/api/projects/{bob.headers['X-Project-Id']}"
        assert (await browser.get(path)).status_code == 403

    @pytest.mark.parametrize("ended_by", ["revoked key", "deleted project"])
    async def test_it_ends_with_its_key(
        self, ann: httpx.AsyncClient, browser: httpx.AsyncClient, ended_by: str
    ) -> None:
        (key,) = (await ann.get("/dashboard/api/api-keys")).json()["keys"]
        path = (
            f"/dashboard/api/api-keys/{key['id']}"
            if ended_by == "revoked key"
            else f"/dashboard/api/projects/{ann.headers['X-Project-Id']}"
        )
        assert (await browser.get("/dashboard/api/whoami")).status_code == 200

        assert (await ann.delete(path)).status_code == 200

        assert (await browser.get("/dashboard/api/whoami")).status_code == 401
        assert (await browser.get("/api/auth/get-session")).json() is None

    async def test_an_offer_opens_nothing_once_its_key_is_revoked(
        self, ann: httpx.AsyncClient, client: httpx.AsyncClient
    ) -> None:
        (key,) = (await ann.get("/dashboard/api/api-keys")).json()["keys"]
        form = {"redirect_url": BACK, "api_key": key["key"]}
        login_url = (await client.post(OFFER, json=form)).json()["login_url"]

        await ann.delete(f"/dashboard/api/api-keys/{key['id']}")

        assert (await client.get(login_url)).status_code == 401

    async def test_it_is_no_member_and_no_admin_of_the_project(
        self, ann: httpx.AsyncClient, browser: httpx.AsyncClient
    ) -> None:
        (user,) = (await ann.get("/dashboard/api/users")).json()["users"]

        last = await ann.delete(f"/dashboard/api/users/{user['userId']}")

        assert user["email"] == "ann@example.com"
        assert last.status_code == 409
