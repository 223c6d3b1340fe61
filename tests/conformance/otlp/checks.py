"""One check for each rule. Each takes the server, and raises `Broken` for a broken rule."""

import base64
import gzip
import json
import zlib
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from tests.conformance.otlp.requests import (
    SIGNALS,
    ZERO,
    add_every_value,
    as_json,
    every_kind_of_metric,
    inflating_to,
    plain,
    records,
    request_of,
    sent_as,
    spans,
)
from tests.conformance.otlp.server import (
    JSON,
    PROTOBUF,
    Server,
    Skipped,
    check_failure,
    check_status,
    check_success,
    check_type,
    partial_of,
    require,
)

Level = Literal["MUST", "SHOULD", "MAY"]
BOTH = (PROTOBUF, JSON)
TOO_LARGE_BYTES = 65 << 20
"""Inflated: more than the specification's limit of 64 MiB."""
MAX_ANSWER_BYTES = 4 << 20
MANY = 1_000


class Check(NamedTuple):
    """One rule, and how it is tried."""

    name: str
    level: Level
    signal: str
    """What it sends."""
    rule: str
    run: Callable[[Server], None]


CHECKS: list[Check] = []


def check(
    name: str, level: Level, rule: str, signal: str = "traces"
) -> Callable[[Callable[[Server], None]], None]:
    """Adds a check to those that are run."""

    def add(run: Callable[[Server], None]) -> None:
        CHECKS.append(Check(name, level, signal, rule, run))

    return add


def _each_signal(name: str, level: Level, rule: str) -> Callable[[Any], None]:
    """Adds a check for each signal and encoding."""

    def add(run: Callable[[Server, str, str], None]) -> None:
        for signal in SIGNALS:
            for content_type, word in ((PROTOBUF, "protobuf"), (JSON, "json")):

                def bound(server: Server, one: str = signal, kind: str = content_type) -> None:
                    run(server, one, kind)

                CHECKS.append(Check(f"{name}-{signal}-{word}", level, signal, rule, bound))

    return add


@_each_signal("taken", "MUST", "200, in the request's encoding, without partial_success")
def _(server: Server, signal: str, content_type: str) -> None:
    body = sent_as(request_of(signal), content_type)
    check_success(server.post(signal, body, content_type), signal, content_type)


@_each_signal("gzip", "MUST", "a body in gzip is taken")
def _(server: Server, signal: str, content_type: str) -> None:
    body = gzip.compress(sent_as(request_of(signal), content_type))
    answer = server.post(signal, body, content_type, content_encoding="gzip")
    check_success(answer, signal, content_type)


@_each_signal("undecodable", "MUST", "400 with a Status in the request's encoding")
def _(server: Server, signal: str, content_type: str) -> None:
    body = sent_as(request_of(signal), content_type)
    check_failure(server.post(signal, body[:-3], content_type), 400, content_type)


@_each_signal("empty", "SHOULD", "a request without anything is a success")
def _(server: Server, signal: str, content_type: str) -> None:
    body = b"{}" if content_type == JSON else b""
    check_success(server.post(signal, body, content_type), signal, content_type)


@check("empty-protobuf-answer", "MUST", "a full success in protobuf has no bytes")
def _(server: Server) -> None:
    answer = server.post("traces", sent_as(spans(1), PROTOBUF))
    check_success(answer, "traces", PROTOBUF)
    require(answer.content == b"", f"{len(answer.content)} bytes")


@check("charset", "SHOULD", "Content-Type may have parameters")
def _(server: Server) -> None:
    for content_type in BOTH:
        body = sent_as(spans(1), content_type)
        answer = server.post("traces", body, f"{content_type}; charset=utf-8")
        check_success(answer, "traces", content_type)


@check("unknown-content-type", "SHOULD", "415 for anything but protobuf and JSON")
def _(server: Server) -> None:
    check_status(server.post("traces", b"hello", "text/plain"), 415)


@check("deflate", "MAY", "a body in deflate is taken")
def _(server: Server) -> None:
    body = zlib.compress(sent_as(spans(1), PROTOBUF))
    check_success(server.post("traces", body, content_encoding="deflate"), "traces", PROTOBUF)


