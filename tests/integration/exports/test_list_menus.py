"""Lists that are taken away from their pages, and schedules that are set over HTTP."""

import json
import uuid
from typing import Any

import httpx
import pytest

from clickhouse.client import Warehouse
from controlplane.database import Database
from controlplane.exports import find_schedule
from controlplane.tokens import TokenDraft, TokenOwner, create_token
from schemas.exports import Plan
from schemas.projects import ProjectContext, ProjectId
from tests.integration.exports.test_exports_page import GIVEN, database, http
from tests.integration.issues.app import happen
from tests.integration.queries.conftest import store_spans, store_traces
from tests.integration.queries.error_rows import NOON_US
from tests.integration.queries.otel_rows import span, trace_id
from tests.integration.queries.otel_rows import store_spans as store_otel
from tests.integration.queries.rows import make_span, make_trace

__all__ = ["database", "http"]
DAY = {"from": "2025-01-01T00:00:00Z", "to": "2027-01-01T00:00:00Z"}
FORMULA = "=1+1"
SCHEDULES = "/dashboard/api/exports/schedules"


@pytest.fixture
def project(http: httpx.AsyncClient) -> ProjectContext:
    return ProjectContext(ProjectId(http.headers["X-Project-Id"]))


async def taken(http: httpx.AsyncClient, path: str, **params: str) -> list[dict[str, Any]]:
    url = f"/p/{http.headers['X-Project-Id']}/{path}"
    answer = await http.get(url, params={"format": "jsonl", **params})
    assert answer.status_code == 200, answer.text[-900:]
    return [json.loads(line) for line in answer.content.splitlines()]


@pytest.mark.parametrize("of", ["sessions", "users"])
async def test_sessions_and_users_are_taken_away_as_they_are_listed(
    http: httpx.AsyncClient, warehouse: Warehouse, project: ProjectContext, of: str
) -> None:
    names = ("a", "b", FORMULA)
    rows = [
        make_trace(
            project.project_id,
            uuid.uuid4().hex,
            session_id=name,
            user_id=name,
            timestamp_us=NOON_US,
            computed_cost_pico=number * 10**10,
            environment="production" if number else "staging",
        )
        for number, name in enumerate(names)
    ]
    store_traces(warehouse, rows)
    asked = dict(DAY)
    asked |= {"where": "environment:production", "sort": "cost"}
    key = "session_id" if of == "sessions" else "user"

    page = await http.get(f"/p/{project.project_id}/llm/{of}", params=asked)
    lines = await taken(http, f"llm/{of}/export", **asked)
    sheet = await http.get(f"/p/{project.project_id}/llm/{of}/export", params=asked)
    wrong = await http.get(f"/p/{project.project_id}/llm/{of}/export?format=exe")

    assert [line[key] for line in lines] == [FORMULA, "b"]
    assert [line["cost_usd"] for line in lines] == [0.02, 0.01]
    assert f"llm/{of}/export?" in page.text
    assert f"'{FORMULA}" in sheet.text
    assert wrong.status_code == 400


async def test_spans_are_taken_away_by_the_list_of_traces_and_by_that_of_spans(
    http: httpx.AsyncClient, warehouse: Warehouse, project: ProjectContext
) -> None:
    store_otel(warehouse, project, [span(1), span(2, 1), span(3, trace=2, name="other")])
    day = DAY

    of_spans = await taken(http, "export/otel_spans", of="spans", where="name:other", **day)
    of_traces = await taken(http, "export/otel_spans", of="traces", **day)

    assert len(of_spans) == 1
    assert len(of_traces) == 3
    assert trace_id(1) in {one["trace_id"] for one in of_traces}


async def test_events_are_taken_away_by_the_lists_of_agents_and_of_issues(
    http: httpx.AsyncClient, warehouse: Warehouse, project: ProjectContext, database: Database
) -> None:
    spans = [
        make_span(project.project_id, uuid.uuid4().hex, session_id=session, source=source)
        for session, source in (("s1", "claude_code"), ("s1", "claude_code"), ("s2", "codex"))
    ]
    store_spans(warehouse, spans)
    events = [{"fingerprint": name, "title": name} for name in ("one", "one", "two")]
    await happen(database, warehouse, project.project_id, events)
    day = DAY
    issues = (await http.get("/dashboard/api/issues")).json()["issues"]
    (one,) = [issue for issue in issues if issue["title"] == "one"]

    agents = await taken(http, "export/spans", where="agent:codex", **day)
    of_one = await taken(http, "export/errors", issue=one["id"], **day)
    of_all = await taken(http, "export/errors", **day)
    project_url = f"/p/{project.project_id}"
    unknown = await http.get(f"{project_url}/export/errors?issue={uuid.uuid4()}")

    assert [line["session_id"] for line in agents] == ["s2"]
    assert [line["title"] for line in of_one] == ["one", "one"]
    assert len(of_all) == 3
    assert unknown.status_code == 404


async def test_an_admin_sets_shows_and_ends_a_schedule_over_http(
    http: httpx.AsyncClient, project: ProjectContext, database: Database
) -> None:
    nothing = await http.delete(SCHEDULES)
    made = await http.put(SCHEDULES, json=GIVEN)
    changed = await http.put(SCHEDULES, json=GIVEN | {"every": "day"})
    listed = await http.get(SCHEDULES)
    found = await find_schedule(database, project.project_id)
    ended = await http.delete(SCHEDULES)

    assert (nothing.status_code, made.status_code, ended.status_code) == (404, 200, 200)
    assert found is not None
    assert found.plan == Plan("day", "csv", "folder")
    assert listed.json() == changed.json()
    (one,) = listed.json()["schedules"]
    assert (one["every"], one["isRunning"], one["error"]) == ("day", False, "")
    assert listed.json()["places"] == ["folder"]
    assert await find_schedule(database, project.project_id) is None


@pytest.mark.parametrize("wrong", [{"place": "s3"}, {"place": "/etc"}, {"every": "minute"}, 7])
async def test_a_plan_that_there_is_not_is_rejected(
    http: httpx.AsyncClient, project: ProjectContext, database: Database, wrong: Any
) -> None:
    body = GIVEN | wrong if isinstance(wrong, dict) else wrong

    assert (await http.put(SCHEDULES, json=body)).status_code == 400
    assert await find_schedule(database, project.project_id) is None


@pytest.mark.parametrize(("scope", "status"), [("read", 403), ("write", 403), ("admin", 200)])
async def test_a_token_of_admin_alone_sets_a_schedule(
    http: httpx.AsyncClient,
    project: ProjectContext,
    database: Database,
    scope: Any,
    status: int,
) -> None:
    made = await create_token(database, TokenOwner(project.project_id), TokenDraft("CI", scope))
    http.cookies.clear()
    http.headers["Authorization"] = f"Bearer {made.plain}"
    path = f"/api/v1/projects/{project.project_id}/exports/schedules"

    answers = [
        await http.put(path, json=GIVEN),
        await http.get(path),
        await http.delete(path),
    ]

    assert [one.status_code for one in answers] == [status] * 3
