"""Prompts in numbers: what is answered is what the rows say, beside those stored before."""

import statistics
import uuid
from typing import Any
from urllib.parse import quote

import pytest
from litestar import Litestar
from litestar.testing import TestClient
from msgspec.structs import replace

from clickhouse.client import Warehouse
from schemas.projects import ProjectContext
from tests.integration.queries.conftest import client_of, store_traces
from tests.integration.queries.prompt_rows import store_templates
from tests.integration.queries.rows import DAY_US, START_US, TraceRow, make_trace
from tests.integration.queries.score_rows import make_score, store_scores

Client = TestClient[Litestar]
RANGE = "date_from=2025-06-01T00:00:00Z&date_to=2025-06-03T23:59:59Z"
HOSTILE = "a'b\" \\ {x} <script>"
DOLLAR = 10**12


def call(project: ProjectContext, prompt: str, version: str, **changes: Any) -> TraceRow:
    given = {"prompt": prompt, "prompt_version": version, "timestamp_us": START_US + DAY_US // 2}
    return make_trace(project.project_id, uuid.uuid4().hex, **given | changes)


def prompts(client: Client, query: str = "") -> list[dict[str, Any]]:
    answer = client.get(f"/analytics/prompts?{RANGE}&{query}")
    assert answer.status_code == 200, answer.text
    return list(answer.json()["prompts"])


@pytest.fixture
def calls(warehouse: Warehouse, project: ProjectContext) -> list[TraceRow]:
    """Two versions of a named prompt, one found, one of which nothing is stored, and none."""
    rows = [
        *(
            call(project, "support", str(1 + n % 2), latency_ms=100.0 * n, input_tokens=n)
            for n in range(10)
        ),
        call(project, "support", "2", status="error", timestamp_us=START_US + 2 * DAY_US),
        call(project, "auto:aa", "11", prompt_text="You are", computed_cost_pico=DOLLAR),
        *(call(project, f"auto:b{n}", f"2{n}", computed_cost_pico=DOLLAR) for n in range(3)),
        call(project, "", ""),
        call(project, "support", "1", timestamp_us=START_US - 1),
    ]
    store_traces(warehouse, rows)
    store_templates(warehouse, [row for row in rows if row.prompt_text])
    return rows


def test_an_answer_over_a_time_of_which_calls_are_gone_says_so(
    warehouse: Warehouse, project: ProjectContext
) -> None:
    thinned = replace(project, rows_from_us=START_US + DAY_US)
    asked = f"/analytics/prompts?{RANGE}"

    with client_of(warehouse, thinned) as client:
        old = client.get(asked).json()
        young = client.get(asked.replace("06-01", "06-02")).json()

    assert (old["rowsFrom"], young["rowsFrom"]) == ("2025-06-02T00:00:00.000Z", None)


def test_each_prompt_has_its_calls_and_those_beyond_the_bound_are_counted_together(
    client: Client, calls: list[TraceRow]
) -> None:
    found = prompts(client)

    assert [(one["prompt"], one["requests"], one["versions"]) for one in found] == [
        ("support", 11, 2),
        ("auto:other", 3, 3),
        ("auto:aa", 1, 1),
    ]
    assert [one["text"] for one in found] == [None, None, "You are"]
    assert [one["costCents"] for one in found] == [0, 300, 100]
    assert found[1]["costPerRequest"] == 100
    assert found[0]["firstSeen"] == "2025-06-01T12:00:00.000Z"
    assert found[0]["lastSeen"] == "2025-06-03T00:00:00.000Z"


def test_versions_of_a_prompt_stand_beside_each_other(
    client: Client, warehouse: Warehouse, project: ProjectContext, calls: list[TraceRow]
) -> None:
    of = {version: [one for one in calls[:10] if one.prompt_version == version] for version in "12"}
    scores = [make_score(f"s{n}", n, value=n / 10, trace_id=calls[n].trace_id) for n in range(10)]
    store_scores(warehouse, project.project_id, scores)

    second, first = prompts(client, "prompt=support&interval=day")

    assert (first["version"], second["version"]) == ("1", "2")
    assert (first["requests"], second["requests"], second["errors"]) == (5, 6, 1)
    assert first["p50"] == statistics.median(one.latency_ms for one in of["1"])
    assert first["tokens"]["input"] == sum(one.input_tokens or 0 for one in of["1"])
    assert [(one["period"], one["requests"]) for one in second["overTime"]] == [
        ("2025-06-01", 5),
        ("2025-06-03", 1),
    ]
    assert [(one["name"], one["count"]) for one in first["scores"]] == [("helpfulness", 5)]
    assert first["scores"][0]["average"] == pytest.approx(0.4)
    assert second["scores"][0]["average"] == pytest.approx(0.5)


def test_calls_are_found_and_grouped_by_prompt_and_version(
    client: Client, calls: list[TraceRow]
) -> None:
    listed = client.get("/traces?prompt=support&prompt_version=1").json()["traces"]
    assert {one["traceId"] for one in listed} == {
        one.trace_id for one in calls if (one.prompt, one.prompt_version) == ("support", "1")
    }
    assert {(one["prompt"], one["promptVersion"]) for one in listed} == {("support", "1")}
    one = client.get(f"/traces/{calls[-2].trace_id}").json()
    assert "prompt" not in one

    grouped = client.get(f"/analytics?{RANGE}&group_by=prompt,prompt_version").json()["groups"]
    counts = {(g["key"]["prompt"], g["key"]["prompt_version"]): g["requests"] for g in grouped}
    assert counts[("support", "2")] == 6
    assert counts[(None, None)] == 1
    by_score = client.get(f"/scores/analytics?{RANGE}&group_by=prompt").status_code
    assert by_score == 200


def test_a_name_of_any_characters_is_a_name(
    client: Client, warehouse: Warehouse, project: ProjectContext
) -> None:
    store_traces(warehouse, [call(project, HOSTILE, HOSTILE)])

    assert [one["prompt"] for one in prompts(client)] == [HOSTILE]
    (version,) = prompts(client, f"prompt={quote(HOSTILE)}&interval=week")
    assert version["version"] == HOSTILE


def test_prompts_of_another_project_are_not_there(
    client: Client, warehouse: Warehouse, project: ProjectContext
) -> None:
    other = ProjectContext(project.project_id[::-1])
    theirs = call(other, "auto:aa", "11", prompt_text="Theirs")
    store_traces(warehouse, [theirs, call(project, "auto:aa", "11")])
    store_templates(warehouse, [theirs])

    (only,) = prompts(client)

    assert (only["prompt"], only["text"], only["requests"]) == ("auto:other", None, 1)


def test_rows_that_were_stored_before_have_no_prompt_and_answer(
    client: Client, warehouse: Warehouse, project: ProjectContext
) -> None:
    """As the columns are added to parts that lack them."""
    row = make_trace(project.project_id, uuid.uuid4().hex)
    columns = "project_id, trace_id, timestamp, received_at, status"
    warehouse.command_now(
        f"INSERT INTO traces ({columns}) SELECT {{p:String}}, {{id:String}},"
        " fromUnixTimestamp64Micro({us:Int64}, 'UTC'), now64(6), 'success'",
        {"p": project.project_id, "id": row.trace_id, "us": row.timestamp_us},
        {},
    )

    assert prompts(client) == []
    groups = client.get(f"/analytics?{RANGE}&group_by=prompt").json()["groups"]
    assert [(one["key"], one["requests"]) for one in groups] == [({"prompt": None}, 1)]
    assert client.get(f"/traces/{row.trace_id}").status_code == 200


@pytest.mark.parametrize(
    ("query", "name"),
    [("prompt=", "prompt"), ("interval=minute", "interval"), ("date_from=x", "date_from")],
)
def test_a_bad_parameter_is_rejected_with_its_name(client: Client, query: str, name: str) -> None:
    ranged = RANGE.split("&")[1] if name == "date_from" else RANGE
    answer = client.get(f"/analytics/prompts?{ranged}&{query}")

    assert answer.status_code == 400
    assert [issue["path"] for issue in answer.json()["details"]] == [[name]]