@check("broken-gzip", "MUST", "400 with a Status where gzip cannot be read")
def _(server: Server) -> None:
    for content_type in BOTH:
        body = b"\x1f\x8b\x08" + sent_as(spans(1), content_type)
        answer = server.post("traces", body, content_type, content_encoding="gzip")
        check_failure(answer, 400, content_type)


@check("too-large-inflated", "MUST", "413 with a Status for what inflates too far")
def _(server: Server) -> None:
    answer = server.post("traces", inflating_to(TOO_LARGE_BYTES), content_encoding="gzip")
    check_failure(answer, 413, PROTOBUF)


@check("no-credentials", "MUST", "401 with a Status in the request's encoding")
def _(server: Server) -> None:
    if not server.has_credentials:
        raise Skipped("no credentials were given")
    for content_type in BOTH:
        answer = server.post_bare("traces", sent_as(spans(1), content_type), content_type)
        check_failure(answer, 401, content_type)


@check("partial-success-traces", "MUST", "one bad span: 200, rejected_spans = 1 and why")
def _(server: Server) -> None:
    for content_type in BOTH:
        request = spans(3)
        request.resource_spans[0].scope_spans[0].spans[1].trace_id = ZERO * 16
        body = sent_as(request, content_type)
        rejected, why = partial_of(
            server.post("traces", body, content_type), "traces", content_type
        )
        require(rejected == 1, f"{rejected} rejected in place of 1")
        require(bool(why), "no error_message")


@check(
    "partial-success-metrics", "SHOULD", "one bad data point: rejected_data_points = 1", "metrics"
)
def _(server: Server) -> None:
    for content_type in BOTH:
        request = request_of("metrics", 3)
        point = request.resource_metrics[0].scope_metrics[0].metrics[0].sum.data_points[1]
        point.time_unix_nano = 0
        answer = server.post("metrics", sent_as(request, content_type), content_type)
        rejected, _why = partial_of(answer, "metrics", content_type)
        require(rejected == 1, f"{rejected} rejected in place of 1")


@check("all-rejected", "MUST", "200 also where no span can be taken, and a short answer")
def _(server: Server) -> None:
    request = spans(MANY)
    for span in request.resource_spans[0].scope_spans[0].spans:
        span.span_id = ZERO * 8
    for content_type in BOTH:
        answer = server.post("traces", sent_as(request, content_type), content_type)
        rejected, _why = partial_of(answer, "traces", content_type)
        require(rejected == MANY, f"{rejected} rejected in place of {MANY}")
        require(len(answer.content) <= MAX_ANSWER_BYTES, f"{len(answer.content)} bytes")


