"""What Pulse's newest SDKs and CLI send: from the bytes of a request to rows."""

import json
from typing import Any

import pytest

from ingest.otel.forms import forms
from processors.columns import SentChunk
from processors.llm.cost.book import PriceBook
from processors.llm.cost.own import Prices
from processors.otel.steps import build_spans
from schemas.kinds import OTEL_SPAN
from schemas.projects import ProjectId
from tests.unit.processors.otel.wire import any_value

TRACE = "cc5ab706a7e042aca5f24977af99fadb"
SESSION = "550e8400-e29b-41d4-a716-446655440000"
START = 1_795_226_990_809_000_000


def sent(
    number: int, attributes: dict[str, Any], parent: int | None = None, **more: Any
) -> dict[str, Any]:
    """A span as the SDKs write it: no kind, no key of what it has not."""
    given = {
        "traceId": TRACE,
        "spanId": f"{number:016x}",
        "name": attributes.get("pulse.tool.name", attributes["pulse.event_type"]),
        "startTimeUnixNano": str(START + number * 1_000_000),
        "endTimeUnixNano": str(START + number * 1_000_000 + 2_000_000),
        "attributes": [{"key": key, "value": any_value(one)} for key, one in attributes.items()],
        "status": {"code": 1},
    }
    return given | ({} if parent is None else {"parentSpanId": f"{parent:016x}"}) | more


def rows(book: PriceBook, scope: str, resource: dict[str, Any], *spans: dict[str, Any]) -> Any:
    attributes = [{"key": key, "value": any_value(one)} for key, one in resource.items()]
    library = {"scope": {"name": scope}, "spans": list(spans)}
    body = {"resourceSpans": [{"resource": {"attributes": attributes}, "scopeSpans": [library]}]}
    form = forms()[OTEL_SPAN.name]
    split = form.frame(json.dumps(body).encode(), {"content-type": "application/json"}, 1 << 20)
    (items,) = split.items
    columns = build_spans(
        Prices(book), [SentChunk(ProjectId("p"), 0, list(items.bodies), list(items.ids))]
    )
    assert not columns.dead
    return {name: table.arrays for name, table in columns.tables.items()}


def values(table: Any, *names: str) -> list[tuple[Any, ...]]:
    return list(zip(*(table[name].to_pylist() for name in names), strict=True))


def tool(event: str, **more: Any) -> dict[str, Any]:
    return {
        "pulse.source": "sdk",
        "pulse.kind": "tool_use",
        "pulse.event_type": event,
        "pulse.session_id": SESSION,
        "pulse.tool.id": "call_1",
        "pulse.tool.name": "look_up",
    } | more


def test_a_call_of_the_sdk_and_the_tools_that_it_asks_for(book: PriceBook) -> None:
    call = {
        "pulse.source": "sdk",
        "pulse.kind": "llm_call",
        "pulse.event_type": "provider_call",
        "pulse.session_id": SESSION,
        "pulse.trace_id": TRACE,
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.provider.name": "openai",
        "gen_ai.response.model": "gpt-4o-2024-11-20",
        "gen_ai.usage.input_tokens": 50,
        "gen_ai.usage.output_tokens": 100,
        "pulse.cost_cents": 0.1125,
        "pulse.metadata.userId": "u",
        "pulse.metadata.turn": "1",
    }
    error = {"pulse.tool.response": '"none"', "pulse.error": '{"message":"it broke"}'}
    failed = {"status": {"code": 2, "message": "it broke"}}

    found = rows(
        book,
        "@eklabs/pulse-sdk",
        {"service.name": "pulse-sdk"},
        sent(1, call),
        sent(2, tool("tool_request", **{"pulse.tool.input": '{"city":"Ulm"}'}), 1),
        sent(3, tool("tool_result", **error), 2, **failed),
    )

    names = ("session_id", "user_id", "model_used", "input_tokens", "output_tokens", "service")
    assert values(found["traces"], *names) == [
        (SESSION, "u", "gpt-4o-2024-11-20", 50, 100, "pulse-sdk")
    ]
    names = ("kind", "event_type", "pair_key", "pair_role", "tool_name", "status", "source")
    assert values(found["spans"], *names) == [
        ("tool_use", "tool_request", "tool:call_1", "start", "look_up", "success", "sdk"),
        ("tool_use", "tool_result", "tool:call_1", "end", "look_up", "error", "sdk"),
    ]
    (asked, _), (_, answered) = values(found["spans"], "tool_input", "tool_response")
    assert (json.loads(asked), json.loads(answered)) == ({"city": "Ulm"}, "none")


def test_a_turn_of_the_cli_has_its_kind_as_text_and_its_objects_as_lists_of_pairs(
    book: PriceBook,
) -> None:
    whose = {"pulse.session_id": SESSION, "pulse.cwd": "/work"}
    internal = {"kind": "SPAN_KIND_INTERNAL"}
    prompt = {"pulse.event_type": "user_prompt_submit", "pulse.kind": "user_prompt"}
    asked = {"pulse.tool.input": {"command": "ls", "depth": 2, "all": True, "cwd": "null"}}
    answered = {"pulse.tool.response": {"stdout": "a\nb", "lines": ["a", "b"]}}
    used = {"pulse.kind": "tool_use", "pulse.tool.id": "toolu_1", "pulse.tool.name": "Bash"}
    metadata = {"pulse.metadata": {"prompt": "List them", "branch": "main"}}
    found = rows(
        book,
        "pulse.cli.hooks",
        {"service.name": "pulse-cli", "service.version": "0.9", "pulse.source": "claude_code"},
        sent(1, prompt | whose | metadata, **internal),
        sent(2, {"pulse.event_type": "pre_tool_use"} | used | whose | asked, 1, **internal),
        sent(3, {"pulse.event_type": "post_tool_use"} | used | whose | answered, 1, **internal),
    )

    names = ("source", "kind", "event_type", "pair_role", "cwd", "parent_span_id", "session_id")
    parent = f"{TRACE}-{1:016x}"
    assert values(found["spans"], *names) == [
        ("claude_code", "user_prompt", "user_prompt_submit", "", "/work", None, SESSION),
        ("claude_code", "tool_use", "pre_tool_use", "start", "/work", parent, SESSION),
        ("claude_code", "tool_use", "post_tool_use", "end", "/work", parent, SESSION),
    ]
    attributes = [json.loads(one) for (one,) in values(found["otel_spans"], "attributes")]
    assert {one["pulse=2Esource"] for one in attributes} == {"=claude_code"}
    given = [json.loads(one) for (one,) in values(found["spans"], "tool_input") if one]
    output = [json.loads(one) for (one,) in values(found["spans"], "tool_response") if one]
    assert given == [asked["pulse.tool.input"]]
    assert output == [answered["pulse.tool.response"]]
    told = json.loads(found["spans"]["metadata"].to_pylist()[0])
    assert {"prompt": "List them", "branch": "main"}.items() <= told.items()
    assert len(found["traces"]["session_id"]) == 0


@pytest.mark.parametrize("scope", ["@eklabs/pulse-sdk", "pulse-trace-sdk", "pulse.cli.hooks"])
def test_what_names_no_session_is_one_of_its_trace(book: PriceBook, scope: str) -> None:
    found = rows(book, scope, {}, sent(1, {"pulse.event_type": "stop", "pulse.kind": "session"}))

    assert values(found["spans"], "session_id") == [(TRACE,)]
