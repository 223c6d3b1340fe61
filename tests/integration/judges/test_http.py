"""Judges over HTTP and on their pages: what is rejected, who may do what, and whose they are."""

import uuid
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import httpx
import pytest
from litestar import Litestar

from clickhouse.client import Warehouse
from controlplane.database import Database
from controlplane.llm.judge_queue import Round, Waiting, end_round, put_queue, take_judge
from controlplane.tokens import TokenDraft, TokenOwner, create_token
from processors.llm.cost.book import PriceBook
from processors.llm.judges.trying import Trying
from schemas.llm.judges import CallRef
from schemas.projects import ProjectId
from tests.components.control_planes import migrated_copy
from tests.integration.alerts.alerting import Clock
from tests.integration.api_accounts.conftest import signed_in
from tests.integration.issues.app import make_app, open_client
from tests.integration.judges.courts import MODEL, Court

HOSTILE = "<script>alert('x')</script>\" `"
POLITE = {"name": "polite", "rule": {"type": "regex", "pattern": "sorry"}}
ASKS = {"type": "model", "model": MODEL, "prompt": "{output}"}
PLACES = ("/v1", "/dashboard/api")


@pytest.fixture(scope="module", params=["sqlite"])
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    return migrated_copy(request, request.param, tmp_path_factory.mktemp("judges_http"))


class World(NamedTuple):
    """A project with an admin and an API key."""

    app: Litestar
    admin: httpx.AsyncClient
    key: httpx.AsyncClient
    court: Court

    async def judge(self, **changes: Any) -> dict[str, Any]:
        made = await self.admin.post("/dashboard/api/judges", json=POLITE | changes)
        assert made.status_code == 201, made.text
        return dict(made.json())

    def page(self, path: str = "") -> str:
        return f"/p/{self.court.project_id}/llm/judges{path}"


@pytest.fixture
async def world(
    database: Database, warehouse: Warehouse, prices: PriceBook
) -> AsyncIterator[World]:
    app = make_app(database, warehouse)
    async with open_client(app) as admin, open_client(app) as key:
        await signed_in(admin, f"ann-{uuid.uuid4().hex}", project="Shop")
        made = await admin.post("/dashboard/api/api-keys", json={"name": "sdk"})
        key.headers["Authorization"] = f"Bearer {made.json()['apiKey']}"
        project_id = ProjectId(admin.headers["X-Project-Id"])
        court = Court(database, warehouse, project_id, Clock(), prices)
        app.state["judge_trying"] = Trying(court.means(None, url="http://127.0.0.1:9/v1"))
        yield World(app, admin, key, court)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": HOSTILE}, "name"),
        ({"sampling": 0}, "sampling"),
        ({"sampling": 1.1}, "sampling"),
        ({"rule": {"type": "python", "code": "1"}}, "Invalid body"),
        ({"rule": {"type": "regex", "pattern": r"(a)\1"}}, "rule.pattern"),
        ({"rule": {"type": "regex", "pattern": "(a{1000}){1000}"}}, "rule.pattern"),
        ({"rule": {"type": "regex", "pattern": "a" * 1001}}, "rule.pattern"),
        ({"rule": {"type": "contains", "expected": ""}}, "rule.expected"),
        ({"rule": {"type": "max_cost", "usd": 0}}, "rule.usd"),
        ({"rule": {"type": "max_cost", "usd": "NaN"}}, "rule.usd"),
        ({"rule": {"type": "max_cost", "usd": "1e-999999"}}, "rule.usd"),
        ({"rule": {"type": "max_latency", "ms": 0}}, "rule.ms"),
        ({"rule": {"type": "json_schema", "schema": {"type": "nothing"}}}, "rule.schema: $.type"),
        ({"rule": {"type": "json_schema", "schema": {"$ref": "http://x/y"}}}, "rule.schema"),
        ({"rule": {"type": "json_schema", "schema": {"$id": "http://x/y"}}}, "rule.schema"),
        ({"rule": {"type": "json_schema", "schema": {"pattern": r"(a)\1"}}}, "rule.schema"),
        ({"rule": {"type": "json_schema", "schema": {"x": "a" * 40_000}}}, "rule.schema"),
        ({"rule": {"type": "json_schema", "schema": {"unevaluatedItems": False}}}, "rule.schema"),
        ({"rule": ASKS | {"model": "gpt-5"}}, "rule.model"),
        ({"rule": ASKS | {"prompt": "Is it good?"}}, "rule.prompt"),
        ({"rule": ASKS | {"url": "http://169.254.169.254/"}}, "Invalid body"),
        ({"rule": ASKS | {"minimum": 1}}, "rule.maximum"),
        ({"rule": ASKS | {"maximum": 1e300}}, "rule.minimum"),
        ({"rule": ASKS | {"gives": "category", "categories": ["a"]}}, "rule.categories"),
        ({"rule": ASKS | {"max_calls_day": 0}}, "rule.max_calls_day"),
        ({"rule": ASKS | {"max_usd_month": -1}}, "rule.max_usd_month"),
        ({"calls": {"metadata": {str(n): "x" for n in range(11)}}}, "calls.metadata"),
        ({"calls": {"model": ""}}, "calls.model"),
    ],
)
async def test_what_breaks_a_rule_is_rejected_with_the_field(
    world: World, change: dict[str, Any], field: str
) -> None:
    answer = await world.admin.post("/dashboard/api/judges", json=POLITE | change)

    assert answer.status_code == 400, answer.text
    assert answer.json()["error"].startswith(field)


