"""OTLP in both encodings becomes one form; what is wrong takes nothing else with it."""

import random
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from schemas.otel.bounds import Bounds, Decoded, Undecodable
from schemas.otel.logs import decode_logs
from schemas.otel.metrics import decode_metrics
from schemas.otel.readers import TOO_DEEP
from schemas.otel.traces import decode_traces
from tests.unit.schemas.otel.hostile import field, mutated
from tests.unit.schemas.otel.requests import (
    END_NS,
    METRICS,
    PARENT_ID,
    PLAIN,
    REQUESTS,
    SPAN_ID,
    START_NS,
    TRACE_ID,
    as_json,
    as_protobuf,
    logs,
    metrics,
    record,
    span,
    traces,
)

DECODERS: dict[str, Callable[..., Decoded[Any]]] = {
    "traces": decode_traces,
    "logs": decode_logs,
    "metrics": decode_metrics,
}
SIGNALS = pytest.mark.parametrize("signal", sorted(DECODERS))
SEED = 20_261_130
MUTATIONS = 2_000


def both(signal: str, request: dict[str, Any], **bounds: int) -> list[Decoded[Any]]:
    kind, _ = REQUESTS[signal]
    limits = Bounds(**bounds)
    return [
        DECODERS[signal](as_json(request), "json", limits),
        DECODERS[signal](as_protobuf(kind, request), "protobuf", limits),
    ]


class TestForm:
    @SIGNALS
    def test_both_encodings_give_the_same_items(self, signal: str) -> None:
        from_json, from_protobuf = both(signal, REQUESTS[signal][1])

        assert from_json.rejected_count == 0
        assert from_json.items
        assert from_json == from_protobuf

    def test_a_span_has_all_that_was_sent(self) -> None:
        [first, second] = both("traces", REQUESTS["traces"][1])[1].items

        assert (first.trace_id, first.span_id, first.parent_span_id) == (
            TRACE_ID,
            SPAN_ID,
            PARENT_ID,
        )
        assert (first.start_ns, first.end_ns, first.end_moved) == (START_NS, END_NS, False)
        assert (first.kind, first.status, first.status_message) == ("client", "error", "no")
        assert first.attributes == first.events[0].attributes == PLAIN
        assert first.links[0].span_id == PARENT_ID
        assert first.resource.attributes == {"service.name": "shop"}
        assert (first.scope.name, first.scope.version, first.dropped) == ("lib", "1.2", 2)
        assert second.resource is first.resource

    def test_each_kind_of_metric_keeps_its_points(self) -> None:
        found = {one.name: one for one in both("metrics", metrics(*METRICS))[1].items}

        assert found["g"].points[0].value == 0.5
        assert (found["s"].points[0].value, found["s"].temporality) == (7, "delta")
        assert found["s"].is_monotonic
        assert (found["h"].points[0].bounds, found["h"].points[0].counts) == ([1.0], [1, 2])
        assert found["h"].points[0].exemplars[0].trace_id == TRACE_ID
        assert found["h"].points[0].min is None
        assert (found["e"].points[0].scale, found["e"].points[0].negative) == (-1, None)
        assert found["q"].points[0].quantiles == [(0.5, 1.0)]

    @SIGNALS
    @pytest.mark.parametrize("body", [b"", b"{}", b'{"resourceSpans":null,"more":[1]}'])
    def test_an_empty_request_has_no_items(self, signal: str, body: bytes) -> None:
        assert DECODERS[signal](body, "json").items == []
        assert DECODERS[signal](b"", "protobuf").items == []


