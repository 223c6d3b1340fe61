"""Requests of each signal in both encodings, with all that OTLP has, and ids of their own."""

import base64
import gzip
import json
import os
import time
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

SIGNALS = ("traces", "logs", "metrics")
ZERO = b"\0"
Spans = ExportTraceServiceRequest


def spans(count: int) -> Any:
    """A request with so many spans of one trace."""
    request = ExportTraceServiceRequest()
    sender = request.resource_spans.add()
    _add(sender.resource.attributes, "service.name").string_value = "conformance"
    library = sender.scope_spans.add()
    library.scope.name, library.scope.version = "conformance", "1"
    trace_id, now = os.urandom(16), time.time_ns()
    for number in range(count):
        span = library.spans.add(trace_id=trace_id, span_id=os.urandom(8), name=f"s{number}")
        span.kind = 3
        span.start_time_unix_nano, span.end_time_unix_nano = now - 1_000_000, now
        span.status.code = 1
    return request


def records(count: int) -> Any:
    """A request with so many log records, without ids of a trace."""
    request = ExportLogsServiceRequest()
    library = request.resource_logs.add().scope_logs.add()
    for number in range(count):
        record = library.log_records.add(time_unix_nano=time.time_ns(), severity_number=9)
        record.body.string_value = f"{number} {os.urandom(4).hex()}"
    return request


def points(count: int) -> Any:
    """A request with so many data points of one sum."""
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name="conformance")
    metric.sum.aggregation_temporality, metric.sum.is_monotonic = 1, True
    for number in range(count):
        metric.sum.data_points.add(time_unix_nano=time.time_ns(), as_int=number)
    return request


def request_of(signal: str, count: int = 2) -> Any:
    """A request of a signal that is right."""
    return {"traces": spans, "logs": records, "metrics": points}[signal](count)


def every_kind_of_metric() -> Any:
    """A gauge, a sum, a histogram, an exponential histogram and a summary."""
    request = ExportMetricsServiceRequest()
    metrics = request.resource_metrics.add().scope_metrics.add().metrics
    now = time.time_ns()
    metrics.add(name="gauge").gauge.data_points.add(time_unix_nano=now, as_double=0.5)
    total = metrics.add(name="sum").sum
    total.aggregation_temporality = 2
    total.data_points.add(time_unix_nano=now, as_int=1)
    histogram = metrics.add(name="histogram").histogram
    histogram.aggregation_temporality = 1
    histogram.data_points.add(
        time_unix_nano=now, count=2, sum=3.5, bucket_counts=[1, 1], explicit_bounds=[1.0]
    )
    wide = metrics.add(name="exponential").exponential_histogram
    wide.aggregation_temporality = 1
    point = wide.data_points.add(time_unix_nano=now, count=1, scale=2)
    point.positive.bucket_counts.append(1)
    summary = metrics.add(name="summary").summary.data_points.add(time_unix_nano=now, count=1)
    summary.quantile_values.add(quantile=0.5, value=1.0)
    return request


def add_every_value(attributes: Any) -> None:
    """Adds an attribute of each type that AnyValue has, and one without a value."""
    _add(attributes, "text").string_value = "prüfen"
    _add(attributes, "yes").bool_value = True
    _add(attributes, "whole").int_value = -(2**63)
    _add(attributes, "part").double_value = 0.5
    _add(attributes, "bytes").bytes_value = b"\0\xff"
    _add(attributes, "list").array_value.values.add().int_value = 1
    inner = _add(attributes, "object").kvlist_value.values.add(key="k")
    inner.value.array_value.values.add().string_value = "deep"
    attributes.add(key="nothing")


def as_json(request: Any, **changed: Any) -> bytes:
    """Writes a request as OTLP's JSON: ids in hex, enums as numbers, 64-bit integers as texts."""
    return json.dumps({**_plain(request), **changed}).encode()


def plain(request: Any) -> dict[str, Any]:
    """A request as OTLP's JSON has it, to be changed."""
    return _plain(request)


def sent_as(request: Any, content_type: str) -> bytes:
    """Writes a request."""
    if content_type.startswith("application/json"):
        return as_json(request)
    written: bytes = request.SerializeToString()
    return written


def inflating_to(size: int) -> bytes:
    """A gzip body that inflates to one request with an unknown field of about so many bytes."""
    # Field 100 with a length: an older server has to step over it.
    head, left = bytearray(b"\xa2\x06"), size
    while left > 127:
        head.append(left & 127 | 128)
        left >>= 7
    head.append(left)
    return gzip.compress(bytes(head) + ZERO * size, compresslevel=9)


def _add(attributes: Any, key: str) -> Any:
    return attributes.add(key=key).value


def _plain(message: Any) -> dict[str, Any]:
    return {
        field.json_name: [_one(field, one) for one in value]
        if field.is_repeated
        else _one(field, value)
        for field, value in message.ListFields()
    }


def _one(field: Any, value: Any) -> Any:
    if field.message_type is not None:
        return _plain(value)
    if field.type == field.TYPE_BYTES:
        return base64.b64encode(value).decode() if field.name == "bytes_value" else value.hex()
    is_wide = field.cpp_type in (field.CPPTYPE_INT64, field.CPPTYPE_UINT64)
    return str(value) if is_wide else value
