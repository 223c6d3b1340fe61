"""What the demo sends over OTLP: taken whole, the same for the same seed, never in the future."""

from collections import Counter
from datetime import UTC, datetime

from ingest.otel.demo import Shop, counts_of, notes_of
from ingest.otel.demo_coding import Coding, Session
from ingest.otel.demo_wire import Made, logs_request, metrics_request, traces_request
from processors.otel.billing import Mark, bill, mark_of, scope_of
from processors.otel.meaning import read_record, read_span
from schemas.otel.logs import decode_logs
from schemas.otel.metrics import decode_metrics
from schemas.otel.signals import Span
from schemas.otel.traces import decode_traces

UNTIL = datetime(2026, 11, 30, 12, tzinfo=UTC)
UNTIL_NS = int(UNTIL.timestamp() * 1e9)


def shop(seed: int = 7, until: datetime = UNTIL) -> list[Made]:
    made = Shop(seed, until, 2)
    traces = [*made.orders(40), *made.conversations(5)]
    return [span for trace in traces for span in trace]


def coding() -> list[Session]:
    return list(Coding(7, UNTIL, 2).sessions(4))


def decoded(made: list[Made]) -> list[Span]:
    found = decode_traces(traces_request(made), "protobuf")
    assert not found.rejected
    return list(found.items)


def test_every_span_is_taken_and_none_is_in_the_future() -> None:
    made = [*shop(), *(span for one in coding() for span in one.spans)]
    found = decoded(made)

    assert len({(one.trace_id, one.span_id) for one in found}) == len(found) == len(made) > 400
    assert all(one.start_ns <= one.end_ns <= UNTIL_NS for one in found)


def test_every_span_but_the_first_of_a_trace_is_within_another_of_it() -> None:
    found = {(one.trace_id, one.span_id): one for one in decoded(shop())}
    roots = Counter(one.trace_id for one in found.values() if one.parent_span_id is None)

    assert set(roots.values()) == {1}
    for one in found.values():
        if one.parent_span_id is not None:
            around = found[one.trace_id, one.parent_span_id]
            assert around.start_ns <= one.start_ns <= one.end_ns <= around.end_ns


def test_the_same_seed_makes_the_same_ids_at_any_time() -> None:
    later = shop(until=datetime(2026, 12, 2, 5, tzinfo=UTC))

    assert [one.span_id for one in shop()] == [one.span_id for one in later]
    assert {one.trace_id for one in shop()}.isdisjoint(one.trace_id for one in shop(seed=8))


def test_three_services_and_an_agent_with_its_calls_tools_and_failures_are_shown() -> None:
    found = [(one, read_span(one)) for one in decoded(shop())]

    assert {meaning.service for _, meaning in found} == {"web", "orders", "payments"}
    kinds = Counter(meaning.kind for _, meaning in found)
    assert min(kinds["llm"], kinds["tool"], kinds["agent"]) > 5
    assert any(meaning.failure for _, meaning in found)
    calls = [meaning.call for _, meaning in found if meaning.call and meaning.kind == "llm"]
    assert all(call.input and call.output and call.response_id for call in calls)
    assert len({call.response_id for call in calls}) == len(calls)


def test_an_order_has_a_record_within_its_span_and_is_counted() -> None:
    made = shop()
    records = decode_logs(logs_request(list(notes_of(made))), "protobuf").items
    points = decode_metrics(metrics_request(list(counts_of(made))), "protobuf").items

    spans = {(one.trace_id, one.span_id): one for one in made}
    assert len(records) == 40
    assert {spans[str(one.trace_id), str(one.span_id)].origin.service for one in records} == {
        "orders"
    }
    assert {one.severity for one in records} == {9, 17}
    assert sum(point.value or 0 for metric in points for point in metric.points) == 40


def test_every_call_of_it_is_billed() -> None:
    spans = [*decoded(shop()), *decoded([span for one in coding() for span in one.spans])]
    marks: dict[str, list[Mark]] = {}
    for one in spans:
        meaning = read_span(one)
        mark = mark_of(one.span_id, one.parent_span_id, meaning, False)
        marks.setdefault(scope_of(one.trace_id, meaning), []).append(mark)

    assert {verdict for own in marks.values() for verdict in bill(own).values()} == {"billed"}


def test_claude_code_sends_spans_or_records_of_no_trace_and_always_metrics() -> None:
    sessions = coding()

    assert [bool(one.spans) for one in sessions] == [True, False, True, False]
    for one in sessions:
        records = decode_logs(logs_request(one.records), "protobuf")
        points = decode_metrics(metrics_request(one.points), "protobuf")
        assert not records.rejected
        assert not points.rejected
        assert bool(one.records) != bool(one.spans)
        assert all(not record.trace_id for record in records.items)
        calls = [call for record in records.items if (call := read_record(record).call)]
        assert all(call.reported_usd for call in calls)
        assert bool(calls) == bool(one.records)
        assert {metric.name for metric in points.items} == {
            "claude_code.token.usage",
            "claude_code.cost.usage",
        }