@check(
    "json-span-of-a-wrong-type", "SHOULD", "a span that breaks its schema takes no other with it"
)
def _(server: Server) -> None:
    request = plain(spans(2))
    request["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["name"] = 5
    answer = server.post("traces", json.dumps(request).encode(), JSON)
    rejected, _why = partial_of(answer, "traces", JSON)
    require(rejected == 1, f"{rejected} rejected in place of 1")


@check("many-spans", "SHOULD", "1,000 spans in one request")
def _(server: Server) -> None:
    for content_type in BOTH:
        answer = server.post("traces", sent_as(spans(MANY), content_type), content_type)
        check_success(answer, "traces", content_type)


@check("sent-again", "SHOULD", "a request that is sent again is a success")
def _(server: Server) -> None:
    body = sent_as(spans(2), PROTOBUF)
    for _try in range(2):
        check_success(server.post("traces", body), "traces", PROTOBUF)


@check("every-value", "MUST", "attributes of every type, and without a value")
def _(server: Server) -> None:
    request = spans(1)
    add_every_value(request.resource_spans[0].scope_spans[0].spans[0].attributes)
    for content_type in BOTH:
        answer = server.post("traces", sent_as(request, content_type), content_type)
        check_success(answer, "traces", content_type)


@check("every-kind-of-metric", "MUST", "gauge, sum, both histograms and summary", "metrics")
def _(server: Server) -> None:
    for content_type in BOTH:
        answer = server.post("metrics", sent_as(every_kind_of_metric(), content_type), content_type)
        check_success(answer, "metrics", content_type)


@check("index-of-a-text", "MUST", "what profiles alone have is ignored in a span's attribute")
def _(server: Server) -> None:
    request = spans(1)
    attribute = request.resource_spans[0].scope_spans[0].spans[0].attributes.add(key="k")
    if not hasattr(attribute.value, "string_value_strindex"):
        raise Skipped("this opentelemetry-proto does not have it")
    attribute.value.string_value_strindex = 7
    check_success(server.post("traces", sent_as(request, PROTOBUF)), "traces", PROTOBUF)


@check("unknown-fields", "MUST", "fields of a newer version are stepped over")
def _(server: Server) -> None:
    unknown = b"\xa2\x06\x03new"
    body = sent_as(spans(1), PROTOBUF) + unknown
    check_success(server.post("traces", body), "traces", PROTOBUF)
    request = plain(spans(1))
    for one in (
        request,
        request["resourceSpans"][0],
        request["resourceSpans"][0]["scopeSpans"][0],
        request["resourceSpans"][0]["scopeSpans"][0]["spans"][0],
    ):
        one["newField"] = {"a": [1, None]}
    check_success(server.post("traces", json.dumps(request).encode(), JSON), "traces", JSON)


@check("json-ids-in-any-case", "MUST", "traceId and spanId are hex in any case")
def _(server: Server) -> None:
    request = plain(spans(1))
    span = request["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
    span["traceId"], span["spanId"] = "5B8EFFF798038103D269B633813FC60C", "EEE19B7EC3C1B174"
    check_success(server.post("traces", json.dumps(request).encode(), JSON), "traces", JSON)


@check("json-ids-not-base64", "MUST", "ids in base64, as protobuf's own JSON has them, are none")
def _(server: Server) -> None:
    request = plain(spans(1))
    span = request["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
    span["traceId"] = base64.b64encode(bytes.fromhex(span["traceId"])).decode()
    answer = server.post("traces", json.dumps(request).encode(), JSON)
    if answer.status_code == 400:
        check_failure(answer, 400, JSON)
        return
    rejected, _why = partial_of(answer, "traces", JSON)
    require(rejected == 1, "it was taken")


@check("json-integers", "MUST", "64-bit integers are texts or numbers")
def _(server: Server) -> None:
    for kind in (str, int):
        request = plain(spans(1))
        span = request["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
        for name in ("startTimeUnixNano", "endTimeUnixNano"):
            span[name] = kind(span[name])
        span["attributes"] = [{"key": "n", "value": {"intValue": kind(7)}}]
        body = json.dumps(request).encode()
        check_success(server.post("traces", body, JSON), "traces", JSON)


@check("json-enums", "MUST", "enums are integers")
def _(server: Server) -> None:
    request = plain(spans(1))
    span = request["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
    span["kind"], span["status"] = 5, {"code": 2, "message": "no"}
    check_success(server.post("traces", json.dumps(request).encode(), JSON), "traces", JSON)


@check("json-no-object", "MUST", "400 for JSON that is no request")
def _(server: Server) -> None:
    for body in (b"[]", b"5", b'{"resourceSpans":5}'):
        check_failure(server.post("traces", body, JSON), 400, JSON)


@check("record-without-a-trace", "MUST", "a log record need not belong to a trace", "logs")
def _(server: Server) -> None:
    check_success(server.post("logs", as_json(records(1)), JSON), "logs", JSON)


@check("parent-elsewhere", "MUST", "a span whose parent is not there is taken")
def _(server: Server) -> None:
    request = spans(1)
    request.resource_spans[0].scope_spans[0].spans[0].parent_span_id = b"elsewher"
    check_success(server.post("traces", sent_as(request, PROTOBUF)), "traces", PROTOBUF)


@check("end-before-start", "SHOULD", "a span that ends before it starts is taken")
def _(server: Server) -> None:
    request = spans(1)
    span = request.resource_spans[0].scope_spans[0].spans[0]
    span.end_time_unix_nano = span.start_time_unix_nano - 5
    check_success(server.post("traces", sent_as(request, PROTOBUF)), "traces", PROTOBUF)


@check("error-types", "MUST", "also an error is in the encoding of its request")
def _(server: Server) -> None:
    for content_type in BOTH:
        check_type(server.post("traces", b"\xff", content_type), content_type)
