"""How the cost of a stored call is told: what was matched, the parts, and why one is unknown."""

from fractions import Fraction
from typing import Any

import pytest
from msgspec import Raw, json
from msgspec.structs import replace

from processors.llm.cost.book import PriceBook
from processors.llm.cost.reasons import REASONS
from processors.llm.costs import explain_span, explain_trace
from schemas.llm.answers import SpanAnswer, TraceAnswer
from schemas.llm.costs import CostAnswer
from tests.unit.processors.cost.compiled import compiled_table

BOOK = PriceBook(compiled_table())
NOTHING: dict[str, Any] = dict.fromkeys((*TraceAnswer.__struct_fields__,))
AUDIO = {"prompt_tokens": 100, "completion_tokens": 10}


def trace(**fields: Any) -> TraceAnswer:
    known = {
        "trace_id": "t1",
        "timestamp": "2026-11-20T07:00:00.000Z",
        "provider": "openai",
        "model_requested": "gpt-4o",
        "input_tokens": 1000,
        "output_tokens": 100,
    }
    bodies = {k: Raw(json.encode(v)) for k, v in fields.items() if k.endswith("_body")}
    return TraceAnswer(**NOTHING | known | fields | bodies)


def span(**fields: Any) -> SpanAnswer:
    known = {"span_id": "s1", "timestamp": "2026-11-20T07:00:00.000Z", "kind": "llm_response"}
    usage = {"usage": {"input_tokens": 1000, "output_tokens": 100}}
    metadata = {"metadata": Raw(json.encode(usage))}
    empty: dict[str, Any] = dict.fromkeys(SpanAnswer.__struct_fields__)
    return SpanAnswer(**empty | known | metadata | fields)


def told(**fields: Any) -> CostAnswer:
    return explain_trace(BOOK, trace(**fields))


def reasons(answer: CostAnswer) -> list[str]:
    return [one.reason for one in answer.reasons]


def test_parts_are_told_with_units_rate_and_amount() -> None:
    answer = told(model_requested="openai/gpt-4o", cache_read_tokens=300, reasoning_tokens=10)

    assert [(p.name, p.units, p.rate_usd, p.per, p.amount_cents) for p in answer.parts] == [
        ("input_tokens", 700, 2.5, 1_000_000, 0.175),
        ("output_tokens", 100, 10, 1_000_000, 0.1),
        ("cache_read_tokens", 300, 1.25, 1_000_000, 0.0375),
    ]
    assert answer.now.cost_cents == 0.3125
    assert answer.matched is not None
    assert (answer.matched.rule, answer.matched.name) == ("prefix", "openai/gpt-4o")


def test_the_parts_add_up_to_the_cost_at_every_hour() -> None:
    for model in ("deepseek-v4-flash", "deepseek-v4-pro"):
        for hour in range(24):
            answer = told(
                provider="deepseek",
                model_requested=model,
                timestamp=f"2026-11-20T{hour:02d}:30:00Z",
            )

            total = sum(Fraction(part.amount_cents or 0) for part in answer.parts)
            assert float(total) == pytest.approx(answer.now.cost_cents)
            assert answer.epoch is not None
            is_peak = hour in (1, 2, 3, 6, 7, 8, 9)
            assert (answer.epoch.hours is not None) == is_peak


def test_a_cost_that_newer_prices_change_is_told_beside_the_stored_one() -> None:
    first = told()
    stored = trace(
        computed_cost_cents=first.now.cost_cents, price_snapshot=first.now.price_snapshot
    )

    assert not explain_trace(BOOK, stored).now.differs
    older = explain_trace(BOOK, replace(stored, computed_cost_cents=0.5, price_snapshot="0.1/x"))
    assert older.now.differs
    assert (older.computed_cost_cents, older.now.cost_cents) == (0.5, first.now.cost_cents)


def test_the_model_that_answered_counts_before_the_one_asked_for() -> None:
    answer = told(model_requested="gpt-4o", model_used="gpt-4o-mini")
    unknown = told(model_requested="gpt-4o", model_used="nobody-knows")

    assert answer.matched is not None
    assert answer.matched.model == "gpt-4o-mini"
    assert unknown.matched is not None
    assert unknown.matched.name == "gpt-4o"


