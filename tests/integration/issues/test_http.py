"""Issues over HTTP, as people and programs ask: one store of each kind, one project a test."""

import uuid
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import httpx
import msgspec
import pytest

from api.reads import Turns
from clickhouse.client import Warehouse
from clickhouse.migrate import migrate
from controlplane.database import Database
from controlplane.tokens import TokenDraft, TokenOwner, create_token
from processors.errors.ignored import IgnoredIssues
from schemas.errors.event import ErrorEvent, Thrown
from schemas.projects import ProjectId
from tests.integration.api_accounts.conftest import signed_in
from tests.integration.issues.app import happen, make_app, open_client
from tests.integration.issues.seen import make_project
from tests.integration.queries.error_rows import HOUR_US, NOON_US

BODY = msgspec.json.encode(
    ErrorEvent("", 0, exceptions=(Thrown("ValueError", "no"),), tags={"tenant": "acme"})
).decode()


@pytest.fixture(scope="session", params=["sqlite"])
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('issues') / 'control.db'}"


@pytest.fixture(scope="session")
def warehouse(clickhouse_url: str) -> Any:
    opened = Warehouse(clickhouse_url)
    migrate(opened)
    yield opened
    opened.close()


class Shop(NamedTuple):
    """A member of a project, and how errors come into it."""

    http: httpx.AsyncClient
    project_id: str
    database: Database
    warehouse: Warehouse

    async def happen(self, *rows: dict[str, Any]) -> list[str]:
        return await happen(self.database, self.warehouse, self.project_id, rows)

    async def get(self, path: str, **params: Any) -> Any:
        answer = await self.http.get(f"/dashboard/api/{path}", params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def titles(self, **params: Any) -> list[str]:
        return [issue["title"] for issue in (await self.get("issues", **params))["issues"]]

    async def patch(self, issue: dict[str, Any], body: dict[str, Any]) -> httpx.Response:
        return await self.http.patch(f"/dashboard/api/issues/{issue['id']}", json=body)

    async def post(self, path: str, body: dict[str, Any]) -> httpx.Response:
        return await self.http.post(f"/dashboard/api/issues/{path}", json=body)


@pytest.fixture
async def shop(database: Database, warehouse: Warehouse) -> AsyncIterator[Shop]:
    async with open_client(make_app(database, warehouse)) as client:
        await signed_in(client, f"ann-{uuid.uuid4().hex}", project="Shop")
        yield Shop(client, client.headers["X-Project-Id"], database, warehouse)


ASKING = (
    *("issues", "issues/1", "issues/1/timeline", "issues/1/tags", "issues/1/events"),
    *("issues/1/events/{event_id}", "issues/1/events/{event_id}/grouping"),
)
"""What reads the store, beside the control plane."""


@pytest.mark.parametrize("path", ASKING)
async def test_a_project_whose_turns_are_taken_is_put_off(
    database: Database, warehouse: Warehouse, path: str
) -> None:
    app = make_app(database, warehouse)
    async with open_client(app) as client:
        await signed_in(client, f"ann-{uuid.uuid4().hex}", project="Shop")
        own = ProjectId(client.headers["X-Project-Id"])
        (event_id,) = await happen(database, warehouse, own, [error("one")])
        asked = f"/dashboard/api/{path.format(event_id=event_id)}"
        turns = app.state["turns"] = Turns(2, wait_s=0.01)

        async with turns.taken(own, warehouse):
            refused = await client.get(asked)

        served = await client.get(asked)
    assert (refused.status_code, served.status_code) == (429, 200), served.text


def error(name: str, **changes: Any) -> dict[str, Any]:
    return {"fingerprint": name, "title": name, "body": BODY, **changes}


class TestLists:
    async def test_issues_have_their_counts_and_courses(self, shop: Shop) -> None:
        await shop.happen(
            error("a", user_key="ann", handled=False),
            error("a", user_key="bob", at_us=NOON_US + HOUR_US),
            error("b", at_us=NOON_US + 2 * HOUR_US),
        )

        found = await shop.get(
            "issues", date_from=str(NOON_US // 1000), date_to=str(NOON_US // 1000 + 3 * 3_600_000)
        )

        assert [issue["title"] for issue in found["issues"]] == ["b", "a"]
        a = found["issues"][1]
        assert (a["eventCount"], a["userCount"], a["unhandledCount"]) == (2, 2, 1)
        assert a["course"][:3] == [1, 1, 0]
        assert (found["courseHours"], found["nextCursor"]) == (1, None)

    async def test_each_sort_has_pages_that_leave_none_out(self, shop: Shop) -> None:
        rows = [error(f"i{n}", at_us=NOON_US + n, user_key=f"u{m}") for n in range(5)
                for m in range(n + 1)]  # fmt: skip
        await shop.happen(*rows)

        for sort in ("last_seen", "first_seen", "events", "people"):
            titles: list[str] = []
            asked: dict[str, Any] = {"sort": sort, "limit": 2}
            while True:
                page = await shop.get("issues", **asked)
                titles += [issue["title"] for issue in page["issues"]]
                if page["nextCursor"] is None:
                    break
                asked["cursor"] = page["nextCursor"]
            assert titles == ["i4", "i3", "i2", "i1", "i0"], sort

    async def test_a_search_asks_both_stores(self, shop: Shop) -> None:
        await shop.happen(
            error("a", tags={"tenant": "acme"}, release="1.0", environment="staging"),
            error("b", tags={"tenant": "umbrella"}, user_key="bob", level="fatal"),
            error("no such key"),
        )

        assert await shop.titles(query="tenant:acme") == ["a"]
        assert await shop.titles(query="tenant:acme user:bob") == []
        assert await shop.titles(query="user:bob is:unresolved") == ["b"]
        assert await shop.titles(query='"such KEY"') == ["no such key"]
        assert await shop.titles(release="1.0") == ["a"]
        assert await shop.titles(environment="staging") == ["a"]
        assert await shop.titles(query="level:fatal", state="unresolved") == ["b"]
        assert await shop.titles(state="resolved") == []

    async def test_what_cannot_be_asked_is_rejected_with_the_rule(self, shop: Shop) -> None:
        for params in (
            {"query": "is:gone"},
            {"cursor": "x"},
            {"cursor": "5_people", "sort": "events"},
            {"state": "gone"},
            {"sort": "title"},
            {"query": "assignee:nobody@example.com"},
            {"date_from": "2026-02-01", "date_to": "2026-01-01"},
            {"limit": "101"},
        ):
            answer = await shop.http.get("/dashboard/api/issues", params=params)
            assert answer.status_code == 400, params


class TestOneIssue:
    async def test_an_event_has_its_body_its_neighbours_and_its_grouping(self, shop: Shop) -> None:
        ids = await shop.happen(*(error("a", at_us=NOON_US + n) for n in range(3)))
        (other,) = await shop.happen(error("b"))
        issue = (await shop.get("issues", query="a"))["issues"][0]
        path = f"issues/{issue['id']}/events"

        page = await shop.get(path, limit=2)
        rest = await shop.get(path, cursor=page["nextCursor"])
        middle = await shop.get(f"{path}/{ids[1]}")
        latest = await shop.get(f"{path}/latest")
        explained = await shop.get(f"{path}/{ids[1]}/grouping")

        assert [one["id"] for one in [*page["events"], *rest["events"]]] == ids[::-1]
        assert rest["nextCursor"] is None
        assert (middle["previous"], middle["next"]) == (ids[0], ids[2])
        assert middle["body"]["exceptions"][0]["type"] == "ValueError"
        assert (latest["event"]["id"], latest["next"]) == (ids[2], None)
        assert explained["explanation"]["components"]
        assert explained["fingerprint"] == "a"
        gone = await shop.http.get(f"/dashboard/api/{path}/{other}")
        assert (gone.status_code, gone.json()) == (404, {"error": "Event not found"})

    async def test_its_course_tags_and_history_are_told(self, shop: Shop) -> None:
        await shop.happen(error("a", tags={"tenant": "acme"}), error("a", at_us=NOON_US + HOUR_US))
        found = await shop.get("issues/1", date_from=str(NOON_US // 1000))
        within = {"date_from": str(NOON_US // 1000), "date_to": str(NOON_US // 1000 + 7_200_000)}

        hours = await shop.get("issues/1/timeline", **within)
        days = await shop.get("issues/1/timeline", interval="day", **within)
        tags = (await shop.get("issues/1/tags"))["tags"]
        activity = (await shop.get("issues/1/activity"))["activity"]

        assert found["fingerprints"] == ["a"]
        assert [part["events"] for part in hours["timeline"]] == [1, 1, 0]
        assert sum(part["events"] for part in days["timeline"]) == 2
        assert tags[-1]["key"] == "tenant"
        assert tags[-1]["top"] == [{"value": "acme", "count": 1}]
        assert [one["kind"] for one in activity] == ["created"]

    async def test_members_resolve_ignore_assign_and_open_it(self, shop: Shop) -> None:
        await shop.happen(error("a", release="1.0"))
        (issue,) = (await shop.get("issues"))["issues"]
        me = (await shop.http.get("/api/auth/get-session")).json()["user"]

        resolved = await shop.patch(issue, {"status": "resolved", "inNextRelease": True})
        ignored = await shop.patch(issue, {"status": "ignored", "ignoreEvents": 3})
        assigned = await shop.patch(issue, {"status": "open", "assignee": me["email"]})

        details = resolved.json()["statusDetails"]
        assert (details["resolution"], details["release"]) == ("in_next_release", "1.0")
        assert ignored.json()["statusDetails"]["ignoredUntilEvents"] == 3
        assert assigned.json()["assignee"] == {"id": me["id"], "name": me["name"]}
        assert await shop.titles(query="assignee:me") == ["a"]
        assert (await shop.patch(issue, {"assignee": None})).json()["assignee"] is None

    async def test_a_change_that_breaks_a_rule_changes_nothing(self, shop: Shop) -> None:
        await shop.happen(error("a", release=""))
        (issue,) = (await shop.get("issues"))["issues"]
        nobody = str(uuid.uuid4())

        for body, status in (
            ({"status": "gone"}, 400),
            ({"status": 1}, 400),
            ({"unknown": 1}, 400),
            ({"status": "open", "inRelease": "1"}, 400),
            ({"status": "ignored", "ignoreUntil": "2026-01-01T00:00:00"}, 400),
            ({"status": "ignored", "ignoreMinutes": 0}, 400),
            ({"assignee": nobody}, 400),
            ({"status": "resolved", "inNextRelease": True}, 409),
        ):
            assert (await shop.patch(issue, body)).status_code == status, body
        missing = await shop.patch({"id": nobody}, {"status": "open"})
        assert (missing.status_code, missing.json()) == (404, {"error": "Issue not found"})
        assert (await shop.get("issues"))["issues"] == [issue]

    async def test_many_are_changed_at_once(self, shop: Shop) -> None:
        await shop.happen(error("a"), error("b"), error("c"))
        ids = [issue["id"] for issue in (await shop.get("issues"))["issues"]]

        answer = await shop.post("bulk", {"ids": [*ids[:2], "none"], "status": "resolved"})

        assert sorted(answer.json()["changed"]) == sorted(ids[:2])
        assert len(await shop.titles(query="is:resolved")) == 2

    async def test_counts_stay_exact_through_merge_and_unmerge(self, shop: Shop) -> None:
        await shop.happen(
            *(error("a", user_key=name, at_us=NOON_US + 5) for name in ("ann", "bob")),
            *(
                error("b", user_key=name, at_us=NOON_US + (name == "joe"))
                for name in ("bob", "eve", "joe")
            ),
        )
        a, b = (await shop.get("issues"))["issues"]
        gone = "DELETE FROM errors WHERE project_id = {p:String} AND user_key IN ('bob', 'eve')"
        shop.warehouse.command_now(gone, {"p": shop.project_id}, {})

        merged = (await shop.post(f"{a['id']}/merge", {"ids": [b["id"]]})).json()
        assert (merged["eventCount"], merged["userCount"]) == (5, 4)
        assert (await shop.get(f"issues/{b['id']}"))["id"] == a["id"]
        assert merged["firstSeen"] == b["firstSeen"]

        own = (await shop.post(f"{a['id']}/unmerge", {"fingerprints": ["b"]})).json()
        left = await shop.get(f"issues/{a['id']}")
        assert (own["eventCount"], own["userCount"], own["title"]) == (3, 3, "b")
        assert (left["eventCount"], left["userCount"], left["title"]) == (2, 2, "a")
        assert (left["firstSeen"], left["storedEventCount"]) == (a["firstSeen"], 1)
        assert (own["firstSeen"], own["lastSeen"]) == (b["firstSeen"], b["lastSeen"])
        assert (await shop.post(f"{a['id']}/unmerge", {"fingerprints": ["a"]})).status_code == 400


class TestIgnored:
    async def test_it_ends_when_enough_events_or_people_have_come(self, shop: Shop) -> None:
        await shop.happen(error("a"), error("b"))
        b, a = sorted((await shop.get("issues"))["issues"], key=lambda issue: -issue["number"])
        await shop.patch(a, {"status": "ignored", "ignoreEvents": 2})
        await shop.patch(b, {"status": "ignored", "ignoreUsers": 2})
        since_us = 4_000_000_000_000_000

        async def states() -> tuple[str, str]:
            await IgnoredIssues(shop.database, shop.warehouse).work()
            return tuple([(await shop.get(f"issues/{one['id']}"))["status"] for one in (a, b)])

        await shop.happen(error("a", received_us=since_us), error("b", received_us=since_us))
        assert await states() == ("ignored", "ignored")
        await shop.happen(error("a", received_us=since_us), error("b", received_us=since_us))
        assert await states() == ("open", "ignored")
        await shop.happen(error("b", received_us=since_us, user_key="bob"))
        assert await states() == ("open", "open")
        told = (await shop.get(f"issues/{b['id']}/activity"))["activity"]
        assert (told[0]["kind"], told[0]["data"]) == ("unignored", {"reason": "people"})


class TestTokens:
    async def client(self, shop: Shop, scope: str = "read", **whose: Any) -> httpx.AsyncClient:
        me = (await shop.http.get("/api/auth/get-session")).json()["user"]["id"]
        owner = TokenOwner(**(whose or {"user_id": me}))
        made = await create_token(shop.database, owner, TokenDraft("CI", scope))
        client = open_client(make_app(shop.database, shop.warehouse))
        client.headers["Authorization"] = f"Bearer {made.plain}"
        return client

    async def test_a_token_knows_itself_and_what_it_reaches(self, shop: Shop) -> None:
        await shop.happen(error("a"), error("a"), error("b"))
        program = await self.client(shop)

        me = (await program.get("/api/v1/me")).json()
        stats = (await program.get("/api/v1/org/stats")).json()
        activity = (await program.get("/api/v1/org/activity?limit=1")).json()["activity"]
        projects = (await program.get("/api/v1/projects")).json()["projects"]
        one = (await program.get(f"/api/v1/projects/{shop.project_id}")).json()

        assert (me["scope"], me["name"], me["projectId"]) == ("read", "CI", None)
        assert (stats["projectCount"], stats["openIssues"], stats["totalIssues"]) == (1, 2, 2)
        assert [event["type"] for event in activity] == ["created"]
        (line,) = projects
        assert (line["openIssues"], line["totalEvents"], line["transactionCount"]) == (2, 3, 0)
        assert line["dsn"].startswith(f"http://{line['publicKey']}@localhost:3000/")
        assert one["project"]["id"] == shop.project_id
        assert one["overview"]["totalEvents"] == 3
        assert one["overview"]["transactionStats"]["count"] == 0

    async def test_issues_are_read_and_changed_as_the_contract_says(self, shop: Shop) -> None:
        ids = await shop.happen(error("a"), error("a", at_us=NOON_US + 1))
        program = await self.client(shop, "write")
        path = f"/api/v1/projects/{shop.project_id}/issues"

        (line,) = (await program.get(path, params={"status": "open"})).json()["issues"]
        none = (await program.get(path, params={"level": "fatal"})).json()
        changed = await program.patch(f"/api/v1/issues/{line['id']}", json={"status": "resolved"})
        events = (await program.get(f"/api/v1/issues/{line['id']}/events?limit=1")).json()
        cursor = events["nextCursor"]
        rest = await program.get(f"/api/v1/issues/{line['id']}/events?cursor={cursor}")

        assert set(line) == {
            *("id", "title", "status", "level", "eventCount", "lastSeen", "firstSeen"),
        }
        assert (line["eventCount"], none) == (2, {"issues": []})
        assert (changed.status_code, changed.json()["status"]) == (200, "resolved")
        assert [one["id"] for one in events["events"]] == [ids[1]]
        assert events["events"][0]["tags"] == {"tenant": "acme"}
        assert events["events"][0]["message"] == "no"
        assert len(events["timeline"]) == 7
        assert [one["id"] for one in rest.json()["events"]] == [ids[0]]

    async def test_refusals_have_the_words_of_the_contract(self, shop: Shop) -> None:
        await shop.happen(error("a"))
        (issue,) = (await shop.get("issues"))["issues"]
        other = await make_project(shop.database, "Bakery")
        program = await self.client(shop)
        of_project = await self.client(shop, project_id=other)
        stranger = open_client(make_app(shop.database, shop.warehouse))
        own = f"/api/v1/projects/{shop.project_id}"

        async def said(client: httpx.AsyncClient, method: str, path: str, body: Any = None) -> Any:
            answer = await client.request(method, path, json=body)
            return answer.status_code, answer.json()["error"]

        assert await said(stranger, "GET", "/api/v1/me") == (
            401, "Missing or invalid Authorization header",
        )  # fmt: skip
        stranger.headers["Authorization"] = "Bearer osco_" + "0" * 48
        assert await said(stranger, "GET", "/api/v1/projects") == (
            401, "Invalid or expired API token",
        )  # fmt: skip
        resolve = {"status": "resolved"}
        assert await said(program, "PATCH", f"/api/v1/issues/{issue['id']}", resolve) == (
            403, "Token scope 'read' cannot perform this action",
        )  # fmt: skip
        assert await said(of_project, "GET", own) == (
            403, "Token is scoped to a different project",
        )  # fmt: skip
        assert await said(program, "GET", f"/api/v1/projects/{other}") == (404, "Project not found")
        for path in (f"/api/v1/issues/{issue['id']}", f"/api/v1/issues/{issue['id']}/events"):
            assert await said(of_project, "GET", path) == (404, "Issue not found")
        assert await said(program, "GET", f"{own}/issues?status=gone") == (
            400, "Invalid status filter",
        )  # fmt: skip
        assert await said(program, "GET", f"{own}/issues?level=gone") == (
            400, "Invalid level filter",
        )  # fmt: skip

    async def test_a_person_with_a_token_makes_projects(self, shop: Shop) -> None:
        program = await self.client(shop, "write")

        made = await program.post("/api/v1/projects", json={"name": "Second"})
        bad = await program.post("/api/v1/projects", json={"name": "x" * 121})

        assert (made.status_code, made.json()["project"]["name"]) == (201, "Second")
        assert bad.status_code == 400
        assert len((await program.get("/api/v1/projects")).json()["projects"]) == 2