async def test_a_schema_nested_too_deeply_is_rejected(world: World) -> None:
    schema: dict[str, Any] = {}
    for _ in range(60):
        schema = {"not": schema}

    rule = {"type": "json_schema", "schema": schema}
    answer = await world.admin.post("/dashboard/api/judges", json=POLITE | {"rule": rule})

    assert answer.status_code == 400
    # A property may be called as a keyword is.
    fine = {"properties": {"$id": {"type": "string"}, "pattern": {}}}
    await world.judge(rule={"type": "json_schema", "schema": fine})


async def test_names_are_unique_and_judges_are_few(world: World) -> None:
    await world.judge()

    again = await world.admin.post("/dashboard/api/judges", json=POLITE)
    for number in range(19):
        await world.judge(name=f"n{number}")
    many = await world.admin.post("/dashboard/api/judges", json=POLITE | {"name": "more"})

    assert (again.status_code, many.status_code) == (409, 409)


async def test_keys_read_and_change_nothing(world: World) -> None:
    judge = await world.judge()
    one = f"/judges/{judge['id']}"

    for base in PLACES:
        reader = world.key if base == "/v1" else world.admin
        listed = (await reader.get(f"{base}/judges")).json()
        assert [each["name"] for each in listed["judges"]] == ["polite"]
        assert listed["models"] == [MODEL]
        assert (await reader.get(base + one)).json()["state"] == "on"
    for way, path in (
        ("POST", "/judges"),
        ("PATCH", one),
        ("DELETE", one),
        ("POST", one + "/test"),
    ):
        denied = await world.key.request(way, f"/dashboard/api{path}", json=POLITE)
        assert denied.status_code in (401, 403), path
        assert (await world.key.request(way, f"/v1{path}", json=POLITE)).status_code in (404, 405)


async def test_a_judge_is_changed_tried_and_removed(world: World) -> None:
    judge = await world.judge()
    path = f"/dashboard/api/judges/{judge['id']}"
    call = world.court.call("so sorry")

    changed = await world.admin.patch(path, json={"sampling": 0.5, "enabled": False})
    tried = await world.admin.post(f"{path}/test", json={"trace_id": call.trace_id})
    gone = await world.admin.delete(path)

    assert (changed.json()["state"], changed.json()["revision"]) == ("off", 1)
    assert tried.json() == {"matches": True, "value": True, "comment": "", "reason": None}
    assert gone.status_code == 200
    assert (await world.admin.get(path)).status_code == 404


async def test_a_token_of_admin_may_do_all_and_one_that_reads_may_read(world: World) -> None:
    project = f"/api/v1/projects/{world.court.project_id}"
    owner = TokenOwner(world.court.project_id)
    for scope, allowed in (("read", False), ("admin", True)):
        token = await create_token(world.court.database, owner, TokenDraft("CI", scope))
        async with open_client(world.app) as client:
            client.headers["Authorization"] = f"Bearer {token.plain}"
            listed = await client.get(f"{project}/judges")
            answer = await client.post(f"{project}/judges", json=POLITE | {"name": scope})
        assert listed.status_code == 200
        assert answer.status_code == (201 if allowed else 403), answer.text


async def test_past_calls_are_queued_within_bounds(world: World) -> None:
    judge = await world.judge(calls={"environment": "live"})
    path = f"/dashboard/api/judges/{judge['id']}/past"
    for environment in ("live", "live", "live", "test"):
        world.court.call(environment=environment)
    day = "2026-01-01"

    for body in (
        {"date_from": "x", "date_to": day},
        {"date_from": day, "date_to": day, "limit": 0},
        {"date_from": day, "date_to": day, "limit": 10_001},
        {"date_from": day},
    ):
        assert (await world.admin.post(path, json=body)).status_code == 400, body
    span = {"date_from": "2020-01-01", "date_to": "2040-01-01"}
    some = await world.admin.post(path, json=span | {"limit": 2})

    assert some.json() == {"queued": 2, "is_cut": True}
    await put_queue(
        world.court.database,
        [Waiting(judge["id"], 1, [CallRef(f"t{n}", 1) for n in range(99_998)])],
    )
    full = await world.admin.post(path, json=span)
    assert full.status_code == 409


