"""Spans of a transaction become rows of a waterfall: each within its parent, nothing is lost."""

from typing import Any

import msgspec
import pytest
from msgspec import Raw

from api.pages.addresses import Address
from api.pages.errors.performance.span_tree import Step, rows_of, steps_of
from api.pages.errors.performance.transaction import event_of, measured
from clickhouse.errors.trace_links import LinkedCall, LinkedError, TraceLinks
from clickhouse.errors.transaction_lines import StoredTransaction, TransactionLine
from clickhouse.errors.transaction_spans import SpanLine

MS = 1_000_000
START_US = 1_700_000_000_000_000
ADDRESS = Address("", "/p/x/performance/transactions/e", {}, "x")
NOTHING = TraceLinks()


def transaction(**fields: Any) -> StoredTransaction:
    line = TransactionLine(
        event_id="e" * 32,
        at_us=START_US,
        duration_ns=100 * MS,
        name="/checkout",
        op="http.server",
        status="ok",
        failed=False,
        platform="python",
        environment="",
        release="",
        server="",
        user="",
        trace_id="t",
        spans=0,
    )
    given = {"parent_span_id": "", "span_id": "root", "sdk": "", "dist": "", "received_at_us": 0}
    return StoredTransaction(line=line, body=None, **{**given, **fields})


def span(span_id: str, parent: str = "", at_ms: int = 0, ms: int = 10, **fields: Any) -> SpanLine:
    given = {"op": "db", "description": span_id, "status": "ok", "shape": ""}
    return SpanLine(
        span_id=span_id,
        parent_span_id=parent,
        started_us=START_US + at_ms * 1000,
        duration_ns=ms * MS,
        **{**given, **fields},
    )


def tree(steps: list[Step]) -> list[tuple[int, str]]:
    return [(step.depth, step.label) for step in steps]


def test_spans_stand_in_their_parents_as_they_began() -> None:
    spans = [span("b", "a", 20), span("c", "root", 50), span("a", "root", 10), span("d", "b", 25)]

    steps = steps_of(transaction(), spans, NOTHING)

    assert tree(steps) == [(0, "/checkout"), (1, "a"), (2, "b"), (3, "d"), (1, "c")]


def test_a_span_whose_parent_is_nowhere_is_in_the_transaction() -> None:
    steps = steps_of(transaction(), [span("a", "never sent"), span("b", "a")], NOTHING)

    assert tree(steps) == [(0, "/checkout"), (1, "a"), (2, "b")]


@pytest.mark.parametrize(
    "spans",
    [
        [span("a", "b"), span("b", "a")],
        [span("a", "a")],
        [span("a", "root"), span("a", "root"), span("b", "a"), span("b", "b")],
        [span("a", "b"), span("b", "c"), span("c", "a"), span("d", "b"), span("e")],
    ],
    ids=["circle", "itself", "twice", "long circle"],
)
def test_no_span_is_lost_or_shown_twice_however_they_refer(spans: list[SpanLine]) -> None:
    steps = steps_of(transaction(), spans, NOTHING)

    assert sorted(step.label for step in steps[1:]) == sorted(one.span_id for one in spans)


def test_own_time_is_that_in_which_nothing_within_ran() -> None:
    # Two of them overlap, and one ends after its parent does.
    spans = [
        span("a", "", 0, 60),
        span("b", "a", 10, 20),
        span("c", "a", 20, 20),
        span("d", "a", 50, 30),
    ]

    own = {step.label: step.own_us for step in steps_of(transaction(), spans, NOTHING)}

    assert own == {"/checkout": 40_000, "a": 20_000, "b": 20_000, "c": 20_000, "d": 30_000}


def test_calls_and_errors_stand_in_the_span_that_they_name() -> None:
    def call(name: str, span_id: str, at_us: int) -> LinkedCall:
        return LinkedCall(name, at_us, name, "success", 5.0, span_id)

    def error(name: str, span_id: str, at_us: int) -> LinkedError:
        return LinkedError(name, at_us, "error", "E", name, "f", span_id)

    later = START_US + 10_000_000
    links = TraceLinks(
        calls=[call("in a", "a", later), call("of others", "z", START_US), call("no", "", later)],
        errors=[error("in root", "root", later), error("by time", "", START_US + 5)],
    )

    steps = steps_of(transaction(), [span("a")], links)

    assert tree(steps) == [
        (0, "/checkout"),
        (1, "a"),
        (2, "in a"),
        (1, "by time"),
        (1, "in root"),
    ]


def test_rows_lead_to_their_spans_and_their_calls() -> None:
    links = TraceLinks(calls=[LinkedCall("t/1", START_US, "gpt", "success", 5.0, "")])
    stored = transaction()
    steps = steps_of(stored, [span("a/b?", ms=3)], links)

    rows, has_begins = rows_of(stored.line, steps, ADDRESS, 1)

    assert [row.href for row in rows] == [
        "",
        f"/p/x/performance/transactions/{'e' * 32}/spans/a%2Fb%3F",
        "/p/x/llm/traces/t%2F1",
    ]
    assert has_begins


def test_spans_without_a_begin_are_said_to_be_so() -> None:
    stored = transaction()
    alike = steps_of(stored, [span(name) for name in "abc"], NOTHING)
    others = steps_of(stored, [span(name, at_ms=n) for n, name in enumerate("abc")], NOTHING)

    assert not rows_of(stored.line, alike, ADDRESS, 1).has_begins
    assert rows_of(stored.line, others, ADDRESS, 1).has_begins


def test_ten_thousand_spans_within_each_other_are_laid_out() -> None:
    deep = [span(str(n), str(n - 1) if n else "") for n in range(10_000)]
    stored = transaction()

    rows, _ = rows_of(stored.line, steps_of(stored, deep, NOTHING), ADDRESS, 1)

    assert len(rows) == 10_001


def test_measurements_are_numbers_of_known_units() -> None:
    sent = {
        "measurements": {
            "zeta": 3,
            "lcp": {"value": 1.2, "unit": "second"},
            "cls": {"value": 0.1, "unit": ""},
            "odd": {"value": "x", "unit": "second"},
            "yes": True,
        }
    }
    body = msgspec.json.encode({"eventId": "e", "startedUs": 0, **sent})

    found = measured(event_of(Raw(body)))

    assert [(one.title, one.value, one.unit) for one in found] == [
        ("Layout shift", 0.1, ""),
        ("Largest contentful paint", 1200.0, "ms"),
        ("zeta", 3, ""),
    ]
    assert measured(event_of(Raw(b"{broken"))) == []
