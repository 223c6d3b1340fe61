"""What the edge rejects of a request is what the stream could not read, and no other."""

from typing import Any

import pytest

from ingest.otel.forms import TAKEN
from ingest.otel.frames import Frame
from schemas.otel.bounds import Bounds
from schemas.otel.items import ItemDecoder
from schemas.otel.walk import Encoding, decode
from tests.unit.schemas.otel.requests import (
    METRICS,
    NUMBER,
    PARENT_ID,
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

BOUNDS = Bounds(items=20, attributes=20, events=3, links=3, buckets=3, item_bytes=4_000)
LATE = str(2**64 - 1)
MANY = [{"key": "k"}] * 21
LINK = {"traceId": TRACE_ID, "spanId": SPAN_ID}
SPANS: list[dict[str, Any]] = [
    {},
    *({"traceId": one} for one in (None, "", "ab", "00" * 16)),
    *({"spanId": one} for one in (None, "ab", "00" * 8)),
    *({"parentSpanId": one} for one in (None, "", "ab", "00" * 8)),
    *({"startTimeUnixNano": one} for one in (None, "0", LATE)),
    *({"endTimeUnixNano": one} for one in (None, "1", LATE)),
    {"attributes": MANY},
    *({"events": one} for one in ([{"name": "e"}] * 4, [{"timeUnixNano": LATE}])),
    {"events": [{"attributes": MANY}]},
    *({"links": one} for one in ([LINK] * 4, [{}], [{**LINK, "spanId": "00" * 8}])),
    {"links": [{**LINK, "attributes": MANY}]},
    {"name": "n" * 5_000},
]
RECORDS: list[dict[str, Any]] = [
    {},
    *({"timeUnixNano": one} for one in (None, LATE)),
    *({"observedTimeUnixNano": one} for one in (str(START_NS), LATE)),
    *({"traceId": one} for one in ("ab", TRACE_ID)),
    {"attributes": MANY},
    {"severityText": "n" * 5_000},
]
COUNTS = ["1"] * 4
POINTS: list[dict[str, Any]] = [
    {"name": ""},
    {"name": "none"},
    *({"name": "g", "gauge": {"dataPoints": [one]}} for one in (NUMBER, {"asInt": "1"})),
    {"name": "g", "gauge": {}},
    {"name": "s", "sum": {"dataPoints": [NUMBER, {"asInt": "1"}, NUMBER]}},
    {"name": "s", "sum": {"dataPoints": [{**NUMBER, "startTimeUnixNano": LATE}]}},
    {"name": "s", "sum": {"dataPoints": [{**NUMBER, "attributes": MANY}, NUMBER]}},
    {"name": "s", "sum": {"dataPoints": [{**NUMBER, "exemplars": [{"asInt": "1"}] * 4}]}},
    {"name": "h", "histogram": {"dataPoints": [{"timeUnixNano": "1", "bucketCounts": COUNTS}]}},
    {
        "name": "h",
        "histogram": {"dataPoints": [{"timeUnixNano": "1", "explicitBounds": [1.0] * 4}]},
    },
    {
        "name": "e",
        "exponentialHistogram": {
            "dataPoints": [{"timeUnixNano": "1", "negative": {"bucketCounts": COUNTS}}]
        },
    },
    {
        "name": "q",
        "summary": {"dataPoints": [{"timeUnixNano": "1", "quantileValues": [{"value": 1.0}] * 4}]},
    },
    {"name": "s", "sum": {"dataPoints": [NUMBER] * 21}},
    *METRICS,
]
CASES = [
    *(("traces", traces(span(), span(**changed), span(spanId=PARENT_ID))) for changed in SPANS),
    *(("logs", logs(record(), record(**changed), record())) for changed in RECORDS),
    *(("metrics", metrics(METRICS[1], one, METRICS[1])) for one in POINTS),
    ("traces", traces(*[span()] * 25)),
]


def framed(signal: str, body: bytes, encoding: Encoding) -> Frame:
    frame = Frame(TAKEN[signal], encoding, BOUNDS, 1 << 20)
    frame.split(body)
    return frame


def full(items: list[Any]) -> list[Any]:
    return [item for item in items if getattr(item, "points", True)]


@pytest.mark.parametrize("encoding", ["json", "protobuf"])
@pytest.mark.parametrize(("signal", "request_"), CASES)
def test_the_edge_and_the_stream_reject_the_same(
    signal: str, request_: dict[str, Any], encoding: Encoding
) -> None:
    kind = REQUESTS[signal][0]
    body = as_json(request_) if encoding == "json" else as_protobuf(kind, request_)
    decoder: ItemDecoder[Any] = ItemDecoder(TAKEN[signal].signal, BOUNDS)

    frame = framed(signal, body, encoding)
    whole = decode(TAKEN[signal].signal, body, encoding, BOUNDS)
    one_by_one = [decoder.decode(item) for item in frame.bodies]

    assert frame.rejected == whole.rejected
    # The edge leaves out a metric of whose points none is right, which is then one without points.
    assert full(one_by_one) == full(whole.items)


def test_a_span_is_named_by_its_ids_and_a_record_by_its_bytes() -> None:
    spans = framed("traces", as_json(traces(span())), "json")
    records = [
        framed("logs", as_json(logs(record(**changed))), "json").ids
        for changed in ({}, {}, {"severityNumber": 10})
    ]

    assert spans.ids == [f"{TRACE_ID}-{SPAN_ID}"]
    assert records[0] == records[1] != records[2]
    assert all(len(one) == 32 for [one] in records)


@pytest.mark.parametrize("encoding", ["json", "protobuf"])
def test_a_resource_that_cannot_be_taken_rejects_its_items_alone(encoding: Encoding) -> None:
    request = traces(span(), span(spanId=PARENT_ID))
    [good] = request["resourceSpans"]
    request["resourceSpans"] = [good, {**good, "resource": {"attributes": MANY}}]
    kind = REQUESTS["traces"][0]
    body = as_json(request) if encoding == "json" else as_protobuf(kind, request)

    frame = framed("traces", body, encoding)

    assert (len(frame.bodies), frame.rejected) == (2, {"too_many_attributes": 2})
