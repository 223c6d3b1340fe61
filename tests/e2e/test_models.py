"""`GET /v1/models`: which models a project used, and why calls of them have no cost."""

from typing import Any

import pytest

from tests.e2e.payloads import span, trace
from tests.e2e.server import Project, Server, wait_for

RANGE = {"date_from": "2026-11-01", "date_to": "2026-11-02"}
COUNTS = {"input_tokens": 1000, "output_tokens": 100}


def models_of(project: Project, **params: Any) -> dict[tuple[str, str], dict[str, Any]]:
    answer = project.get("/v1/models", **{**RANGE, **params})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["total"] >= len(found["models"])
    return {(model["seenIn"], model["model"]): model for model in found["models"]}


def whys(model: dict[str, Any]) -> list[tuple[str, int]]:
    return [(why["reason"], why["calls"]) for why in model["unpricedReasons"]]


def test_models_are_told_with_their_use_and_why_calls_have_no_cost(project: Project) -> None:
    at = {"timestamp": "2026-11-01T12:34:56Z"}
    items = [
        trace(**COUNTS, **at),
        trace(**COUNTS, timestamp="2026-11-02T01:02:03Z", status="error"),
        trace(**at),
        *(trace(**COUNTS, **at, model_requested="house-model") for _ in range(3)),
        trace(**COUNTS, **at, model_requested="house-model", cost_cents=0.5),
        trace(**COUNTS, **at, provider="nobody-knows"),
        trace(
            **COUNTS,
            **at,
            model_requested="o3",
            response_body={
                "usage": {
                    "prompt_tokens": 1000,
                    "completion_tokens": 100,
                    "prompt_tokens_details": {"audio_tokens": 10},
                }
            },
        ),
    ]
    answers = [
        span(
            timestamp="2026-11-01T10:00:00Z",
            kind="llm_response",
            event_type="assistant",
            model="claude-sonnet-4-5",
            metadata={"usage": COUNTS},
        )
    ]
    assert project.post("/v1/traces/batch", items).status_code == 202
    assert project.post("/v1/spans/batch", answers).status_code == 202

    found = project.get("/v1/models", **RANGE).json()
    by_name = {(m["seenIn"], m["provider"], m["model"]): m for m in found["models"]}

    assert found["total"] == len(by_name) == 5
    gpt = by_name["traces", "openai", "gpt-4o"]
    assert (gpt["calls"], gpt["errors"], gpt["unpriced"]) == (3, 1, 1)
    assert (gpt["tokens"]["input"], gpt["costCents"]) == (2000, 0.7)
    assert gpt["firstSeen"] == "2026-11-01T12:00:00.000Z"
    assert gpt["lastSeen"] == "2026-11-02T01:00:00.000Z"
    assert whys(gpt) == [("counts", 1)]
    house = by_name["traces", "openai", "house-model"]
    assert (house["calls"], house["unpriced"], house["reportedCostCents"]) == (4, 3, 0.5)
    assert whys(house) == [("model", 3)]
    assert whys(by_name["traces", "nobody-knows", "gpt-4o"]) == [("provider", 1)]
    assert whys(by_name["traces", "openai", "o3"]) == [("rate:input_audio_tokens", 1)]
    claude = by_name["spans", "anthropic", "claude-sonnet-4-5"]
    assert (claude["calls"], claude["costCents"], claude["unpriced"]) == (1, 0.45, 0)


@pytest.mark.slow
def test_what_has_a_price_by_now_is_said_and_priced_anew(server: Server, project: Project) -> None:
    item = trace(**COUNTS, timestamp="2026-11-01T12:00:00Z", model_requested="mine")
    assert project.post("/v1/traces/batch", [item]).status_code == 202
    own = {"X-Project-Id": project.project_id}
    price = {"model": "mine", "rates": {"input": "1", "output": "2"}}
    server.admin.post("/dashboard/api/prices", json=price, headers=own)
    wait_for(
        lambda: whys(models_of(project)["traces", "mine"]) == [("priced_since", 1)],
        "the price to be known",
    )

    outcome = ("--from", "2026-11-01", "--to", "2026-11-01", "-p", project.project_id)
    server.run("reprice", *outcome)
    after = models_of(project)["traces", "mine"]
    told = project.get(f"/v1/traces/{item['trace_id']}/cost").json()

    assert (after["costCents"], after["unpriced"], after["unpricedReasons"]) == (0.12, 0, [])
    assert told["matched"]["rule"] == "own"
    assert told["now"] == {
        "costCents": 0.12,
        "priceSnapshot": "own/openai/mine#1",
        "differs": False,
    }
    assert [(part["name"], part["amountCents"]) for part in told["parts"]] == [
        ("input_tokens", 0.1),
        ("output_tokens", 0.02),
    ]


def test_a_wrong_range_is_rejected(project: Project) -> None:
    for params, message in (
        ({"date_from": "2026-11-02", "date_to": "2026-11-01"}, "date_from is after date_to"),
        ({"date_from": "x"}, "Invalid date_from parameter"),
        ({"limit": 0}, "Invalid query parameters"),
    ):
        answer = project.get("/v1/models", **params)

        assert (answer.status_code, answer.json()["error"]) == (400, message)
