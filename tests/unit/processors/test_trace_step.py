import json
import uuid
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.columns import Unfit
from processors.llm.cost.book import PriceBook
from processors.llm.cost.cache import load_book
from processors.llm.fields import reported_of, tags_of
from processors.llm.traces import decode_trace, trace_row
from schemas.llm.rows import TraceRow

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=10,
)


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> PriceBook:
    cache: Path = tmp_path_factory.mktemp("prices")
    return load_book(cache)


def trace(**fields: Any) -> dict[str, Any]:
    return {
        "trace_id": str(uuid.UUID(int=1, version=4)),
        "timestamp": "2026-01-02T03:04:05.678901Z",
        "provider": "openai",
        "model_requested": "gpt-4o",
        "request_body": {"model": "gpt-4o"},
        "status": "success",
        "latency_ms": 12.5,
    } | fields


def row_of(item: dict[str, Any], book: PriceBook) -> TraceRow:
    return trace_row(decode_trace(json.dumps(item).encode()), book)


def test_tokens_are_priced_on_the_model_that_answered(book: PriceBook) -> None:
    item = trace(model_used="gpt-4o-mini", input_tokens=1_000_000, output_tokens=0)

    row = row_of(item, book)

    # $0.15 a million input tokens of gpt-4o-mini, $2.50 of gpt-4o.
    assert row.computed_cost_pico == 150_000_000_000
    assert "gpt-4o-mini" in row.price_id


def test_an_unknown_model_that_answered_falls_back_to_the_one_asked_for(book: PriceBook) -> None:
    row = row_of(trace(model_used="nobody-knows", input_tokens=1_000_000, output_tokens=0), book)

    assert row.computed_cost_pico == 2_500_000_000_000


@pytest.mark.parametrize("fields", [{}, {"model_requested": "nobody-knows", "input_tokens": 5}])
def test_what_cannot_be_priced_costs_nothing_known(fields: dict[str, Any], book: PriceBook) -> None:
    row = row_of(trace(**fields), book)

    assert row.computed_cost_pico is None
    assert row.price_id == ""


def test_a_reported_cost_stands_beside_the_computed_one(book: PriceBook) -> None:
    row = row_of(trace(input_tokens=1_000_000, output_tokens=0, cost_cents=0.18), book)

    assert row.reported_cost_pico == 1_800_000_000
    assert row.computed_cost_pico == 2_500_000_000_000


@pytest.mark.parametrize(
    ("cents", "pico", "digits"),
    [
        (0.18, 1_800_000_000, ""),
        (1e-11, 0, "1e-11"),
        (1 / 3, 3_333_333_333, "0.3333333333333333"),
        (0.123456789012345, 1_234_567_890, "0.123456789012345"),
        (12, 120_000_000_000, ""),
        (0, 0, ""),
    ],
)
def test_digits_below_a_pico_dollar_are_kept_beside_it(
    cents: float, pico: int, digits: str, book: PriceBook
) -> None:
    row = row_of(trace(cost_cents=cents), book)

    assert (row.reported_cost_pico, row.reported_digits) == (pico, digits)


def test_cached_tokens_in_the_providers_own_answer_are_priced_as_such(book: PriceBook) -> None:
    usage = {
        "prompt_tokens": 1_000_000,
        "completion_tokens": 0,
        "prompt_tokens_details": {"cached_tokens": 1_000_000},
    }

    row = row_of(
        trace(input_tokens=1_000_000, output_tokens=0, response_body={"usage": usage}), book
    )

    assert row.cache_read_tokens == 1_000_000
    assert row.computed_cost_pico == 1_250_000_000_000


@pytest.mark.parametrize(
    "name",
    ["response_body", "error", "metadata", "model_used", "output_text", "session_id", "cost_cents"],
)
def test_null_means_absent(name: str, book: PriceBook) -> None:
    assert row_of(trace(**{name: None}), book) == row_of(trace(), book)


def test_a_whole_number_may_be_written_with_a_point(book: PriceBook) -> None:
    row = row_of(trace(input_tokens=1000000.0, output_tokens=0.0), book)

    assert (row.input_tokens, row.output_tokens) == (1_000_000, 0)
    assert row.computed_cost_pico == 2_500_000_000_000


def test_metadata_gives_user_environment_and_tags(book: PriceBook) -> None:
    metadata = {"userId": "u1", "environment": "staging", "turn": 3, "beta": True, "deep": {"a": 1}}

    row = row_of(trace(metadata=metadata), book)

    assert (row.user_id, row.environment) == ("u1", "staging")
    assert row.tags == {"userId": "u1", "environment": "staging", "turn": "3", "beta": "true"}


