"""The page of scheduled exports: who may set one, and to which places."""

import json
import uuid
from collections.abc import AsyncIterator

import httpx
import pytest

from clickhouse.client import Warehouse
from controlplane.database import Database
from controlplane.exports import Ended, end_schedule, find_schedule, take_schedule
from schemas.exports import Plan
from schemas.projects import ProjectContext, ProjectId
from tests.integration.api_accounts.conftest import signed_in
from tests.integration.exports.test_files import store_calls
from tests.integration.issues.app import make_app, open_client

FORM = {"Origin": "http://localhost:3000", "Sec-Fetch-Site": "same-origin"}
GIVEN = {"every": "hour", "format": "csv", "place": "folder"}
HOSTILE = "<script>alert(1)</script>"
LATE_US = 2_000_000_000_000_000


@pytest.fixture
async def database(migrated_url: str) -> AsyncIterator[Database]:
    database = Database(migrated_url)
    yield database
    await database.close()


@pytest.fixture
async def http(database: Database, warehouse: Warehouse) -> AsyncIterator[httpx.AsyncClient]:
    app = make_app(database, warehouse)
    app.state.export_places = ("folder",)
    async with open_client(app) as client:
        await signed_in(client, f"ann-{uuid.uuid4().hex}", project="Shop")
        yield client


async def test_an_admin_sets_and_ends_the_export(
    http: httpx.AsyncClient, database: Database
) -> None:
    project_id = ProjectId(http.headers["X-Project-Id"])
    page = f"/p/{project_id}/settings/exports"

    saved = await http.post(page, data=GIVEN, headers=FORM)
    made = await find_schedule(database, project_id)
    shown = await http.get(page)
    ended = await http.post(f"{page}/remove", headers=FORM)

    assert (saved.status_code, ended.status_code) == (303, 303)
    assert made is not None
    assert made.plan == Plan("hour", "csv", "folder")
    assert "End the exports" in shown.text
    assert await find_schedule(database, project_id) is None


@pytest.mark.parametrize(
    "wrong", [{"place": "s3"}, {"place": "/etc"}, {"format": "exe"}, {"every": ""}]
)
async def test_a_place_that_the_operator_has_not_named_is_rejected(
    http: httpx.AsyncClient, database: Database, wrong: dict[str, str]
) -> None:
    project_id = ProjectId(http.headers["X-Project-Id"])

    answer = await http.post(f"/p/{project_id}/settings/exports", data=GIVEN | wrong, headers=FORM)

    assert answer.status_code == 400
    assert await find_schedule(database, project_id) is None


async def test_what_went_wrong_is_shown_and_runs_nothing(
    http: httpx.AsyncClient, database: Database
) -> None:
    project_id = ProjectId(http.headers["X-Project-Id"])
    page = f"/p/{project_id}/settings/exports"
    await http.post(page, data=GIVEN, headers=FORM)
    await take_schedule(database, "one", LATE_US)
    ended = Ended(now_us=LATE_US, next_us=LATE_US, rows=0, bytes=0, error=HOSTILE)
    await end_schedule(database, project_id, "one", ended)

    shown = await http.get(page)

    assert HOSTILE not in shown.text
    assert "&lt;script&gt;" in shown.text


async def test_a_list_is_taken_away_with_its_range_and_filter(
    http: httpx.AsyncClient, warehouse: Warehouse
) -> None:
    project_id = http.headers["X-Project-Id"]
    store_calls(warehouse, ProjectContext(ProjectId(project_id)), 9)
    day = {"from": "2025-06-01T00:00:00Z", "to": "2025-06-01T00:00:05Z", "where": "session:odd"}

    shown = await http.get(f"/p/{project_id}/llm/traces", params=day)
    taken = await http.get(f"/p/{project_id}/export/traces", params=day | {"format": "jsonl"})
    wrong = await http.get(f"/p/{project_id}/export/traces", params={"format": "exe"})
    nothing = await http.get(f"/p/{project_id}/export/users")

    assert f"/p/{project_id}/export/traces?" in shown.text
    lines = [json.loads(line) for line in taken.content.splitlines()]
    assert [line["request_body"]["n"] for line in lines] == [1, 3, 5]
    assert (wrong.status_code, nothing.status_code) == (400, 404)
