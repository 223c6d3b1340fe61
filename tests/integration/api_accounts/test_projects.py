import re
from pathlib import Path

import httpx
import pytest
from litestar import Litestar

from controlplane.database import Database
from controlplane.projects import list_deleted_projects
from controlplane.quotas import Quotas

KEY = r"pulse_sk_[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
ISO_MS = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
NOWHERE = "00000000-0000-4000-8000-000000000000"
NOT_ADMIN = {"error": "Forbidden: admin role required for this operation"}
NO_ACCESS = {"error": "Forbidden: no access to this project"}
ADMIN_ONLY = (
    ("GET", "/dashboard/api/api-keys"),
    ("POST", "/dashboard/api/api-keys"),
    ("PATCH", "/dashboard/api/api-keys/x"),
    ("DELETE", "/dashboard/api/api-keys/x"),
    ("POST", "/dashboard/api/dsn-keys"),
    ("DELETE", "/dashboard/api/dsn-keys/x"),
    ("POST", "/dashboard/api/tokens"),
    ("DELETE", "/dashboard/api/tokens/x"),
    ("GET", "/dashboard/api/users"),
    ("POST", "/dashboard/api/users"),
    ("PATCH", "/dashboard/api/users/x"),
    ("DELETE", "/dashboard/api/users/x"),
    ("GET", "/dashboard/api/invitations"),
    ("DELETE", "/dashboard/api/invitations/x"),
)
SIGNED_IN_ONLY = (
    *ADMIN_ONLY,
    ("GET", "/dashboard/api/dsn-keys"),
    ("GET", "/dashboard/api/tokens"),
    ("GET", "/dashboard/api/projects"),
    ("POST", "/dashboard/api/projects"),
    ("GET", "/dashboard/api/projects/x"),
    ("PATCH", "/dashboard/api/projects/x"),
    ("DELETE", "/dashboard/api/projects/x"),
    ("GET", "/dashboard/api/whoami"),
)


async def first_key(client: httpx.AsyncClient) -> dict[str, str]:
    keys: list[dict[str, str]] = (await client.get("/dashboard/api/api-keys")).json()["keys"]
    return keys[0]


async def status_of_key(client: httpx.AsyncClient, key: str) -> int:
    answer = await client.get("/v1/whoami", headers={"Authorization": f"Bearer {key}"})
    return answer.status_code


class TestGuards:
    @pytest.mark.parametrize(("method", "path"), SIGNED_IN_ONLY)
    async def test_without_session_nothing_opens(
        self, client: httpx.AsyncClient, method: str, path: str
    ) -> None:
        answer = await client.request(method, path, json={})

        assert (answer.status_code, answer.json()) == (401, {"error": "Unauthorized"})

    @pytest.mark.parametrize(("method", "path"), [*ADMIN_ONLY, ("GET", "/dashboard/api/whoami")])
    async def test_the_project_must_be_named(
        self, ann: httpx.AsyncClient, method: str, path: str
    ) -> None:
        del ann.headers["X-Project-Id"]

        answer = await ann.request(method, path, json={})

        assert answer.status_code == 400
        assert answer.json() == {"error": "Missing X-Project-Id header"}

    @pytest.mark.parametrize("project_id", [NOWHERE, "no uuid", "bob's"])
    @pytest.mark.parametrize(("method", "path"), [*ADMIN_ONLY, ("GET", "/dashboard/api/whoami")])
    async def test_the_project_must_be_ones_own(
        self,
        ann: httpx.AsyncClient,
        bob: httpx.AsyncClient,
        method: str,
        path: str,
        project_id: str,
    ) -> None:
        named = bob.headers["X-Project-Id"] if project_id == "bob's" else project_id

        answer = await ann.request(method, path, json={}, headers={"X-Project-Id": named})

        assert (answer.status_code, answer.json()) == (403, NO_ACCESS)

    @pytest.mark.parametrize(("method", "path"), ADMIN_ONLY)
    async def test_a_plain_user_is_no_admin(
        self, guest: httpx.AsyncClient, method: str, path: str
    ) -> None:
        answer = await guest.request(method, path, json={})

        assert (answer.status_code, answer.json()) == (403, NOT_ADMIN)

    async def test_a_plain_user_reads_the_project(
        self, ann: httpx.AsyncClient, guest: httpx.AsyncClient
    ) -> None:
        answer = await guest.get("/dashboard/api/whoami")

        assert answer.json()["project_id"] == ann.headers["X-Project-Id"]

    @pytest.mark.parametrize(
        ("header", "message"),
        [
            ("bearer {}", "Missing or invalid Authorization header"),
            ("Bearer  {}", "Missing or invalid Authorization header"),
            (None, "Missing or invalid Authorization header"),
            ("Bearer pulse_sk_unknown", "Invalid API key"),
        ],
    )
    async def test_a_wrong_key_is_refused(
        self, ann: httpx.AsyncClient, header: str | None, message: str
    ) -> None:
        key = (await first_key(ann))["key"]
        headers = {} if header is None else {"Authorization": header.format(key)}

        answer = await ann.get("/v1/whoami", headers=headers)

        assert (answer.status_code, answer.json()) == (401, {"error": message})


