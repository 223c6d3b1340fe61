"""Who may look for a person, take the data away and have it erased; the page of it."""

import uuid
from collections.abc import AsyncIterator, Sequence

import httpx
import msgspec
import pytest

from clickhouse.client import Warehouse
from controlplane.database import Database
from controlplane.erasures import list_erasures
from controlplane.tokens import TokenDraft, TokenOwner, create_token
from schemas.persons import hash_of
from schemas.projects import ProjectContext, ProjectId, TokenScope
from tests.integration.api_accounts.conftest import signed_in
from tests.integration.issues.app import make_app, open_client
from tests.integration.queries.error_rows import store_errors

JANE = "jane+doe@secret.example"
FORM = {"Origin": "http://localhost:3000", "Sec-Fetch-Site": "same-origin"}
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
async def database(migrated_url: str) -> AsyncIterator[Database]:
    database = Database(migrated_url)
    yield database
    await database.close()


@pytest.fixture
async def http(database: Database, warehouse: Warehouse) -> AsyncIterator[httpx.AsyncClient]:
    async with open_client(make_app(database, warehouse)) as client:
        await signed_in(client, f"ann-{uuid.uuid4().hex}", project="Shop")
        store(warehouse, client.headers["X-Project-Id"], [JANE, JANE, "bob"])
        yield client


def store(warehouse: Warehouse, project_id: str, people: Sequence[str]) -> None:
    rows = [{"user_key": one, "body": f'{{"user":{{"id":"{one}"}}}}'} for one in people]
    store_errors(warehouse, ProjectContext(ProjectId(project_id)), rows)


async def test_an_admins_token_counts_exports_and_erases(
    http: httpx.AsyncClient, database: Database
) -> None:
    project_id = ProjectId(http.headers["X-Project-Id"])
    persons = await by_token(http, database, project_id, "admin")

    counted = await http.get(persons, params={"person": JANE})
    export = await http.get(f"{persons}/export", params={"person": JANE})
    slip = await http.post(f"{persons}/erasures", json={"person": JANE, "confirm": "jane"})
    asked = await http.post(f"{persons}/erasures", json={"person": JANE, "confirm": JANE})

    assert counted.json()["rows"]["errors"] == counted.json()["total"] == 2
    lines = [msgspec.json.decode(line) for line in export.content.splitlines()]
    assert [line["body"]["user"]["id"] for line in lines] == [JANE, JANE]
    assert JANE not in export.headers["content-disposition"]
    assert (slip.status_code, asked.status_code) == (400, 202)
    listed = await http.get(f"{persons}/erasures")
    assert listed.json() == {"erasures": [asked.json()]}
    assert asked.json()["personHash"] == hash_of(project_id, JANE)
    assert JANE not in listed.text


@pytest.mark.parametrize("scope", ["read", "write"])
async def test_a_lesser_token_sees_nothing_of_a_person(
    http: httpx.AsyncClient, database: Database, scope: TokenScope
) -> None:
    persons = await by_token(http, database, ProjectId(http.headers["X-Project-Id"]), scope)

    for path in ("", "/export", "/erasures"):
        asked = {"params": {"person": JANE}} if path != "/erasures" else {}
        answer = await http.get(f"{persons}{path}", **asked)  # type: ignore[arg-type]  # texts
        assert answer.status_code == 403
    body = {"person": JANE, "confirm": JANE}
    assert (await http.post(f"{persons}/erasures", json=body)).status_code == 403


async def by_token(
    http: httpx.AsyncClient, database: Database, project_id: ProjectId, scope: TokenScope
) -> str:
    made = await create_token(database, TokenOwner(project_id), TokenDraft("CI", scope))
    http.cookies.clear()
    http.headers["Authorization"] = f"Bearer {made.plain}"
    return f"/api/v1/projects/{project_id}/persons"


async def test_the_page_finds_gives_and_erases_a_person(
    http: httpx.AsyncClient, database: Database
) -> None:
    project_id = ProjectId(http.headers["X-Project-Id"])
    page = f"/p/{project_id}/settings/persons"

    found = await http.post(page, data={"person": JANE}, headers=FORM)
    export = await http.post(f"{page}/export", data={"person": JANE}, headers=FORM)
    slip = {"person": JANE, "confirm": "somebody"}
    rejected = await http.post(f"{page}/erase", data=slip, headers=FORM)
    asked = await http.post(f"{page}/erase", data=slip | {"confirm": JANE}, headers=FORM)

    assert '<th scope="row">errors</th><td class="n">2</td>' in found.text
    assert len(export.content.splitlines()) == 2
    assert (rejected.status_code, asked.status_code) == (400, 303)
    assert [one.state for one in await list_erasures(database, project_id)] == ["waiting"]
    shown = await http.get(page)
    assert hash_of(project_id, JANE) in shown.text
    assert JANE not in shown.text


async def test_what_is_looked_for_is_shown_as_text(http: httpx.AsyncClient) -> None:
    page = f"/p/{http.headers['X-Project-Id']}/settings/persons"

    found = await http.post(page, data={"person": HOSTILE}, headers=FORM)

    assert found.status_code == 200
    assert HOSTILE not in found.text
    assert "No row names" in found.text