async def test_nobody_reaches_the_judges_of_another_project(world: World) -> None:
    judge = await world.judge()
    call = world.court.call()
    async with open_client(world.app) as other:
        await signed_in(other, f"bob-{uuid.uuid4().hex}", project="Other")
        own = await other.post("/dashboard/api/judges", json=POLITE)
        path = f"/dashboard/api/judges/{judge['id']}"
        for way, end in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/test")):
            body = {"trace_id": call.trace_id} if end else {"sampling": 0.1}
            answer = await other.request(way, path + end, json=body)
            assert answer.status_code == 404, way
        mine = f"/dashboard/api/judges/{own.json()['id']}/test"
        assert (await other.post(mine, json={"trace_id": call.trace_id})).status_code == 404
        assert (await other.get(world.page())).status_code == 404


async def test_what_people_and_models_write_is_escaped_on_the_pages(world: World) -> None:
    rule = {"type": "contains", "expected": HOSTILE}
    judge = await world.judge(rule=rule, calls={"metadata": {HOSTILE: HOSTILE}})
    database = world.court.database
    await put_queue(database, [Waiting(judge["id"], 1, [CallRef("t", 1)])])
    while (taken := await take_judge(database, "me", 2**61, asks_model=False)) is not None:
        if taken.judge.id == judge["id"]:
            break
    ended = Round(now_us=1, next_us=2**62, stopped=HOSTILE, error=HOSTILE)
    assert await end_round(database, judge["id"], "me", ended)
    form = {"kind": "regex", "name": HOSTILE, "pattern": HOSTILE, "sampling": HOSTILE}

    pages = [
        await world.admin.get(world.page()),
        await world.admin.get(world.page(f"/{judge['id']}")),
        await world.admin.post(world.page(), data=form),
        await world.admin.post(world.page(f"/{judge['id']}/test"), data={"trace_id": HOSTILE}),
    ]

    assert [one.status_code for one in pages] == [200, 200, 400, 400]
    for one in pages:
        assert "<script>alert" not in one.text
        assert "&lt;script&gt;alert" in one.text


async def test_the_pages_make_change_try_and_remove_a_judge(world: World) -> None:
    form = {
        "kind": "model",
        "name": "helpful",
        "sampling": "50",
        "model": MODEL,
        "prompt": "Is {output} good?",
        "gives": "category",
        "categories": "good\nbad\n",
        "minimum": "0",
        "maximum": "1",
        "max_calls_day": "10",
        "max_usd_month": "$2",
        "calls_metadata": "team=red",
        "enabled": "1",
    }

    made = await world.admin.post(world.page(), data=form)
    (judge,) = (await world.key.get("/v1/judges")).json()["judges"]
    path = world.page(f"/{judge['id']}")
    shown = (await world.admin.get(path)).text
    changed = await world.admin.post(path, data=form | {"kind": "regex", "pattern": "sorry"})
    call = world.court.call("sorry")
    tried = await world.admin.post(f"{path}/test", data={"trace_id": call.trace_id})
    newest = await world.admin.post(f"{path}/test", data={"trace_id": " "})
    span = {"date_from": "2020-01-01", "date_to": "2040-01-01", "limit": "10"}
    past = await world.admin.post(f"{path}/past", data=span)
    bad = await world.admin.post(f"{path}/past", data=span | {"date_from": "x"})
    kept = await world.admin.post(f"{path}/remove", data={"confirm": "another"})
    removed = await world.admin.post(f"{path}/remove", data={"confirm": "helpful"})

    assert (made.status_code, changed.status_code) == (303, 303)
    assert judge["rule"]["categories"] == ["good", "bad"]
    assert (judge["sampling"], judge["rule"]["max_usd_month"]) == (0.5, "2")
    assert judge["calls"]["metadata"] == {"team": "red"}
    assert 'value="team=red' in shown or "team=red</textarea>" in shown
    assert "It says <b><bdi>true</bdi></b>" in tried.text
    assert "It is no call that this judge judges" in tried.text
    assert "No call of the last days" in newest.text
    assert "calls are judged now" in past.text
    assert (bad.status_code, kept.status_code, removed.status_code) == (400, 400, 303)
    assert (await world.key.get("/v1/judges")).json()["judges"] == []


@pytest.mark.parametrize("number", ["inf", "nan", "2.5", "many"])
async def test_a_number_of_calls_that_is_none_is_shown_beside_its_field(
    world: World, number: str
) -> None:
    form = {"kind": "model", "name": "n", "sampling": "100", "model": MODEL, "prompt": "{output}"}
    form |= {"minimum": "0", "maximum": "1", "max_calls_day": number}

    answer = await world.admin.post(world.page(), data=form)

    assert answer.status_code == 400
    assert "number" in answer.text.partition('id="w-f-max_calls_day"')[2][:100]