class TestProjects:
    @pytest.mark.parametrize(
        ("body", "message"),
        [
            (b"{", "Invalid JSON body"),
            (b"{}", "Missing required field: name"),
            (b'{"name":7}', "Missing required field: name"),
            (b'{"name":""}', "Missing required field: name"),
            (b'{"name":"  "}', "Project name cannot be empty"),
        ],
    )
    async def test_a_project_needs_a_name(
        self, ann: httpx.AsyncClient, body: bytes, message: str
    ) -> None:
        answer = await ann.post("/dashboard/api/projects", content=body)

        assert (answer.status_code, answer.json()) == (400, {"error": message})

    async def test_a_new_one_comes_with_a_working_key(
        self, ann: httpx.AsyncClient, client: httpx.AsyncClient
    ) -> None:
        answer = await ann.post("/dashboard/api/projects", json={"name": " Lab "})

        body = answer.json()
        assert (answer.status_code, set(body)) == (201, {"projectId", "apiKey", "name"})
        assert body["name"] == "Lab"
        assert re.fullmatch(KEY, body["apiKey"])
        assert await status_of_key(client, body["apiKey"]) == 200

    async def test_each_person_lists_only_their_own(
        self, ann: httpx.AsyncClient, bob: httpx.AsyncClient
    ) -> None:
        (shop,) = (await ann.get("/dashboard/api/projects")).json()["projects"]
        (bakery,) = (await bob.get("/dashboard/api/projects")).json()["projects"]

        assert set(shop) == {"id", "name", "createdAt", "role"}
        assert (shop["name"], shop["role"]) == ("Shop", "admin")
        assert re.fullmatch(ISO_MS, shop["createdAt"])
        assert bakery["name"] == "Bakery"

    @pytest.mark.parametrize("method", ["PATCH", "DELETE"])
    async def test_only_its_admin_changes_or_deletes_one(
        self, ann: httpx.AsyncClient, bob: httpx.AsyncClient, guest: httpx.AsyncClient, method: str
    ) -> None:
        path = f"/dashboard/api/projects/{ann.headers['X-Project-Id']}"

        by_bob = await bob.request(method, path, json={"name": "Taken"})
        by_guest = await guest.request(method, path, json={"name": "Taken"})

        assert (by_bob.status_code, by_bob.json()) == (403, NO_ACCESS)
        assert (by_guest.status_code, by_guest.json()) == (403, NOT_ADMIN)

    @pytest.mark.parametrize(
        "change",
        [
            {"name": " "},
            {"costPreference": "x"},
            {"retentionDays": 0},
            {"timeZone": "Berlin"},
            {"name": None},
        ],
    )
    async def test_a_wrong_setting_is_refused(
        self, ann: httpx.AsyncClient, change: dict[str, object]
    ) -> None:
        path = f"/dashboard/api/projects/{ann.headers['X-Project-Id']}"

        assert (await ann.patch(path, json=change)).status_code == 400

    async def test_settings_change_at_once_for_keys_too(
        self, ann: httpx.AsyncClient, client: httpx.AsyncClient
    ) -> None:
        path = f"/dashboard/api/projects/{ann.headers['X-Project-Id']}"
        bearer = {"Authorization": f"Bearer {(await first_key(ann))['key']}"}
        await client.get("/v1/whoami", headers=bearer)

        changed = await ann.patch(
            path,
            json={"costPreference": "computed", "retentionDays": 30, "timeZone": "Asia/Kolkata"},
        )

        assert changed.status_code == 200
        assert changed.json() == (await ann.get(path)).json()
        assert changed.json()["costPreference"] == "computed"
        assert changed.json()["retentionDays"] == 30
        assert changed.json()["timeZone"] == "Asia/Kolkata"
        seen = await client.get("/v1/whoami", headers=bearer)
        assert seen.json()["cost_preference"] == "computed"

    async def test_deleting_one_stops_its_keys_at_once_and_leaves_it_to_the_janitor(
        self, ann: httpx.AsyncClient, client: httpx.AsyncClient, database: Database
    ) -> None:
        project_id = ann.headers["X-Project-Id"]
        key = (await first_key(ann))["key"]
        assert await status_of_key(client, key) == 200

        answer = await ann.delete(f"/dashboard/api/projects/{project_id}")

        assert (answer.status_code, answer.json()) == (200, {"success": True})
        assert await status_of_key(client, key) == 401
        assert (await ann.get("/dashboard/api/projects")).json() == {"projects": []}
        assert (await ann.get("/dashboard/api/whoami")).status_code == 403
        assert await list_deleted_projects(database) == [project_id]


