"""Traces over HTTP: lists, one, sessions."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient
from msgspec import structs

from clickhouse.client import Warehouse
from clickhouse.llm import traces
from schemas.projects import ProjectContext
from tests.integration.queries.conftest import store_traces
from tests.integration.queries.rows import START_US, make_trace, random_traces

Client = TestClient[Litestar]
CONTRACT_KEYS = (
    "traceId projectId sessionId timestamp latencyMs provider modelRequested modelUsed"
    " providerRequestId requestBody responseBody inputTokens outputTokens outputText finishReason"
    " status error costCents metadata"
)
OUR_KEYS = (
    "cacheReadTokens cacheWriteTokens reasoningTokens computedCostCents reportedCostCents"
    " costSource priceSnapshot environment apiKey receivedAt source services spanCount summary"
    " toolCallCount filesEdited errorService"
)


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("status=ok", "status"),
        ("session_id=", "session_id"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=abc", "limit"),
        ("limit=1.5", "limit"),
        ("limit=", "limit"),
        ("offset=-1", "offset"),
        ("min_cost_cents=x", "min_cost_cents"),
    ],
)
def test_a_bad_parameter_is_refused_with_its_path(client: Client, query: str, name: str) -> None:
    answer = client.get(f"/traces?{query}")

    assert answer.status_code == 400
    assert answer.json()["error"] == "Invalid query parameters"
    assert [issue["path"] for issue in answer.json()["details"]] == [[name]]


def test_a_bad_date_is_refused_by_name(client: Client) -> None:
    answer = client.get("/traces?date_to=soon")

    assert (answer.status_code, answer.json()) == (400, {"error": "Invalid date_to parameter"})


@pytest.mark.parametrize(
    ("path", "message"),
    [("/traces/none", "Trace not found"), ("/sessions/none", "Session not found")],
)
def test_what_is_not_there_is_not_found(client: Client, path: str, message: str) -> None:
    answer = client.get(path)

    assert (answer.status_code, answer.json()) == (404, {"error": message})


def test_the_traces_of_another_project_are_not_there(
    client: Client, warehouse: Warehouse, project: ProjectContext
) -> None:
    other = project.project_id + "-other"
    store_traces(warehouse, [make_trace(other, "theirs", session_id="theirs")])

    assert client.get("/traces/theirs").status_code == 404
    assert client.get("/sessions/theirs").status_code == 404
    assert client.get("/traces").json()["total"] == 0


def test_a_bare_trace_has_every_key_and_null_where_nothing_was_sent(
    client: Client, warehouse: Warehouse, project: ProjectContext
) -> None:
    store_traces(warehouse, [make_trace(project.project_id, "bare")])

    row = client.get("/traces/bare").json()

    assert set(row) == {*CONTRACT_KEYS.split(), *OUR_KEYS.split()}
    assert {key: value for key, value in row.items() if value is not None} == {
        "traceId": "bare",
        "projectId": project.project_id,
        "timestamp": "2025-06-01T00:00:00.000Z",
        "latencyMs": 1200,
        "provider": "openai",
        "modelRequested": "gpt-4o",
        "requestBody": {"model": "gpt-4o"},
        "status": "success",
        "receivedAt": "2025-06-01T00:00:01.000Z",
        "source": "sdk",
        "services": [],
        "spanCount": 1,
        "summary": "gpt-4o",
        "toolCallCount": 0,
        "filesEdited": 0,
    }


def test_a_full_trace_comes_back_as_it_was_sent(
    client: Client, warehouse: Warehouse, project: ProjectContext
) -> None:
    row = make_trace(
        project.project_id,
        "full",
        session_id="conv-abc-123",
        timestamp_us=START_US + 123_456,
        model_used="gpt-4o-2024",
        latency_ms=12.5,
        input_tokens=0,
        output_tokens=(1 << 53) - 1,
        computed_cost_pico=1_800_000_001,
        reported_cost_pico=None,
        price_id="p1",
        environment="production",
        output_text="",
        response_body='{"a":[1,{"ü":null}]}',
        error='{"message":"no"}',
        metadata='{"userId":"user-123"}',
    )
    store_traces(warehouse, [row])

    answer = client.get("/traces/full")

    found = answer.json()
    assert '"latencyMs":12.5,' in answer.text
    assert found["timestamp"] == "2025-06-01T00:00:00.123Z"
    assert (found["inputTokens"], found["outputTokens"]) == (0, (1 << 53) - 1)
    assert found["costCents"] == found["computedCostCents"] == 1_800_000_001 / 10**10
    assert (found["costSource"], found["priceSnapshot"]) == ("computed", "p1")
    assert found["responseBody"] == {"a": [1, {"ü": None}]}
    assert found["error"] == {"message": "no"}
    assert found["metadata"] == {"userId": "user-123"}
    assert found["outputText"] == ""


async def test_the_cost_that_counts_follows_the_preference(
    warehouse: Warehouse, project: ProjectContext
) -> None:
    costs = {"computed_cost_pico": 2 * 10**10, "reported_cost_pico": 3 * 10**10}
    store_traces(warehouse, [make_trace(project.project_id, "both", **costs)])
    turned = structs.replace(project, cost_preference="computed")

    reported = await traces.fetch_trace(warehouse, project, "both")
    computed = await traces.fetch_trace(warehouse, turned, "both")

    assert reported is not None
    assert computed is not None
    assert (reported.cost_cents, reported.cost_source) == (3, "reported")
    assert (computed.cost_cents, computed.cost_source) == (2, "computed")


@pytest.mark.parametrize("cents", [1e-11, 1 / 3, 0.123456789012345, 1e12 + 0.1])
def test_a_reported_cost_keeps_each_digit(
    client: Client, warehouse: Warehouse, project: ProjectContext, cents: float
) -> None:
    digits = {"reported_cost_pico": round(cents * 10**10), "reported_digits": repr(cents)}
    store_traces(warehouse, [make_trace(project.project_id, "t", **digits)])

    found = client.get("/traces/t").json()

    assert found["costCents"] == found["reportedCostCents"] == cents


def test_a_list_is_latest_first_with_ties_by_id_and_counts_all_matches(
    client: Client, warehouse: Warehouse, project: ProjectContext
) -> None:
    moments = [5, 1, 5, 9, 5]
    rows = [
        make_trace(project.project_id, f"t{number}", timestamp_us=START_US + us * 10**6)
        for number, us in enumerate(moments)
    ]
    store_traces(warehouse, rows)

    first = client.get("/traces?limit=3").json()
    rest = client.get("/traces?limit=3&offset=3").json()

    assert [row["traceId"] for row in first["traces"]] == ["t3", "t4", "t2"]
    assert [row["traceId"] for row in rest["traces"]] == ["t0", "t1"]
    assert (first["total"], first["limit"], first["offset"]) == (5, 3, 0)
    assert (rest["total"], rest["limit"], rest["offset"]) == (5, 3, 3)


@pytest.mark.parametrize(
    ("query", "matches"),
    [
        ("provider=openai", lambda r: r.provider == "openai"),
        ("model=gpt-4o", lambda r: r.model_requested == "gpt-4o"),
        ("model_used=none", lambda r: False),
        ("status=error", lambda r: r.status == "error"),
        ("session_id=s3", lambda r: r.session_id == "s3"),
        ("user=u1&status=error", lambda r: r.user_id == "u1" and r.status == "error"),
        ("environment=staging", lambda r: r.environment == "staging"),
        ("metadata.team=red", lambda r: r.tags.get("team") == "red"),
        ("min_latency_ms=1000.5", lambda r: r.latency_ms >= 1000.5),
        ("max_latency_ms=500", lambda r: r.latency_ms <= 500),
        ("min_cost_cents=50", lambda r: (_cost(r) or -1) >= 50 * 10**10),
        ("max_cost_cents=10", lambda r: _cost(r) is not None and _cost(r) <= 10 * 10**10),
        ("date_from=2025-06-03", lambda r: _date(r) >= "2025-06-03"),
        ("date_to=2025-06-03", lambda r: _date(r) <= "2025-06-03"),
        (
            "date_from=2025-06-02&date_to=2025-06-03&provider=anthropic",
            lambda r: "2025-06-02" <= _date(r) <= "2025-06-03" and r.provider == "anthropic",
        ),
    ],
)
def test_each_filter_gives_its_rows_and_their_count(
    client: Client, warehouse: Warehouse, project: ProjectContext, query: str, matches: Any
) -> None:
    rows = random_traces(project.project_id, 11, 300)
    store_traces(warehouse, rows)

    found = client.get(f"/traces?limit=1000&{query}").json()

    expected = sorted(
        ((r.timestamp_us, r.trace_id) for r in rows if matches(r)),
        reverse=True,
    )
    assert [row["traceId"] for row in found["traces"]] == [trace_id for _, trace_id in expected]
    assert found["total"] == len(expected)


def test_a_value_is_never_read_as_sql(
    client: Client, warehouse: Warehouse, project: ProjectContext
) -> None:
    evil = "x' OR 1=1 --\\"
    tags = {"k'] = ''": evil}
    store_traces(warehouse, [make_trace(project.project_id, evil, session_id=evil, tags=tags)])
    store_traces(warehouse, [make_trace(project.project_id, "plain")])

    by_session = client.get("/traces", params={"session_id": evil}).json()
    by_tag = client.get("/traces", params={"metadata.k'] = ''": evil}).json()

    assert [row["traceId"] for row in by_session["traces"]] == [evil]
    assert [row["traceId"] for row in by_tag["traces"]] == [evil]


def test_a_session_answers_all_its_traces_and_pages_on_request(
    client: Client, warehouse: Warehouse, project: ProjectContext
) -> None:
    rows = [
        make_trace(
            project.project_id, f"t{n:04d}", session_id="long", timestamp_us=START_US - n * 1000
        )
        for n in range(1200)
    ]
    store_traces(warehouse, rows)

    whole = client.get("/sessions/long").json()
    part = client.get("/sessions/long?limit=2&offset=1").json()

    assert whole["sessionId"] == "long"
    assert [row["traceId"] for row in whole["traces"]] == [f"t{n:04d}" for n in range(1199, -1, -1)]
    assert [row["traceId"] for row in part["traces"]] == ["t1198", "t1197"]


def _cost(row: Any) -> Any:
    return row.computed_cost_pico if row.reported_cost_pico is None else row.reported_cost_pico


def _date(row: Any) -> str:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=row.timestamp_us)
    return f"{moment:%Y-%m-%d}"
