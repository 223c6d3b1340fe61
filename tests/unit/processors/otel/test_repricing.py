"""What OpenTelemetry told costs the same when it is priced anew, and when its cost is explained."""

import pytest

from clickhouse.llm.reprice import Stored
from processors.llm.cost.book import PriceBook
from processors.llm.cost.compile import compile_table
from processors.llm.costs import explain_trace
from processors.llm.fields import PICO_PER_CENT
from processors.llm.stored_items import span_change, trace_change
from processors.otel.call_rows import trace_row
from processors.otel.meaning import read_record, read_span
from schemas.llm.answers import TraceAnswer
from schemas.llm.rows import TraceRow
from schemas.otel.signals import Span
from schemas.rows import Position
from schemas.times import iso_ms
from tests.unit.processors.otel.senders import SENDERS, Told
from tests.unit.processors.otel.test_golden import AT_US, CASES


@pytest.fixture(scope="module")
def book() -> PriceBook:
    return PriceBook(compile_table())


def row_of(call: Told, name: str, book: PriceBook) -> tuple[TraceRow, bytes]:
    sent = SENDERS[name].send(call)
    meaning = read_span(sent) if isinstance(sent, Span) else read_record(sent)
    return trace_row("a-b", AT_US, 5.0, meaning, book)


def stored(row: TraceRow, extras: bytes, old_pico: int | None, billing: str = "") -> Stored:
    """The row as a reprice run reads it."""
    return Stored(
        *(row.trace_id, "", "success", AT_US, row.metadata, old_pico, None, row.price_id, 20_000),
        True,
        Position("log", 0, 1),
        (
            *(row.provider, row.model_requested, row.model_used, 5.0, b"", b"", "", ""),
            *(billing, extras, row.input_tokens, row.output_tokens, row.cache_read_tokens),
            *(row.cache_write_tokens, row.reasoning_tokens),
        ),
    )


@pytest.mark.parametrize(("call", "name"), CASES)
def test_the_same_prices_give_the_same_cost(call: Told, name: str, book: PriceBook) -> None:
    row, extras = row_of(call, name, book)
    assert row.computed_cost_pico is not None

    assert trace_change(stored(row, extras, row.computed_cost_pico), book) is None
    change = trace_change(stored(row, extras, None, "repeated"), book)
    assert change is not None
    assert (change.new_pico, change.new_price_id) == (row.computed_cost_pico, row.price_id)
    assert (change.billing, change.is_told) == ("repeated", True)


@pytest.mark.parametrize(("call", "name"), CASES)
def test_the_explained_cost_is_the_stored_one(call: Told, name: str, book: PriceBook) -> None:
    row, extras = row_of(call, name, book)
    assert row.computed_cost_pico is not None
    answer = _answer(row)
    answer.tell(extras)

    explained = explain_trace(book, answer)

    assert explained.now.cost_cents == pytest.approx(row.computed_cost_pico / PICO_PER_CENT)
    assert explained.now.price_snapshot == row.price_id
    assert sum(part.amount_cents or 0 for part in explained.parts) == pytest.approx(
        explained.now.cost_cents
    )


def test_a_span_that_was_told_costs_nothing_itself(book: PriceBook) -> None:
    usage = b'{"usage":{"input_tokens":1000,"output_tokens":100}}'
    told = Stored(
        *("a-b", "s", "success", AT_US, usage, None, None, "", 20_000),
        True,
        Position("log", 0, 1),
        ("sdk", "llm_response", "x", "gpt-4o", ""),
    )

    assert span_change(told, book) is None
    assert span_change(told._replace(is_told=False), book) is not None


def _answer(row: TraceRow) -> TraceAnswer:
    nothing = dict.fromkeys(
        ("session_id", "request_body", "response_body", "output_text", "finish_reason", "error")
    )
    return TraceAnswer(
        api_key=None,
        **nothing,
        trace_id="a-b",
        project_id="p",
        timestamp=iso_ms(AT_US),
        latency_ms=5,
        provider=row.provider,
        model_requested=row.model_requested,
        model_used=row.model_used,
        provider_request_id=None,
        input_tokens=row.input_tokens,
        output_tokens=row.output_tokens,
        status="success",
        cost_cents=None,
        metadata=None,
        cache_read_tokens=row.cache_read_tokens,
        cache_write_tokens=row.cache_write_tokens,
        reasoning_tokens=row.reasoning_tokens,
        computed_cost_cents=None,
        reported_cost_cents=None,
        cost_source=None,
        price_snapshot=None,
        environment=None,
        received_at=iso_ms(AT_US),
        source="sdk",
        services=[],
        span_count=1,
        summary=row.model_requested,
        tool_call_count=0,
        files_edited=0,
        error_service=None,
    )