class TestKeys:
    @pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"name":1}'])
    async def test_a_new_key_needs_a_json_body(self, ann: httpx.AsyncClient, body: bytes) -> None:
        answer = await ann.post("/dashboard/api/api-keys", content=body)

        assert (answer.status_code, answer.json()) == (400, {"error": "Invalid request body"})

    @pytest.mark.parametrize("body", [b"{}", b'{"name":" "}', b'{"name":3}'])
    async def test_renaming_needs_a_name(self, ann: httpx.AsyncClient, body: bytes) -> None:
        key_id = (await first_key(ann))["id"]

        answer = await ann.patch(f"/dashboard/api/api-keys/{key_id}", content=body)

        assert answer.status_code == 400
        assert answer.json() == {"error": "Missing or invalid 'name' field"}

    @pytest.mark.parametrize("method", ["PATCH", "DELETE"])
    @pytest.mark.parametrize("whose", [NOWHERE, "x", "bob's"])
    async def test_a_key_of_nobody_or_of_another_project_is_not_found(
        self, ann: httpx.AsyncClient, bob: httpx.AsyncClient, method: str, whose: str
    ) -> None:
        bobs = await first_key(bob)
        key_id = bobs["id"] if whose == "bob's" else whose

        answer = await ann.request(
            method, f"/dashboard/api/api-keys/{key_id}", json={"name": "Taken"}
        )

        assert (answer.status_code, answer.json()) == (404, {"error": "API key not found"})
        assert await first_key(bob) == bobs

    async def test_they_are_listed_with_their_plaintext_and_no_null(
        self, ann: httpx.AsyncClient
    ) -> None:
        made = await ann.post("/dashboard/api/api-keys", json={})
        assert (made.status_code, set(made.json())) == (201, {"apiKey"})

        first, second = (await ann.get("/dashboard/api/api-keys")).json()["keys"]

        assert set(first) == {"id", "projectId", "projectName", "key", "name", "createdAt"}
        assert (first["name"], second["name"]) == ("Default Key", "API Key")
        assert (first["projectName"], second["key"]) == ("Shop", made.json()["apiKey"])

    async def test_a_key_is_renamed(self, ann: httpx.AsyncClient) -> None:
        key_id = (await first_key(ann))["id"]

        answer = await ann.patch(f"/dashboard/api/api-keys/{key_id}", json={"name": " CI "})

        assert (answer.status_code, answer.json()) == (200, {"success": True})
        assert (await first_key(ann))["name"] == "CI"

    async def test_a_revoked_key_stops_at_once_and_no_other(
        self, ann: httpx.AsyncClient, client: httpx.AsyncClient
    ) -> None:
        other = (await ann.post("/dashboard/api/api-keys", json={})).json()["apiKey"]
        key = await first_key(ann)
        assert await status_of_key(client, key["key"]) == 200

        answer = await ann.delete(f"/dashboard/api/api-keys/{key['id']}")

        assert (answer.status_code, answer.json()) == (200, {"success": True})
        assert await status_of_key(client, key["key"]) == 401
        assert await status_of_key(client, other) == 200

    async def test_no_secret_lies_in_the_file_as_it_is(
        self, ann: httpx.AsyncClient, file: Path
    ) -> None:
        key = (await first_key(ann))["key"]
        token = (await ann.get("/api/auth/get-session")).json()["session"]["token"]

        stored = b"".join(path.read_bytes() for path in file.parent.glob("control.db*"))

        assert b"ann@example.com" in stored
        for secret in (key, key.removeprefix("pulse_sk_"), token, "correct horse"):
            assert secret.encode() not in stored