@pytest.mark.parametrize(
    ("user", "stored"),
    [
        ('"u1"', "u1"),
        ("0", "0"),
        ("-7", "-7"),
        ("true", "true"),
        ("false", "false"),
        ("1.50", "1.50"),
        ("1e5", "1e5"),
        ("12345678901234567890123", "12345678901234567890123"),
        ('""', "second"),
        ("null", "second"),
        ('["x"]', "second"),
        ('{"id":1}', "second"),
    ],
)
def test_a_user_is_what_the_json_says_and_no_list_or_object(
    user: str, stored: str, book: PriceBook
) -> None:
    metadata = f'{{"userId":{user},"user_id":"second","environment":{user}}}'
    body = msgspec.json.encode({**trace(), "metadata": msgspec.Raw(metadata.encode())})

    row = trace_row(decode_trace(body), book)

    assert (row.user_id, row.environment) == (stored, "" if stored == "second" else stored)
    assert row.tags.get("userId", "") == row.environment


@pytest.mark.parametrize("metadata", ['{"userId":[1]}', '{"userId":null}', "null"])
def test_without_a_scalar_there_is_no_user(metadata: str, book: PriceBook) -> None:
    body = msgspec.json.encode({**trace(), "metadata": msgspec.Raw(metadata.encode())})

    assert trace_row(decode_trace(body), book).user_id == ""


def test_an_id_is_stored_in_lower_case(book: PriceBook) -> None:
    large = "5B1A3C2E-7F4D-4E6A-9B8C-0D1E2F3A4B5C"

    assert row_of(trace(trace_id=large), book).trace_id == large.lower()


def test_a_time_that_cannot_be_stored_is_unfit(book: PriceBook) -> None:
    with pytest.raises(Unfit, match="timestamp '3000-01-01T00:00:00Z'"):
        row_of(trace(timestamp="3000-01-01T00:00:00Z"), book)


def test_what_is_no_trace_is_unfit() -> None:
    with pytest.raises(Unfit, match="not a trace"):
        decode_trace(b'{"trace_id": 5}')


@given(st.dictionaries(st.text(max_size=12), JSON, max_size=6))
def test_any_object_in_a_body_comes_back_as_the_same_json(body: dict[str, Any]) -> None:
    book = PriceBook.__new__(PriceBook)
    book.price_used_or_requested = lambda *_: None  # type: ignore[method-assign]

    row = row_of(trace(request_body=body, response_body=body, metadata=body, error=body), book)

    for text in (row.request_body, row.response_body, row.metadata, row.error):
        assert json.loads(text) == body


@given(st.decimals(0, 10**9, places=6))
def test_cents_become_pico_dollars_exactly(cents: Decimal) -> None:
    assert reported_of(cents, 10**10).pico == int(cents * 10**10)


def test_an_amount_beyond_what_the_store_holds_is_no_amount() -> None:
    assert reported_of(Decimal("1e40"), 1).pico is None
    assert reported_of(-1, 1).pico is None
    assert reported_of(float("inf"), 1).pico is None


def test_tags_are_bounded_in_number_and_size() -> None:
    metadata = {f"k{i}": "v" for i in range(100)} | {"long": "x" * 600}

    tags = tags_of({"long": "x" * 600} | metadata)

    assert len(tags) == 64
    assert "long" not in tags


def test_what_a_gateway_states_is_the_reported_cost_where_the_sender_gives_none(
    book: PriceBook,
) -> None:
    usage = {"prompt_tokens": 5, "completion_tokens": 5, "cost": 0.0099}
    answer = trace(provider="openrouter", model_requested="new/one", response_body={"usage": usage})

    assert row_of(answer, book).reported_cost_pico == 9_900_000_000
    assert row_of({**answer, "cost_cents": 0.5}, book).reported_cost_pico == 5_000_000_000
    assert row_of({**answer, "cost_cents": 0}, book).reported_cost_pico == 0


def test_the_tier_that_was_asked_for_counts_where_no_answer_is_sent(book: PriceBook) -> None:
    asked = trace(
        timestamp="2026-11-18T00:00:00Z",
        model_requested="gpt-5-nano",
        request_body={"service_tier": "flex"},
        input_tokens=1000,
        output_tokens=1000,
    )

    # Half of 5 cents and 40 cents a million.
    assert row_of(asked, book).computed_cost_pico == 225_000_000