class TestJson:
    @pytest.mark.parametrize(
        ("changed", "field", "expected"),
        [
            ({"traceId": TRACE_ID.upper()}, "trace_id", TRACE_ID),
            ({"startTimeUnixNano": START_NS}, "start_ns", START_NS),
            ({"parentSpanId": None}, "parent_span_id", None),
            ({"parentSpanId": ""}, "parent_span_id", None),
            ({"parentSpanId": "0" * 16}, "parent_span_id", None),
            ({"kind": "SPAN_KIND_INTERNAL"}, "kind", "internal"),
            ({"kind": 77}, "kind", "unspecified"),
            ({"status": {"code": "STATUS_CODE_OK"}}, "status", "ok"),
            ({"status": None, "unknown": {"deep": [1]}}, "status", "unset"),
            ({"attributes": None, "events": None}, "attributes", {}),
        ],
    )
    def test_what_senders_write_otherwise_is_read(
        self, changed: dict[str, Any], field: str, expected: Any
    ) -> None:
        [found] = decode_traces(as_json(traces(span(**changed))), "json").items

        assert getattr(found, field) == expected

    @pytest.mark.parametrize(
        ("sent", "expected"),
        [
            ({"intValue": 5}, 5),
            ({"intValue": 5.0}, 5),
            ({"doubleValue": 3}, 3.0),
            ({"doubleValue": "Infinity"}, float("inf")),
            ({"stringValue": None}, None),
            ({"kvlistValue": {}}, {}),
            ({"arrayValue": {"values": None}}, []),
        ],
    )
    def test_values_are_plain(self, sent: dict[str, Any], expected: Any) -> None:
        [found] = decode_logs(as_json(logs(record(body=sent))), "json").items

        assert found.body == expected

    def test_severities_have_names_too(self) -> None:
        found = decode_logs(as_json(logs(record(severityNumber="SEVERITY_NUMBER_WARN2"))), "json")

        assert found.items[0].severity == 14


class TestRejections:
    @pytest.mark.parametrize(
        ("changed", "reason"),
        [
            ({"traceId": "00" * 16}, "bad_trace_id"),
            ({"traceId": None}, "bad_trace_id"),
            ({"traceId": "ab"}, "bad_trace_id"),
            ({"spanId": "00" * 8}, "bad_span_id"),
            ({"parentSpanId": "ab"}, "bad_parent_id"),
            ({"startTimeUnixNano": None}, "bad_time"),
            ({"startTimeUnixNano": str(2**64 - 1)}, "bad_time"),
            ({"attributes": [{"key": "k"}] * 21}, "too_many_attributes"),
            ({"events": [{"name": "e"}] * 4}, "too_many_events"),
            ({"links": [{"traceId": TRACE_ID, "spanId": SPAN_ID}] * 4}, "too_many_links"),
            ({"name": "n" * 5_000}, "too_large"),
        ],
    )
    def test_a_span_that_is_wrong_takes_no_other_with_it(
        self, changed: dict[str, Any], reason: str
    ) -> None:
        request = traces(span(), span(**changed), span(spanId=PARENT_ID))

        for found in both(
            "traces", request, attributes=20, events=3, links=3, item_bytes=4_000, depth=4
        ):
            assert [one.span_id for one in found.items] == [SPAN_ID, PARENT_ID]
            assert dict(found.rejected) == {reason: 1}
            assert f"1 rejected ({reason})" in found.message()

    @pytest.mark.parametrize(
        "changed",
        [
            {"traceId": "zz" * 16},
            {"startTimeUnixNano": "soon"},
            {"name": 5},
            {"attributes": [{"key": "k", "value": {"bytesValue": "?"}}]},
            {"attributes": [{"key": "k", "value": {"intValue": "9" * 30}}]},
        ],
    )
    def test_json_of_a_wrong_type_rejects_one_span(self, changed: dict[str, Any]) -> None:
        found = decode_traces(as_json(traces(span(**changed), span())), "json")

        assert len(found.items) == found.rejected_count == 1

    def test_what_is_deeper_than_the_bounds_say_is_replaced_and_the_rest_stays(self) -> None:
        def nested(levels: int) -> dict[str, Any]:
            inner: dict[str, Any] = {"intValue": "1"}
            for _ in range(levels):
                inner = {"arrayValue": {"values": [inner, {"stringValue": "beside"}]}}
            return record(body=inner)

        for found in both("logs", logs(nested(2), nested(3)), depth=2):
            assert [one.body for one in found.items] == [
                *([[1, "beside"], "beside"], [[TOO_DEEP, "beside"], "beside"]),
            ]
            assert not found.rejected

    def test_items_beyond_the_bound_are_counted(self) -> None:
        for found in both("traces", traces(*[span()] * 5), items=3):
            assert len(found.items) == 3
            assert dict(found.rejected) == {"too_many_items": 2}

    def test_a_resource_that_cannot_be_taken_rejects_its_spans_alone(self) -> None:
        request = traces(span(), span())
        bad = traces(span())["resourceSpans"][0]
        request["resourceSpans"].append(
            {**bad, "resource": {"attributes": [{"key": str(n)} for n in range(30)]}}
        )

        for found in both("traces", request, attributes=20):
            assert len(found.items) == 2
            assert dict(found.rejected) == {"too_many_attributes": 1}

    def test_points_are_rejected_one_by_one(self) -> None:
        good = METRICS[1]["sum"]["dataPoints"][0]  # type: ignore[index]
        sent = {"name": "s", "sum": {"dataPoints": [good, {"asInt": "1"}, good]}}

        for found in both("metrics", metrics(sent, {"name": "of no kind"})):
            assert [len(one.points) for one in found.items] == [2]
            assert dict(found.rejected) == {"bad_time": 1, "no_data": 1}

    def test_a_record_with_wrong_ids_is_kept_without_them(self) -> None:
        sent = logs(record(traceId="00" * 16, spanId="ab"), record(timeUnixNano=None))

        for found in both("logs", sent):
            assert [(one.trace_id, one.span_id) for one in found.items] == [(None, None)] * 2
            assert [one.time_ns for one in found.items] == [START_NS, None]

    def test_an_end_before_the_start_is_moved_there(self) -> None:
        for found in both("traces", traces(span(endTimeUnixNano="1"))):
            assert found.items[0].end_ns == START_NS
            assert found.items[0].end_moved