class TestUsers:
    async def member(self, admin: httpx.AsyncClient, email: str) -> str:
        users = (await admin.get("/dashboard/api/users")).json()["users"]
        (user_id,) = [user["userId"] for user in users if user["email"] == email]
        return str(user_id)

    @pytest.mark.parametrize("method", ["PATCH", "DELETE"])
    async def test_the_admin_of_another_project_changes_and_removes_nobody(
        self, ann: httpx.AsyncClient, bob: httpx.AsyncClient, guest: httpx.AsyncClient, method: str
    ) -> None:
        gus = await self.member(ann, "gus@example.com")

        own = await bob.request(method, f"/dashboard/api/users/{gus}", json={"role": "admin"})
        anns = await bob.request(
            method,
            f"/dashboard/api/users/{gus}",
            json={"role": "admin"},
            headers={"X-Project-Id": ann.headers["X-Project-Id"]},
        )

        assert (own.status_code, anns.status_code) == (404, 403)
        assert (await guest.get("/dashboard/api/users")).status_code == 403
        assert (await guest.get("/dashboard/api/whoami")).status_code == 200

    @pytest.mark.parametrize("body", [b"{}", b'{"role":"owner"}', b'{"role":7}'])
    async def test_there_are_two_roles(
        self, ann: httpx.AsyncClient, guest: httpx.AsyncClient, body: bytes
    ) -> None:
        gus = await self.member(ann, "gus@example.com")

        answer = await ann.patch(f"/dashboard/api/users/{gus}", content=body)

        assert answer.status_code == 400
        assert answer.json() == {"error": "role must be 'admin' or 'user'"}

    async def test_a_role_changes_at_once_but_the_last_admin_stays(
        self, ann: httpx.AsyncClient, guest: httpx.AsyncClient
    ) -> None:
        me = await self.member(ann, "ann@example.com")
        gus = await self.member(ann, "gus@example.com")

        alone = await ann.patch(f"/dashboard/api/users/{me}", json={"role": "user"})
        raised = await ann.patch(f"/dashboard/api/users/{gus}", json={"role": "admin"})
        seen = await guest.get("/dashboard/api/users")
        lowered = await ann.patch(f"/dashboard/api/users/{me}", json={"role": "user"})

        assert (alone.status_code, lowered.status_code) == (409, 200)
        assert (raised.status_code, raised.json()["user"]["role"]) == (200, "admin")
        assert set(raised.json()["user"]) == {"userId", "name", "email", "role", "createdAt"}
        assert seen.status_code == 200
        assert (await ann.get("/dashboard/api/users")).status_code == 403

    async def test_a_member_may_leave_but_not_the_last_admin(
        self, ann: httpx.AsyncClient, guest: httpx.AsyncClient
    ) -> None:
        me = await self.member(ann, "ann@example.com")
        gus = await self.member(ann, "gus@example.com")

        assert (await guest.delete(f"/dashboard/api/users/{me}")).status_code == 403
        assert (await ann.delete(f"/dashboard/api/users/{me}")).status_code == 409
        assert (await guest.delete(f"/dashboard/api/users/{gus}")).status_code == 200
        assert (await guest.get("/dashboard/api/whoami")).status_code == 403

    async def test_a_removed_member_is_out_at_once_but_the_last_admin_stays(
        self, ann: httpx.AsyncClient, guest: httpx.AsyncClient
    ) -> None:
        admin, gus = (await ann.get("/dashboard/api/users")).json()["users"]

        last = await ann.delete(f"/dashboard/api/users/{admin['userId']}")
        removed = await ann.delete(f"/dashboard/api/users/{gus['userId']}")

        assert (last.status_code, removed.status_code) == (409, 200)
        assert (await guest.get("/dashboard/api/whoami")).status_code == 403


