"""Two projects with the same ids never see each other, whichever way they ask."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import httpx
import pytest

from tests.e2e.payloads import UNKNOWN_ID, new_id, span, trace
from tests.e2e.people import join
from tests.e2e.server import Project, Server, create_project, wait_for

RANGE = {"date_from": "2026-11-01T00:00:00Z", "date_to": "2026-11-02T00:00:00Z"}
TRACE_ID, SPAN_ID, SESSION = new_id(), new_id(), "the same session"


class Tenants(NamedTuple):
    """Two projects that use the same ids, one without any, and a member of the first alone."""

    first: Project
    second: Project
    empty: Project
    member: httpx.Client


@pytest.fixture(scope="module")
def tenants(server: Server) -> Iterator[Tenants]:
    projects = [create_project(server, name) for name in ("First", "Second", "Empty")]
    for project, name in zip(projects[:2], ("first", "second"), strict=True):
        fill(project, name)
    member = join(server, projects[0])
    yield Tenants(*projects, member)
    member.close()


def fill(project: Project, name: str) -> None:
    """Stores one trace and one span with the ids that the other has too, and refuses one."""
    item = trace(
        trace_id=TRACE_ID,
        session_id=SESSION,
        output_text=name,
        metadata={"userId": name},
        cost_cents=1 if name == "first" else 2,
    )
    event = span(span_id=SPAN_ID, session_id=SESSION, tool_name=name)
    assert project.post("/v1/traces/batch", [item]).status_code == 202
    assert project.post("/v1/spans/batch", [event]).status_code == 202
    assert project.post("/v1/traces/async", [{}]).status_code == 400
    wait_for(lambda: project.outcomes().get("invalid") == 1, "the refusal")


def ask(client: httpx.Client, base: str, **headers: str) -> dict[str, Any]:
    """Returns what every query endpoint answers."""
    paths = {
        "traces": f"{base}/traces",
        "trace": f"{base}/traces/{TRACE_ID}",
        "spans": f"{base}/spans",
        "span": f"{base}/spans/{SPAN_ID}",
        "session": f"{base}/sessions/{SESSION}",
        "session spans": f"{base}/sessions/{SESSION}/spans",
        "analytics": f"{base}/analytics",
        "span analytics": f"{base}/analytics/spans",
        "outcomes": f"{base}/outcomes",
    }
    answers = {}
    for name, path in paths.items():
        params = {**RANGE, "group_by": "user"} if name == "analytics" else {}
        params = RANGE if name == "span analytics" else params
        answer = client.get(path, params=params, headers=headers)
        answers[name] = answer.json() | {"code": answer.status_code}
    return answers


def assert_only_own(answers: dict[str, Any], project: Project, name: str, cost: int) -> None:
    (row,), (event,) = answers["traces"]["traces"], answers["spans"]["spans"]
    (said,), (happened,) = answers["session"]["traces"], answers["session spans"]["spans"]
    assert {item["projectId"] for item in (row, event, said, happened)} == {project.project_id}
    assert {row["outputText"], said["outputText"], answers["trace"]["outputText"]} == {name}
    assert {event["toolName"], happened["toolName"], answers["span"]["toolName"]} == {name}
    assert (answers["traces"]["total"], answers["spans"]["total"]) == (1, 1)
    assert (answers["analytics"]["totalRequests"], answers["analytics"]["totalCost"]) == (1, cost)
    assert [group["key"] for group in answers["analytics"]["groups"]] == [{"user": name}]
    (tool,) = answers["span analytics"]["topTools"]
    assert (tool["name"], tool["count"]) == (name, 1)
    totals = answers["outcomes"]["totals"]
    assert (totals["received"], totals["accepted"], totals["duplicate"]) == (3, 2, 0)


def test_each_project_sees_its_own_and_nothing_else(tenants: Tenants) -> None:
    assert_only_own(ask(tenants.first.http, "/v1"), tenants.first, "first", 1)
    assert_only_own(ask(tenants.second.http, "/v1"), tenants.second, "second", 2)


def test_a_project_without_events_sees_none(tenants: Tenants) -> None:
    answers = ask(tenants.empty.http, "/v1")

    assert (answers["traces"]["total"], answers["spans"]["total"]) == (0, 0)
    assert answers["trace"] == {"error": "Trace not found", "code": 404}
    assert answers["span"] == {"error": "Span not found", "code": 404}
    assert answers["session"] == {"error": "Session not found", "code": 404}
    assert answers["session spans"] == {"error": "Session not found", "code": 404}
    assert answers["analytics"]["totalRequests"] == 0
    assert answers["span analytics"]["totalSpans"] == 0
    assert answers["outcomes"]["totals"]["received"] == 0


def test_a_key_cannot_be_turned_to_another_project(tenants: Tenants) -> None:
    other = {"X-Project-Id": tenants.second.project_id}

    answers = ask(tenants.first.http, "/v1", **other)

    assert_only_own(answers, tenants.first, "first", 1)


def test_a_member_sees_the_project_they_belong_to(tenants: Tenants) -> None:
    own = {"X-Project-Id": tenants.first.project_id}

    answers = ask(tenants.member, "/dashboard/api", **own)

    assert_only_own(answers, tenants.first, "first", 1)


def test_a_member_of_one_project_is_refused_at_every_other(tenants: Tenants) -> None:
    for project in (tenants.second, tenants.empty):
        headers = {"X-Project-Id": project.project_id}

        for name, answer in ask(tenants.member, "/dashboard/api", **headers).items():
            assert answer == {"error": "Forbidden: no access to this project", "code": 403}, name


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/dashboard/api/traces/batch", []),
        ("POST", "/dashboard/api/spans/batch", []),
        ("POST", "/dashboard/api/spans/async", []),
        ("GET", "/dashboard/api/api-keys", None),
        ("POST", "/dashboard/api/api-keys", {"name": "mine"}),
        ("GET", "/dashboard/api/users", None),
        ("POST", "/dashboard/api/users", {"email": "x@example.com"}),
        ("PATCH", f"/dashboard/api/users/{UNKNOWN_ID}", {"role": "admin"}),
        ("DELETE", f"/dashboard/api/users/{UNKNOWN_ID}", None),
        ("GET", "/dashboard/api/invitations", None),
        ("DELETE", f"/dashboard/api/invitations/{UNKNOWN_ID}", None),
    ],
)
def test_a_member_of_one_project_can_change_nothing_in_another(
    tenants: Tenants, method: str, path: str, body: Any
) -> None:
    headers = {"X-Project-Id": tenants.second.project_id}

    answer = tenants.member.request(method, path, json=body, headers=headers)

    assert (answer.status_code, answer.json()["error"]) == (
        403,
        "Forbidden: no access to this project",
    )


def test_a_list_of_projects_holds_only_ones_own(tenants: Tenants) -> None:
    projects = tenants.member.get("/dashboard/api/projects").json()["projects"]

    assert [project["id"] for project in projects] == [tenants.first.project_id]


def test_without_a_session_or_a_project_nothing_is_answered(
    server: Server, tenants: Tenants
) -> None:
    with server.client(None) as stranger:
        without_session = ask(stranger, "/dashboard/api", **{"X-Project-Id": new_id()})
    without_project = ask(tenants.member, "/dashboard/api")

    assert {answer["code"] for answer in without_session.values()} == {401}
    assert {(a["code"], a["error"]) for a in without_project.values()} == {
        (400, "Missing X-Project-Id header")
    }
