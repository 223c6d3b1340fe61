import json
import uuid
from typing import Any

import pytest

from processors.llm.cost.book import PriceBook
from processors.llm.cost.cache import load_book
from processors.llm.spans import Pair, decode_span, pair_of, span_row
from schemas.llm.rows import SpanRow


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> PriceBook:
    return load_book(tmp_path_factory.mktemp("prices"))


def span(**fields: Any) -> dict[str, Any]:
    return {
        "span_id": str(uuid.UUID(int=1, version=4)),
        "session_id": "sess_1",
        "timestamp": "2025-01-01T00:00:00.123456789+00:00",
        "source": "claude_code",
        "kind": "tool_use",
        "event_type": "post_tool_use",
        "status": "success",
    } | fields


def row_of(item: dict[str, Any], book: PriceBook) -> SpanRow:
    return span_row(decode_span(json.dumps(item).encode()), book)


@pytest.mark.parametrize(
    ("event", "tool_use_id", "metadata", "expected"),
    [
        ("pre_tool_use", "tu_1", {}, Pair("tool:tu_1", "start")),
        ("post_tool_use", "tu_1", {}, Pair("tool:tu_1", "end")),
        ("post_tool_use_failure", "tu_1", {}, Pair("tool:tu_1", "end")),
        ("post_tool_use", None, {}, Pair("", "")),
        ("session_start", None, {}, Pair("session", "start")),
        ("session_end", None, {}, Pair("session", "end")),
        ("stop", None, {}, Pair("", "")),
        ("subagent_start", None, {"agent_id": "a1"}, Pair("agent:a1", "start")),
        ("subagent_stop", None, {"agent_id": 5}, Pair("", "")),
        ("notification", "tu_1", {}, Pair("", "")),
    ],
)
def test_the_two_ends_of_a_call_share_a_key(
    event: str, tool_use_id: str | None, metadata: dict[str, Any], expected: Pair
) -> None:
    assert pair_of(event, tool_use_id, metadata) == expected


def test_an_answer_that_carries_usage_is_counted_and_priced(book: PriceBook) -> None:
    item = span(
        kind="llm_response",
        event_type="assistant_message",
        model="gpt-4o",
        metadata={"usage": {"input_tokens": 1000, "output_tokens": 500, "cost": 0.02}},
    )

    row = row_of(item, book)

    assert (row.input_tokens, row.output_tokens) == (1000, 500)
    assert row.computed_cost_pico == 7_500_000_000
    assert row.reported_cost_pico == 20_000_000_000
    assert row.provider == "openai"


def test_usage_on_any_other_event_is_only_metadata(book: PriceBook) -> None:
    row = row_of(span(model="gpt-4o", metadata={"usage": {"input_tokens": 1000}}), book)

    assert row.input_tokens is None
    assert row.computed_cost_pico is None


@pytest.mark.parametrize("value", ["text", 5, True, [1, {"a": None}], {"command": "ls"}])
def test_a_tools_input_may_be_any_json(value: Any, book: PriceBook) -> None:
    assert json.loads(row_of(span(tool_input=value), book).tool_input) == value


def test_a_null_input_is_absent(book: PriceBook) -> None:
    assert row_of(span(tool_input=None), book).tool_input == b""


def test_junk_in_a_usage_object_never_hurts(book: PriceBook) -> None:
    usage = {"input_tokens": "many", "output_tokens": -1, "cost": True, "cache_read_tokens": [1]}

    row = row_of(span(kind="llm_response", model="gpt-4o", metadata={"usage": usage}), book)

    assert row.computed_cost_pico is None
    assert row.reported_cost_pico is None


def test_the_terms_in_a_usage_object_make_the_price(book: PriceBook) -> None:
    usage = {"input_tokens": 1000, "output_tokens": 1000, "speed": "fast", "inference_geo": "us"}
    item = span(
        timestamp="2026-11-18T00:00:00Z",
        kind="llm_response",
        event_type="assistant_message",
        model="claude-opus-4-8",
        metadata={"usage": usage},
    )

    # 10 and 50 dollars a million, and a tenth more.
    assert row_of(item, book).computed_cost_pico == 66_000_000_000
