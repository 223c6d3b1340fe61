"""Budgets over HTTP: who may do what, what a check answers, and that it says what analytics say."""

import time
import uuid
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import httpx
import pytest
from litestar import Litestar

from clickhouse.client import Warehouse
from clickhouse.llm import budgets
from controlplane.database import Database
from controlplane.tokens import TokenDraft, TokenOwner, create_token
from schemas.projects import ProjectId
from schemas.zones import HOUR_US
from tests.integration.api_accounts.conftest import signed_in
from tests.integration.issues.app import make_app, open_client
from tests.integration.queries.conftest import store_traces
from tests.integration.queries.rows import make_trace

HOSTILE = "<script>alert('x')</script>\" `"
DOLLAR = 10**12
"""In pico-dollars."""
USUAL = {"name": "All", "amount": 10, "window": "rolling", "hours": 24}
PLACES = ("/v1", "/dashboard/api")


@pytest.fixture(scope="module", params=["sqlite"])
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('budgets') / 'control.db'}"


class World(NamedTuple):
    """A project with an admin, an API key, and calls."""

    app: Litestar
    admin: httpx.AsyncClient
    key: httpx.AsyncClient
    warehouse: Warehouse

    @property
    def project_id(self) -> ProjectId:
        return ProjectId(self.admin.headers["X-Project-Id"])

    def calls(self, *rows: dict[str, Any]) -> None:
        """Stores calls of now."""
        now_us = time.time_ns() // 1000
        usual = {"timestamp_us": now_us, "received_at_us": now_us}
        made = [make_trace(self.project_id, uuid.uuid4().hex, **usual | row) for row in rows]
        store_traces(self.warehouse, made)

    async def budget(self, **changes: Any) -> dict[str, Any]:
        made = await self.admin.post("/dashboard/api/budgets", json=USUAL | changes)
        assert made.status_code == 201, made.text
        return dict(made.json())

    async def keys(self) -> list[dict[str, Any]]:
        return list((await self.admin.get("/dashboard/api/api-keys")).json()["keys"])

    async def check(self, **params: str) -> dict[str, Any]:
        answer = await self.key.get("/v1/budgets/check", params=params)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


