"""Transactions of both protocols."""

from typing import Any

import pytest

from processors.columns import Unfit
from schemas.errors.event import json_of
from schemas.errors.sent import Head
from schemas.errors.transaction import MAX_SPANS, SpanPart
from tests.unit.processors.errors.reading import NOW_US, transaction

END = NOW_US / 1e6
TRACE = {
    "trace_id": "a" * 32, "span_id": "b" * 16, "parent_span_id": "c" * 16,
    "op": "http.server", "status": "ok",
}  # fmt: skip


def plain(**fields: Any) -> dict[str, Any]:
    return {
        "type": "transaction",
        "transaction": "/orders",
        "start_timestamp": END - 0.5,
        "timestamp": END,
        "contexts": {"trace": TRACE},
        **fields,
    }


def open_transaction(**fields: Any) -> dict[str, Any]:
    return {"type": "transaction", "name": "/a", "traceId": "t-1", "durationMs": 12.5, **fields}


@pytest.mark.parametrize("item", [b"[]", b"1", b"{", b'"x"'])
def test_what_is_no_object_is_unfit(item: bytes) -> None:
    with pytest.raises(Unfit):
        transaction(item)


def test_a_transaction_of_sentry_is_read() -> None:
    event = transaction(
        plain(
            measurements={"lcp": {"value": 1200, "unit": "millisecond"}, "bad": 3},
            tags={"a": "b"},
            environment="qa",
        )
    )

    assert (event.name, event.op, event.status, event.failed) == ("/orders", "http.server", "ok", False)  # fmt: skip  # noqa: E501
    assert (event.started_us, event.duration_ns) == (NOW_US - 500_000, 500_000_000)
    assert (event.trace_id, event.span_id, event.parent_span_id) == ("a" * 32, "b" * 16, "c" * 16)
    assert event.measurements == {"lcp": {"value": 1200, "unit": "millisecond"}}
    assert event.problems == ("measurements: not a number, left out",)


@pytest.mark.parametrize(
    ("sent", "status", "failed"),
    [
        ("ok", "ok", False), ("aborted", "aborted", True), (13, "internal_error", True),
        (1, "cancelled", False), (None, "unknown", False), ("canceled", "cancelled", False),
        (99, "unknown", False), ([], "unknown", False), ("Not_Found", "not_found", True),
    ],
)  # fmt: skip
def test_a_status_is_a_word_or_a_number(sent: Any, status: str, failed: bool) -> None:
    event = transaction(plain(contexts={"trace": {"status": sent}}))

    assert (event.status, event.failed) == (status, failed)


@pytest.mark.parametrize("start", [None, "x", END + 1])
def test_without_a_begin_it_took_no_time_that_we_know(start: Any) -> None:
    event = transaction(plain(start_timestamp=start))

    assert (event.started_us, event.duration_ns) == (NOW_US, 0)
    assert event.problems


def test_a_wrong_clock_moves_begin_end_and_spans() -> None:
    span = {"span_id": "s", "start_timestamp": END - 7200.25, "timestamp": END - 7200}
    item = plain(start_timestamp=END - 7200.5, timestamp=END - 7200, spans=[span])

    event = transaction(item, Head(sent_at=str(END - 7200)))

    assert (event.started_us, event.duration_ns) == (NOW_US - 500_000, 500_000_000)
    assert (event.spans[0].started_us, event.spans[0].duration_ns) == (
        NOW_US - 250_000, 250_000_000,
    )  # fmt: skip


def test_spans_are_read_by_type_or_value_by_value() -> None:
    good = {
        "span_id": "s1", "parent_span_id": "b", "op": "db", "description": "SELECT 1",
        "start_timestamp": END - 0.5, "timestamp": END, "status": "ok", "data": {"n": 1},
    }  # fmt: skip
    odd = {**good, "description": ["SELECT"], "status": 5, "data": None, "tags": {"t": 1}}

    by_type = transaction(plain(spans=[good])).spans
    by_value = transaction(plain(spans=[good, odd, None, 3])).spans

    assert by_type == by_value[:1]
    assert by_type[0].duration_ns == 500_000_000
    assert json_of(by_type[0].data) == {"n": 1}
    assert (by_value[1].description, by_value[1].status) == ('["SELECT"]', "5")
    assert json_of(by_value[1].data) == {"t": 1}
    assert len(by_value) == 4


def test_of_too_many_spans_the_rest_is_counted() -> None:
    span = {"span_id": "s", "start_timestamp": END, "timestamp": END}

    event = transaction(plain(spans=[span] * (MAX_SPANS + 5)))

    assert (len(event.spans), event.spans_left_out) == (MAX_SPANS, 5)


def test_a_transaction_of_open_sentry_is_read() -> None:
    spans = [
        {"spanId": "s1", "op": "db", "durationMs": 3, "parentSpanId": "root"},
        {"spanId": "s2", "op": "http", "description": "GET /", "durationMs": 0.25},
    ]
    item = open_transaction(timestamp="2026-11-29T09:00:00Z", spans=spans, environment="qa")

    event = transaction(item, protocol="open_sentry")

    began = NOW_US - 3_600_000_000
    assert (event.started_us, event.duration_ns) == (began, 12_500_000)
    assert (event.name, event.trace_id, event.status) == ("/a", "t-1", "ok")
    assert event.spans == (
        SpanPart("s1", "root", "db", started_us=began, duration_ns=3_000_000),
        SpanPart("s2", "", "http", "GET /", started_us=began, duration_ns=250_000),
    )


@pytest.mark.parametrize(
    ("sent", "status", "failed"),
    [("ok", "ok", False), ("error", "internal_error", True), ("cancelled", "cancelled", False),
     (None, "ok", False)],
)  # fmt: skip
def test_its_statuses_are_those_of_sentry(sent: Any, status: str, failed: bool) -> None:
    event = transaction(open_transaction(status=sent), protocol="open_sentry")

    assert (event.status, event.failed) == (status, failed)


@pytest.mark.parametrize("sent", [-1, "12", None, True, 1e300, [1]])
def test_a_duration_that_is_none_is_0_and_named(sent: Any) -> None:
    event = transaction(open_transaction(durationMs=sent), protocol="open_sentry")

    assert (event.duration_ns, event.problems) == (0, ("durationMs: not a duration, 0 is used",))


def test_its_timestamp_must_be_one() -> None:
    with pytest.raises(Unfit, match="timestamp"):
        transaction(open_transaction(timestamp="soon"), protocol="open_sentry")