class TestHostileBodies:
    @SIGNALS
    @pytest.mark.parametrize("body", [b"[]", b"5", b"null", b"{", b"\xff\xfe", b"[" * 100_000])
    def test_what_is_no_request_is_undecodable(self, signal: str, body: bytes) -> None:
        with pytest.raises(Undecodable):
            DECODERS[signal](body, "json")

    @SIGNALS
    def test_a_flood_of_empty_messages_is_not_parsed(self, signal: str) -> None:
        """2 bytes of it take 180 of memory where protobuf parses them."""
        empty = b"\x12\x00" * 50_000
        for flood in (field(1, field(2, empty)), field(1, empty), b"\x0a\x00" * 50_000):
            with pytest.raises(Undecodable):
                DECODERS[signal](flood, "protobuf", Bounds(items=1_000))

    def test_a_resource_beyond_the_bytes_of_an_item_is_not_parsed(self) -> None:
        sent = as_protobuf(REQUESTS["traces"][0], traces(span()))
        around = field(1, field(1, b"\x0a\x00" * 600_000) + field(2, field(2, b"\x0a\x00")))
        found = decode_traces(sent + around, "protobuf")

        assert (len(found.items), dict(found.rejected)) == (1, {"too_large": 1})

    def test_a_damaged_item_of_protobuf_takes_no_other_with_it(self) -> None:
        body = as_protobuf(REQUESTS["traces"][0], traces(span(), span(name="broken"), span()))
        found = decode_traces(body.replace(b"broken", b"brok\xff\xff"), "protobuf")

        assert (len(found.items), dict(found.rejected)) == (2, {"bad_form": 1})

    @SIGNALS
    def test_deep_json_within_an_item_is_replaced_where_it_is_too_deep(self, signal: str) -> None:
        deep = b'{"kvlistValue":{"values":[{"key":"k","value":' * 60 + b"{}" + b"}]}}" * 60
        body = as_json(REQUESTS[signal][1]).replace(b'{"stringValue": "pr\\u00fcfen"}', deep)

        found = DECODERS[signal](body, "json")

        assert not found.rejected
        assert TOO_DEEP.encode() in msgspec.json.encode(found.items)

    @SIGNALS
    @pytest.mark.parametrize("encoding", ["json", "protobuf"])
    def test_mutated_and_truncated_bodies_raise_one_error_alone(
        self, signal: str, encoding: str
    ) -> None:
        kind, request = REQUESTS[signal]
        body = as_json(request) if encoding == "json" else as_protobuf(kind, request)
        chance = random.Random(f"{SEED}/{signal}/{encoding}")
        read = 0

        for _ in range(MUTATIONS):
            try:
                found = DECODERS[signal](mutated(body, chance), encoding)
            except Undecodable:
                continue
            read += 1
            msgspec.json.encode(found.items)

        assert 0 < read < MUTATIONS, f"seed {SEED}: {read} could be read"