@pytest.fixture
async def world(database: Database, warehouse: Warehouse) -> AsyncIterator[World]:
    app = make_app(database, warehouse)
    async with open_client(app) as admin, open_client(app) as key:
        await signed_in(admin, f"ann-{uuid.uuid4().hex}", project="Shop")
        made = await admin.post("/dashboard/api/api-keys", json={"name": "gateway"})
        key.headers["Authorization"] = f"Bearer {made.json()['apiKey']}"
        yield World(app, admin, key, warehouse)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"amount": 0}, "amount"),
        ({"amount": "NaN"}, "amount"),
        ({"amount": 0.5, "measure": "calls"}, "amount"),
        ({"name": " "}, "name"),
        ({"name": "a\0b"}, "name"),
        ({"value": "ann"}, "value"),
        ({"scope": "metadata"}, "metadata_key"),
        ({"scope": "key", "value": "gateway"}, "value"),
        ({"scope": "user", "metadata_key": "team"}, "metadata_key"),
        ({"time_zone": "Europe/Berln"}, "time_zone"),
        ({"hours": 10_000}, "hours"),
        ({"thresholds": []}, "thresholds"),
        ({"thresholds": [0]}, "thresholds"),
        ({"anomaly_minimum": 1, "scope": "user"}, "anomaly_minimum"),
        ({"channel_ids": [str(uuid.uuid4())]}, "channel_ids"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_what_cannot_be_a_budget_is_refused_with_its_field(
    world: World, change: dict[str, Any], field: str
) -> None:
    answer = await world.admin.post("/dashboard/api/budgets", json=USUAL | change)

    assert answer.status_code == 400
    assert field in answer.json()["error"]


async def test_a_check_and_the_page_say_where_a_window_begins_before_calls_are_whole(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    since = "2026-03-01T00:00:00.000Z"
    await world.budget(name="Whole")
    assert (await world.check())["budgets"][0]["rows_from"] is None
    monkeypatch.setattr(budgets, "rows_from_of", lambda *_: since)
    await world.budget(name=HOSTILE)  # so that it is read anew

    checked = await world.check()
    page = (await world.admin.get(f"/p/{world.project_id}/llm/budgets")).text

    assert {one["rows_from"] for one in checked["budgets"]} == {since}
    assert page.count("up to a day at the begin of the window may be missing") == 2
    assert HOSTILE not in page


async def test_a_budget_is_made_changed_and_removed(world: World) -> None:
    made = await world.budget(name=f"  {HOSTILE} ", scope="user", thresholds=[100, 50, 50])
    path = f"/dashboard/api/budgets/{made['id']}"
    assert (made["name"], made["thresholds"], made["hours"]) == (HOSTILE, [50, 100], 24)

    changed = await world.admin.patch(path, json={"amount": "0.000000000001", "value": HOSTILE})

    assert changed.json()["amount"] == 1e-12
    assert changed.json() | {"amount": 10, "value": None, "standing": [], "entities": 0} == made
    for place, client in zip(PLACES, (world.key, world.admin), strict=True):
        assert (await client.get(f"{place}/budgets")).json()["budgets"][0]["id"] == made["id"]
        assert (await client.get(f"{place}/budgets/{made['id']}")).json()["value"] == HOSTILE
    assert (await world.admin.patch(path, content=b"[]")).status_code == 400
    assert (await world.admin.patch(path, json={"amount": -1})).status_code == 400
    assert (await world.admin.delete(path)).json() == {"success": True}
    assert (await world.admin.get(path)).status_code == 404
    assert (await world.admin.patch(path, json={})).status_code == 404
    assert (await world.check())["budgets"] == []


async def test_a_key_reads_and_changes_nothing_and_a_token_of_an_admin_does(
    world: World, database: Database
) -> None:
    owner = TokenOwner(world.project_id)
    tokens = [
        await create_token(database, owner, TokenDraft("CI", one)) for one in ("read", "admin")
    ]
    path = f"/api/v1/projects/{world.project_id}/budgets"
    reader, admin = ({"Authorization": f"Bearer {one.plain}"} for one in tokens)

    assert (await world.key.post("/v1/budgets", json=USUAL)).status_code in (404, 405)
    assert (await world.key.post(path, json=USUAL)).status_code == 401
    assert (await world.key.post(path, json=USUAL, headers=reader)).status_code == 403
    made = await world.key.post(path, json=USUAL, headers=admin)
    assert made.status_code == 201
    one = f"{path}/{made.json()['id']}"
    assert (await world.key.patch(one, json={"amount": 1}, headers=reader)).status_code == 403
    changed = await world.key.patch(one, json={"amount": 1}, headers=admin)
    assert changed.json()["amount"] == 1
    assert (await world.key.get(f"{path}/check", headers=reader)).json()["allowed"] is True
    assert (await world.key.get(f"{path}/alerts", headers=reader)).json() == {"alerts": []}
    assert (await world.key.delete(one, headers=admin)).status_code == 200


async def test_nobody_of_another_project_sees_or_changes_a_budget(
    world: World, database: Database, warehouse: Warehouse
) -> None:
    world.calls({"reported_cost_pico": 100 * DOLLAR})
    made = await world.budget(name=HOSTILE)
    async with open_client(world.app) as other:
        await signed_in(other, f"eve-{uuid.uuid4().hex}", project="Other")
        path = f"/dashboard/api/budgets/{made['id']}"

        assert (await other.get(path)).status_code == 404
        assert (await other.patch(path, json={"amount": 1})).status_code == 404
        assert (await other.delete(path)).status_code == 404
        assert (await other.get("/dashboard/api/budgets")).json()["budgets"] == []
        assert (await other.get("/dashboard/api/budgets/check")).json()["allowed"] is True
        own = {"X-Project-Id": world.project_id}
        for way in ("", "/check", "/alerts"):
            answer = await other.get(f"/dashboard/api/budgets{way}", headers=own)
            assert answer.status_code == 403
    assert (await world.check())["allowed"] is False


async def test_a_check_looks_at_the_budgets_that_the_call_counts_for(world: World) -> None:
    ann = {"user_id": "ann", "reported_cost_pico": 3 * DOLLAR, "environment": "production"}
    world.calls(
        ann | {"tags": {"team": "red"}, "input_tokens": 4, "output_tokens": 5},
        {"user_id": "bob", "reported_cost_pico": 6 * DOLLAR, "model_requested": "other"},
        {"user_id": "bob"},
    )
    await world.budget(name="1 all", amount=100)
    await world.budget(name="2 each user", scope="user", amount=5)
    await world.budget(name="3 ann", scope="user", value="ann", amount=2, refuses=False)
    await world.budget(name="4 team", scope="metadata", metadata_key="team", value="red", amount=4)
    await world.budget(name="5 model", scope="model", measure="tokens", amount=10)
    await world.budget(name="6 off", amount=1, enabled=False)
    await world.budget(name="7 each place", scope="environment", measure="calls", amount=2)

    async def found(**params: str) -> dict[str, Any]:
        answer = await world.check(**params)
        told = {
            one["name"][0]: (one["entity"], one["spent"], one["remaining"], one["state"])
            for one in answer["budgets"]
        }
        return told | {"allowed": answer["allowed"]}

    assert await found() == {"1": (None, 9, 91, "ok"), "allowed": True}
    of_ann = await found(user_id="ann", model="gpt-4o", environment="production")
    assert of_ann == {
        "1": (None, 9, 91, "ok"),
        "2": ("ann", 3, 2, "warning"),
        "3": ("ann", 3, 0, "exceeded"),
        "5": ("gpt-4o", 9, 1, "warning"),
        "7": ("production", 1, 1, "warning"),
        "allowed": True,
    }
    assert (await found(user_id="bob"))["2"] == ("bob", 6, 0, "exceeded")
    assert (await found(user_id="bob"))["allowed"] is False
    assert (await found(user_id="new"))["2"] == ("new", 0, 5, "ok")
    assert (await found(**{"metadata.team": "red"}))["4"] == ("red", 3, 1, "warning")
    assert "4" not in await found(**{"metadata.team": "blue"})
    (bobs,) = [
        one for one in (await world.check(user_id="bob"))["budgets"] if one["entity"] == "bob"
    ]
    assert bobs["unpriced_calls"] == 1


async def test_a_check_by_a_key_counts_the_budgets_of_that_key_and_of_no_other(
    world: World,
) -> None:
    named = {one["name"]: one["id"] for one in await world.keys()}
    gateway, other = named["gateway"], named["Default Key"]
    world.calls(
        {"api_key": gateway, "reported_cost_pico": 3 * DOLLAR},
        {"api_key": other, "reported_cost_pico": 9 * DOLLAR},
        {"reported_cost_pico": 100 * DOLLAR},
    )
    await world.budget(name="1 each", scope="key", amount=4)
    await world.budget(name="2 gateway", scope="key", value=gateway.upper(), amount=3)
    await world.budget(name="3 other", scope="key", value=other, amount=90)

    async def found(client: httpx.AsyncClient, place: str, **params: str) -> dict[str, Any]:
        answer = (await client.get(f"{place}/budgets/check", params=params)).json()
        return {one["name"][0]: (one["entity"], one["spent"]) for one in answer["budgets"]}

    assert await found(world.key, "/v1") == {"1": (gateway, 3), "2": (gateway, 3)}
    assert await found(world.key, "/v1", api_key=other) == {"1": (other, 9), "3": (other, 9)}
    assert await found(world.admin, "/dashboard/api") == {}
    standing = (await world.key.get("/v1/budgets")).json()["budgets"][0]["standing"]
    assert [(one["entity"], one["state"]) for one in standing] == [
        (other, "exceeded"),
        (gateway, "warning"),
    ]


async def test_lists_and_groups_are_narrowed_by_the_key_of_calls_and_old_calls_have_none(
    world: World,
) -> None:
    (gateway,) = (one["id"] for one in await world.keys() if one["name"] == "gateway")
    world.calls({"api_key": gateway}, {"api_key": gateway}, {})
    day = {"date_from": "2020-01-01T00:00:00Z", "date_to": "2040-01-01T00:00:00Z"}

    rows = (await world.key.get("/v1/traces")).json()
    own = (await world.key.get("/v1/traces", params={"api_key": gateway})).json()
    asked = await world.key.get("/v1/analytics", params=day | {"group_by": "api_key"})
    narrowed = await world.key.get("/v1/analytics", params=day | {"api_key": gateway})

    assert sorted(one["apiKey"] or "" for one in rows["traces"]) == ["", gateway, gateway]
    assert own["total"] == narrowed.json()["totalRequests"] == 2
    groups = {one["key"]["api_key"]: one["requests"] for one in asked.json()["groups"]}
    assert groups == {gateway: 2, None: 1}


async def test_pages_name_keys_and_those_that_are_no_more_by_their_last_name_and_id(
    world: World,
) -> None:
    made = await world.admin.post("/dashboard/api/api-keys", json={"name": HOSTILE})
    assert made.status_code == 201
    (key_id,) = (one["id"] for one in await world.keys() if one["name"] == HOSTILE)
    world.calls({"api_key": key_id, "reported_cost_pico": 9 * DOLLAR})
    pages = f"/p/{world.project_id}/llm"
    form = {"name": "Of a key", "amount": "10", "scope": "key", "measure": "cost"}
    form |= {"window": "week", "thresholds": "80", "enabled": "1", "value": HOSTILE}
    unknown = await world.admin.post(f"{pages}/budgets", data=form | {"value": "nobody"})
    assert unknown.status_code == 400
    assert 'id="w-f-value"' in unknown.text
    assert (await world.admin.post(f"{pages}/budgets", data=form)).status_code == 303
    (budget,) = (await world.admin.get("/dashboard/api/budgets")).json()["budgets"]
    assert budget["value"] == key_id

    shown = {}
    for is_there in (True, False):
        where = f"where=api_key:{key_id}"
        lists = [f"{one}?{where}" for one in ("sessions", "users", "traces", "explore")]
        for place in ("budgets", "explore?by=api_key", "traces?cols=api_key", *lists):
            page = await world.admin.get(f"{pages}/{place}")
            assert page.status_code == 200, page.text
            shown[place, is_there] = page.text
        suggested = await world.admin.get(
            f"{pages}/suggest", params={"add": "api_key:"}, headers={"HX-Request": "true"}
        )
        assert f"api_key:{key_id}" in suggested.text
        shown["suggest", is_there] = suggested.text
        await world.admin.delete(f"/dashboard/api/api-keys/{key_id}")

    for (place, is_there), text in shown.items():
        assert "<script>alert" not in text, place
        assert "&lt;script&gt;alert" in text, place
        assert (f"(revoked, {key_id})" in text) is not is_there, place


async def test_a_refusal_may_be_an_error_that_says_when_to_come_back(world: World) -> None:
    world.calls({"reported_cost_pico": 20 * DOLLAR})
    await world.budget(window="month", time_zone="Pacific/Apia")

    plain = await world.key.get("/v1/budgets/check")
    refused = await world.key.get("/v1/budgets/check", params={"refuse": "1"})

    assert (plain.status_code, refused.status_code) == (200, 429)
    assert refused.json() == plain.json()
    assert 0 < int(refused.headers["Retry-After"]) <= 31 * 86_400
    assert plain.json()["budgets"][0]["window_end"] is not None
    assert (await world.key.get("/v1/budgets/check?refuse=2")).status_code == 400
    assert (await world.key.get("/v1/budgets/check?user=ann")).status_code == 400


async def test_budgets_say_to_the_digit_what_analytics_say(world: World) -> None:
    picos = [123_456_789_012, 1, 7 * DOLLAR + 333_333_333_333]
    world.calls(
        *(
            {"user_id": user, "reported_cost_pico": cost, "input_tokens": 3, "tags": {"a.b": "'"}}
            for user in ("ann", HOSTILE)
            for cost in picos
        )
    )
    day = {"window": "day", "time_zone": "Asia/Kathmandu", "amount": 100}
    for scope in ("project", "user", "metadata"):
        more = {"metadata_key": "a.b"} if scope == "metadata" else {}
        await world.budget(name=scope, scope=scope, **day, **more)

    budgets = (await world.key.get("/v1/budgets")).json()["budgets"]

    bounds = budgets[0]["standing"][0]
    params = {"date_from": bounds["window_start"], "date_to": bounds["window_end"]}
    for budget, by in zip(budgets, ("metadata.a.b", "environment", "user"), strict=True):
        asked = await world.key.get("/v1/analytics", params=params | {"group_by": by})
        names = {one["key"][by]: one["costCents"] for one in asked.json()["groups"]}
        spent = {one["entity"]: round(one["spent"] * 100, 12) for one in budget["standing"]}
        assert spent == {name: round(cents, 12) for name, cents in names.items()}
    assert {one["entity"] for one in budgets[2]["standing"]} == {"ann", HOSTILE}


async def test_the_page_makes_changes_and_removes_a_budget_and_shows_texts_as_texts(
    world: World,
) -> None:
    world.calls({"user_id": HOSTILE, "reported_cost_pico": 9 * DOLLAR})
    pages = f"/p/{world.project_id}/llm/budgets"
    form = {"name": HOSTILE, "amount": "$1,0.50", "scope": "user", "measure": "cost"}
    form |= {"window": "week", "thresholds": "80 %, 100", "enabled": "1", "refuses": "1"}

    wrong = await world.admin.post(pages, data=form | {"amount": "ten"})
    unknown = await world.admin.post(pages, data=form | {"window": "year"})
    made = await world.admin.post(pages, data=form)

    assert (wrong.status_code, unknown.status_code, made.status_code) == (400, 400, 303)
    assert 'id="w-f-amount"' in wrong.text
    assert 'id="w-f-window"' in unknown.text
    shown = (await world.admin.get(pages)).text
    assert "<script>alert" not in shown + wrong.text
    assert shown.count("&lt;script&gt;alert") >= 2
    assert "85.7 %" in shown
    (budget,) = (await world.admin.get("/dashboard/api/budgets")).json()["budgets"]
    assert (budget["amount"], budget["thresholds"]) == (10.5, [80, 100])
    one = f"{pages}/{budget['id']}"
    assert "<script>alert" not in (await world.admin.get(one)).text
    changed = await world.admin.post(one, data=form | {"amount": "7", "value": "ann"})
    assert changed.status_code == 303
    (budget,) = (await world.admin.get("/dashboard/api/budgets")).json()["budgets"]
    assert (budget["amount"], budget["value"]) == (7, "ann")
    assert (await world.admin.post(f"{one}/remove", data={"confirm": "no"})).status_code == 400
    assert (await world.admin.post(f"{one}/remove", data={"confirm": HOSTILE})).status_code == 303
    assert "No budget yet" in (await world.admin.get(pages)).text


async def test_an_hour_with_more_than_usual_is_an_anomaly(world: World) -> None:
    hour_us = time.time_ns() // 1000 // HOUR_US * HOUR_US
    weeks = [
        {"timestamp_us": hour_us - age * 168 * HOUR_US, "reported_cost_pico": DOLLAR}
        for age in range(1, 5)
        for _ in range(3)
    ]
    world.calls(*weeks, {"reported_cost_pico": 30 * DOLLAR, "model_requested": HOSTILE})

    found = (await world.key.get("/v1/budgets/anomalies?hours=168")).json()["anomalies"]

    assert [(one["model"], one["measure"], one["amount"]) for one in found] == [(None, "cost", 30)]
    shown = (await world.admin.get(f"/p/{world.project_id}/llm/budgets")).text
    assert "all together" in shown
    assert (await world.key.get("/v1/budgets/anomalies?hours=169")).status_code == 400
