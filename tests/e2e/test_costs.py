"""`GET /v1/traces/{id}/cost` and `/v1/spans/{id}/cost`: how a stored cost comes about."""

from tests.e2e.payloads import span, trace
from tests.e2e.server import Project


def test_the_stored_cost_of_a_trace_is_told_part_by_part(project: Project) -> None:
    item = trace(model_requested="openai/gpt-4o", input_tokens=1000, output_tokens=100)
    row = project.post("/v1/traces/batch", [item]).json()["traces"][0]

    answer = project.get(f"/v1/traces/{item['trace_id']}/cost").json()

    assert answer["id"] == item["trace_id"]
    assert (answer["costCents"], answer["now"]["differs"]) == (row["costCents"], False)
    assert answer["priceSnapshot"] == row["priceSnapshot"] == answer["now"]["priceSnapshot"]
    assert sum(part["amountCents"] for part in answer["parts"]) == row["costCents"]
    assert answer["matched"]["name"] == "openai/gpt-4o"


def test_why_the_cost_of_a_span_is_unknown_is_told(project: Project) -> None:
    usage = {"usage": {"input_tokens": 10, "output_tokens": 10}}
    item = span(kind="llm_response", model="ollama/llama3:8b", metadata=usage)
    project.post("/v1/spans/batch", [item])

    answer = project.get(f"/v1/spans/{item['span_id']}/cost").json()

    assert answer["costCents"] is None
    assert [reason["reason"] for reason in answer["reasons"]] == ["local"]


def test_the_cost_of_what_the_project_does_not_have_is_not_found(project: Project) -> None:
    for path, error in (("traces", "Trace not found"), ("spans", "Span not found")):
        answer = project.get(f"/v1/{path}/nobodys/cost")

        assert (answer.status_code, answer.json()) == (404, {"error": error})
