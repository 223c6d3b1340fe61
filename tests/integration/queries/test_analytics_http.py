"""`GET /analytics` over HTTP: refusals, the contract's own example, groups."""

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from api.llm import analytics
from clickhouse.client import Warehouse
from schemas.projects import ProjectContext
from tests.integration.queries.conftest import store_traces
from tests.integration.queries.rows import START_US, make_trace, random_traces

Client = TestClient[Litestar]
RANGE = "date_from=2025-01-01T00:00:00Z&date_to=2026-01-01T00:00:00.000Z"
CONTRACT_KEYS = (
    "totalCost totalRequests totalSessions totalTokens avgLatency errorRate costOverTime"
    " costByProvider topModels computed latency unpriced costs"
)
GROUP_KEYS = (
    "key requests errors errorRate sessions tokens costCents reportedCostCents computedCostCents"
    " unpricedRequests avgLatency p50 p90 p95 p99"
)


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("date_to=2025-06-02T00:00:00Z", "date_from"),
        ("date_from=2025-06-02T00:00:00Z", "date_to"),
        ("date_from=2025-06-01&date_to=2025-06-02T00:00:00Z", "date_from"),
        (f"{RANGE}&group_by=colour", "group_by"),
        (f"{RANGE}&group_by=", "group_by"),
        (f"{RANGE}&group_by=model,metadata.", "group_by"),
        (f"{RANGE}&group_by=model&order=beauty", "order"),
        (f"{RANGE}&group_by=model&limit=1001", "limit"),
        (f"{RANGE}&group_by=model&interval=second", "interval"),
        (f"{RANGE}&group_by=model&interval=minute", "interval"),
    ],
)
def test_a_bad_parameter_is_refused_with_its_path(client: Client, query: str, name: str) -> None:
    answer = client.get(f"/analytics?{query}")

    assert answer.status_code == 400
    assert answer.json()["error"] == "Invalid query parameters"
    assert [issue["path"] for issue in answer.json()["details"]] == [[name]]


def test_the_example_of_the_contract_comes_out_to_the_digit(
    client: Client, warehouse: Warehouse, project: ProjectContext
) -> None:
    fields = {"input_tokens": 50, "output_tokens": 100, "session_id": "s"}
    first = {"latency_ms": 1200.0, "reported_cost_pico": 1_800_000_000, **fields}
    second = {"latency_ms": 12.5, "timestamp_us": START_US + 1, **fields}
    store_traces(warehouse, [make_trace(project.project_id, "a", **first)])
    store_traces(warehouse, [make_trace(project.project_id, "b", **second)])

    found = client.get(f"/analytics?{RANGE}").json()

    assert set(found) == set(CONTRACT_KEYS.split())
    del found["latency"], found["unpriced"], found["costs"]
    assert found == {
        "totalCost": 0.18,
        "totalRequests": 2,
        "totalSessions": 1,
        "totalTokens": {"input": 100, "output": 200, "total": 300},
        "avgLatency": 606.25,
        "errorRate": 0,
        "costOverTime": [{"period": "2025-06-01", "provider": "openai", "costCents": 0.18}],
        "costByProvider": [{"provider": "openai", "costCents": 0.18, "requests": 2}],
        "topModels": [
            {
                "provider": "openai",
                "model": "gpt-4o",
                "requests": 2,
                "costCents": 0.18,
                "avgLatency": 606.25,
                "totalTokens": 300,
                "errorRate": 0,
            }
        ],
        "computed": {
            "costPerRequest": 0.09,
            "tokensPerRequest": 150,
            "costPer1kTokens": 0.6,
            "tracesPerSession": 2,
            "avgInputTokens": 50,
            "avgOutputTokens": 100,
        },
    }


def test_hours_change_the_periods_and_give_no_groups(
    client: Client, warehouse: Warehouse, project: ProjectContext
) -> None:
    store_traces(warehouse, [make_trace(project.project_id, "a")])

    by_hour = client.get(f"/analytics?{RANGE}&group_by=hour").json()
    by_day = client.get(f"/analytics?{RANGE}&group_by=day").json()

    assert [item["period"] for item in by_hour["costOverTime"]] == ["2025-06-01 00:00:00"]
    assert [item["period"] for item in by_day["costOverTime"]] == ["2025-06-01"]
    assert "groups" not in by_hour
    assert "groups" not in by_day


def test_a_group_by_gives_the_contract_and_groups_with_buckets_on_request(
    client: Client, warehouse: Warehouse, project: ProjectContext
) -> None:
    store_traces(warehouse, random_traces(project.project_id, 1, 100))

    plain = client.get(f"/analytics?{RANGE}&group_by=model,metadata.team").json()
    bucketed = client.get(
        f"/analytics?{RANGE}&group_by=user&interval=week&limit=2&order=-requests&provider=openai"
    ).json()

    assert set(plain) == {*CONTRACT_KEYS.split(), "groups"}
    assert set(plain["groups"][0]) == set(GROUP_KEYS.split())
    assert set(plain["groups"][0]["key"]) == {"model", "metadata.team"}
    assert None in {group["key"]["metadata.team"] for group in plain["groups"]}
    assert len(bucketed["groups"]) == 2
    assert bucketed["groups"][0]["requests"] >= bucketed["groups"][1]["requests"]
    assert (
        sum(b["requests"] for b in bucketed["groups"][0]["buckets"])
        == (bucketed["groups"][0]["requests"])
    )
    assert {b["period"] for b in bucketed["groups"][0]["buckets"]} <= {"2025-05-26", "2025-06-02"}


def test_groups_that_are_read_in_parts_are_those_of_the_whole(
    client: Client,
    warehouse: Warehouse,
    project: ProjectContext,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store_traces(warehouse, random_traces(project.project_id, 11, 400))
    path = f"/analytics?{RANGE}&group_by=session_id,user&interval=day&order=requests&limit=50"
    whole = client.get(path).json()

    monkeypatch.setattr(analytics, "BUCKETS_AT_ONCE", 3_000)
    answer = client.get(path)

    assert len(whole["groups"]) == 50
    assert answer.json() == whole


@pytest.mark.parametrize("query", ["", "&group_by=model"])
def test_keys_that_make_an_answer_too_large_are_refused_and_never_cut(
    client: Client, warehouse: Warehouse, project: ProjectContext, query: str
) -> None:
    rows = [
        make_trace(project.project_id, f"t{number}", model_requested=f"{number}" + "m" * (1 << 20))
        for number in range(20)
    ]
    store_traces(warehouse, rows)

    answer = client.get(f"/analytics?{RANGE}{query}")

    assert answer.status_code == 422
    assert "fewer groups" in answer.json()["error"]


def test_many_names_to_group_by_are_refused_with_one_issue(client: Client) -> None:
    names = ",".join(f"n{number}" for number in range(2000))

    answer = client.get(f"/analytics?{RANGE}&group_by={names[:4000]}")

    assert answer.status_code == 400
    assert len(answer.json()["details"]) == 1
    assert f"at most {analytics.MOST_DIMENSIONS}" in answer.json()["details"][0]["message"]