def test_a_free_model_stays_free_when_the_answer_leaves_out_its_variant() -> None:
    answer = told(
        provider="openrouter",
        model_requested="deepseek/deepseek-r1:free",
        model_used="deepseek/deepseek-r1",
    )

    assert answer.now.cost_cents == 0


def test_who_reports_a_cost_is_told() -> None:
    body = {"usage": {"prompt_tokens": 1000, "completion_tokens": 100, "cost": 0.0123}}
    own = {"provider": "openrouter", "model_requested": "openai/gpt-4o", "response_body": body}

    assert told(reported_cost_cents=1.23, **own).reported_by == "answer"
    assert told(reported_cost_cents=7, **own).reported_by == "sender"
    assert told(**own).reported_by is None


def test_a_term_is_told_with_its_price() -> None:
    answer = told(
        model_requested="gpt-5",
        response_body={"service_tier": "flex", "usage": {"prompt_tokens": 9}},
    )

    assert [(one.term, one.value) for one in answer.modifiers] == [("service_tier", "flex")]
    assert answer.now.price_snapshot
    assert "service_tier=flex" in answer.now.price_snapshot
    assert answer.epoch is not None


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"provider": "nobody"}, ["provider"]),
        ({"provider": "ollama", "model_requested": "llama3:8b"}, ["local"]),
        ({"model_requested": "ollama/llama3"}, ["local"]),
        ({"model_requested": "ft:gpt-77:org"}, ["custom"]),
        ({"model_requested": "gpt-77"}, ["model"]),
        ({"input_tokens": None, "output_tokens": None}, ["counts"]),
        ({"provider": "mistral", "model_requested": "mistral-ocr-2505"}, ["measure"]),
        ({"response_body": {"service_tier": "warp", "usage": AUDIO}}, ["term:service_tier=warp"]),
        ({"input_tokens": 2**53 - 1, "output_tokens": 2**53 - 1}, ["amount"]),
        ({"model_requested": "x" * 300}, ["model"]),
    ],
)
def test_why_a_cost_is_unknown_is_told(fields: dict[str, Any], expected: list[str]) -> None:
    answer = told(**fields)

    assert answer.now.cost_cents is None
    assert reasons(answer) == expected
    assert all(one.reason.partition(":")[0] in REASONS and one.text for one in answer.reasons)


def test_what_has_no_rate_is_a_part_of_its_own() -> None:
    usage = AUDIO | {"prompt_tokens_details": {"audio_tokens": 90}}
    answer = told(
        model_requested="gpt-4o",
        input_tokens=None,
        output_tokens=None,
        response_body={"usage": usage},
    )

    assert reasons(answer) == ["rate:input_audio_tokens"]
    assert [(p.name, p.units, p.rate_usd) for p in answer.parts] == [
        ("input_tokens", 10, 2.5),
        ("output_tokens", 10, 10),
        ("input_audio_tokens", 90, None),
    ]


def test_a_span_is_told_as_a_trace_is() -> None:
    answer = explain_span(BOOK, span(model="eu.anthropic.claude-haiku-4-5-20251001-v1:0"))

    assert answer.matched is not None
    assert (answer.matched.seller, answer.matched.rule) == ("aws", "bedrock_name")
    assert answer.now.cost_cents == pytest.approx(0.165)


def test_a_span_without_a_model_has_no_cost() -> None:
    assert reasons(explain_span(BOOK, span(model=None))) == ["counts"]
    assert reasons(explain_span(BOOK, span(model="gpt-4o", metadata=None))) == ["counts"]


def test_what_no_call_of_a_model_can_be_priced_by_has_a_word() -> None:
    assert BOOK.why_unpriced("openai", "gpt-4o") is None
    assert BOOK.why_unpriced(None, "gpt-oss:20b") == "model"
    assert BOOK.why_unpriced("ollama", "gpt-4o") == "local"
    assert BOOK.why_unpriced("nobody" * 100, "gpt-4o") == "provider"
    assert BOOK.why_unpriced("mistral", "mistral-ocr-2505") == "measure"