class TestQuotas:
    async def test_each_says_what_there_is_too_much_of_and_which_setting_allows_more(
        self, app: Litestar, ann: httpx.AsyncClient
    ) -> None:
        app.state.quotas = Quotas(
            max_projects_per_user=1, max_members_per_project=1, max_keys_per_project=1
        )

        answers = [
            await ann.post("/dashboard/api/projects", json={"name": "Second"}),
            await ann.post("/dashboard/api/users", json={"email": "gus@example.com"}),
            await ann.post("/dashboard/api/api-keys", json={}),
        ]

        assert [(answer.status_code, answer.json()["error"]) for answer in answers] == [
            (409, "You administer too many projects: 1 is the most that "
             "SLUICE_MAX_PROJECTS_PER_USER allows"),
            (409, "The project has too many members and pending invitations: 1 is the most that "
             "SLUICE_MAX_MEMBERS_PER_PROJECT allows"),
            (409, "The project has too many API keys: 1 is the most that "
             "SLUICE_MAX_KEYS_PER_PROJECT allows"),
        ]  # fmt: skip


async def test_the_cli_finds_its_way_from_nothing_to_a_working_key(
    client: httpx.AsyncClient,
) -> None:
    """Contracts, 1.d.4: the set-up flow in its order."""
    who = {"email": "dev@example.com", "password": "correct horse"}

    first = await client.post("/api/auth/sign-in/email", json=who)
    signup = await client.post(
        "/dashboard/api/signup", json=who | {"name": "Dev", "projectName": "CLI"}
    )
    signed = await client.post("/api/auth/sign-in/email", json=who)
    (pair,) = re.findall(r"(better-auth\.session_token=[^;]+)", signed.headers["set-cookie"])
    client.cookies.clear()
    cookie = {"Cookie": pair}
    projects = (await client.get("/dashboard/api/projects", headers=cookie)).json()["projects"]
    scope = cookie | {"X-Project-Id": projects[0]["id"]}
    keys = (await client.get("/dashboard/api/api-keys", headers=scope)).json()["keys"]
    made = await client.post("/dashboard/api/api-keys", json={"name": "CLI Key"}, headers=scope)

    assert (first.status_code, signup.status_code, signed.status_code) == (401, 201, 200)
    assert projects[0]["name"] == "CLI"
    assert await status_of_key(client, keys[0]["key"]) == 200
    assert await status_of_key(client, made.json()["apiKey"]) == 200
