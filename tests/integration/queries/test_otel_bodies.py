"""Bodies of calls that OpenTelemetry told, and the filters of spans by trace and service."""

from typing import Any

from litestar import Litestar
from litestar.testing import TestClient

from clickhouse.client import Warehouse
from clickhouse.queries.parts import PART_BYTES
from schemas.otel.bounds import STANDARD
from schemas.otel.readers import TOO_DEEP
from schemas.projects import ProjectContext
from tests.integration.queries.conftest import store_traces
from tests.integration.queries.otel_rows import call, said, span, store_spans, text, trace_id
from tests.integration.queries.rows import make_trace

Client = TestClient[Litestar]
ASKED = said(
    text("system", "Be brief."),
    text("user", "What is left?"),
    {
        "role": "assistant",
        "parts": [{"type": "tool_call", "id": "c1", "name": "stock", "arguments": {"of": "tea"}}],
    },
    {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": "2"}]},
)
ANSWERED = said(
    {
        "role": "assistant",
        "parts": [{"type": "reasoning", "content": "Hm."}, {"type": "text", "content": "Two."}],
    }
)
TOOLS = '[{"type":"function","function":{"name":"stock"}}]'
TALK = {
    "gen_ai.input.messages": ASKED,
    "gen_ai.output.messages": ANSWERED,
    "gen_ai.request.temperature": 0.5,
    "gen_ai.tool.definitions": TOOLS,
    "gen_ai.response.model": "gpt-4o-2024-11-20",
    "gen_ai.conversation.id": "s1",
}


def one_id(number: int, trace: int = 1) -> str:
    return f"{trace_id(trace)}-{number:016x}"


def messages_of(row: dict[str, Any]) -> list[Any]:
    return list(row["requestBody"]["messages"])


def test_a_call_has_its_messages_parameters_and_tools(
    client: Client, warehouse: Warehouse, project: ProjectContext
) -> None:
    store_spans(warehouse, project, [span(1), call(2, 1, attributes=TALK)])

    row = client.get(f"/traces/{one_id(2)}").json()

    assert [one["role"] for one in messages_of(row)] == ["system", "user", "assistant", "tool"]
    made = {"type": "tool_call", "id": "c1", "name": "stock", "arguments": {"of": "tea"}}
    assert messages_of(row)[2]["parts"] == [made]
    response = {"type": "tool_call_response", "id": "c1", "response": "2"}
    assert messages_of(row)[3]["parts"] == [response]
    assert row["requestBody"]["model"] == "gpt-4o"
    assert row["requestBody"]["tools"] == [{"type": "function", "function": {"name": "stock"}}]
    assert 0.5 in row["requestBody"].values()
    assert row["responseBody"]["messages"][0]["parts"][1] == {"type": "text", "content": "Two."}
    assert row["outputText"] == "Two."
    assert (row["convention"], row["service"]) == ("genai", "shop")
    assert (row["spanId"], row["otelTraceId"]) == (f"{2:016x}", trace_id(1))


def test_lists_and_sessions_have_them_too(
    client: Client, warehouse: Warehouse, project: ProjectContext
) -> None:
    store_spans(warehouse, project, [call(number, attributes=TALK) for number in range(1, 4)])
    store_traces(warehouse, [make_trace(project.project_id, "plain", output_text="mine")])

    listed = client.get("/traces").json()["traces"]
    session = client.get("/sessions/s1").json()["traces"]

    assert [len(messages_of(row)) for row in listed[:3]] == [4, 4, 4]
    assert "messagesLeftOut" not in listed[0]["requestBody"]
    assert [row["outputText"] for row in session] == ["Two."] * 3
    assert (listed[3]["outputText"], listed[3]["requestBody"]) == ("mine", {"model": "gpt-4o"})
    assert "convention" not in listed[3]


def test_a_list_leaves_out_the_beginning_of_what_is_too_long_and_says_so(
    client: Client, warehouse: Warehouse, project: ProjectContext
) -> None:
    large = [text("user", f"{number}" + "x" * (PART_BYTES // 40)) for number in range(9)]
    store_spans(
        warehouse,
        project,
        [call(number, attributes=TALK | {"gen_ai.input.messages": said(*large)})
         for number in range(1, 9)],
    )  # fmt: skip

    listed = client.get("/traces").json()["traces"]
    whole = client.get(f"/traces/{one_id(1)}").json()

    assert [row["requestBody"]["messagesLeftOut"] for row in listed] == [5] * 8
    assert [one["parts"][0]["content"][0] for one in messages_of(listed[0])] == list("5678")
    assert listed[0]["outputText"] == "Two."
    assert len(messages_of(whole)) == 9
    assert "messagesLeftOut" not in whole["requestBody"]


def test_an_erased_message_is_left_out(
    client: Client, warehouse: Warehouse, project: ProjectContext
) -> None:
    store_spans(warehouse, project, [call(1, attributes=TALK)])
    warehouse.command_now(
        "ALTER TABLE messages UPDATE body = '' WHERE project_id = {project_id:String}"
        " AND role = 'user' SETTINGS mutations_sync = 1",
        {"project_id": project.project_id},
        {},
    )

    row = client.get(f"/traces/{one_id(1)}").json()

    assert [one["role"] for one in messages_of(row)] == ["system", "assistant", "tool"]


def test_spans_are_found_by_trace_and_service(
    client: Client, warehouse: Warehouse, project: ProjectContext
) -> None:
    tool = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "search"}
    store_spans(warehouse, project, [span(1, attributes=tool), span(2, trace=2, attributes=tool)])
    store_spans(warehouse, project, [span(3, 1, attributes=tool)], "stock")

    def found(**params: str) -> list[str]:
        rows = client.get("/spans", params=params).json()["spans"]
        return [row["spanId"] for row in rows]

    assert found(trace_id=trace_id(1)) == [one_id(3), one_id(1)]
    assert found(trace_id=f"{trace_id(2)[:8]}-0000-0000-0000-{trace_id(2)[20:]}") == [one_id(2, 2)]
    assert found(service="stock") == [one_id(3)]
    assert found(service="'; DROP TABLE spans; --") == []
    row = client.get(f"/spans/{one_id(3)}").json()
    assert (row["traceId"], row["service"], row["source"]) == (
        trace_id(1),
        "stock",
        row["convention"],
    )


def test_a_span_with_values_that_are_too_deep_is_kept_with_the_others(
    client: Client, warehouse: Warehouse, project: ProjectContext
) -> None:
    value: dict[str, Any] = {"stringValue": "bottom"}
    for _ in range(STANDARD.depth + 1):
        value = {"arrayValue": {"values": [{"stringValue": "beside"}, value]}}
    sent = span(1, attributes={"shop": "a"})
    sent["attributes"].append({"key": "deep", "value": value})
    store_spans(warehouse, project, [sent])

    found = client.get(f"/otel/spans/{one_id(1)}").json()["attributes"]

    assert found["shop"] == "a"
    assert "bottom" not in str(found["deep"])
    assert str(found["deep"]).count("beside") == STANDARD.depth
    assert TOO_DEEP in str(found["deep"])
