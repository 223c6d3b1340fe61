"""Spans as requests of OTLP, in both encodings."""

import base64
import json
from collections.abc import Sequence
from typing import Any

from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from schemas.otel.signals import Span

_IDS = ("traceId", "spanId", "parentSpanId")


def as_json(spans: Sequence[Span]) -> bytes:
    """A request as OTLP/JSON: ids are hex, integers are text."""
    return json.dumps(_request(spans)).encode()


def as_protobuf(spans: Sequence[Span]) -> bytes:
    """A request as protobuf."""
    request = _request(spans)
    for sender in request["resourceSpans"]:
        for library in sender["scopeSpans"]:
            for one in library["spans"]:
                for name in _IDS:
                    if name in one:
                        one[name] = base64.b64encode(bytes.fromhex(one[name])).decode()
    return ParseDict(request, ExportTraceServiceRequest()).SerializeToString()


def _request(spans: Sequence[Span]) -> dict[str, Any]:
    return {
        "resourceSpans": [
            {
                "resource": {"attributes": _attributes(one.resource.attributes)},
                "scopeSpans": [{"scope": {"name": one.scope.name}, "spans": [_span(one)]}],
            }
            for one in spans
        ]
    }


def _span(one: Span) -> dict[str, Any]:
    told = {
        "traceId": one.trace_id,
        "spanId": one.span_id,
        "name": one.name,
        "startTimeUnixNano": str(one.start_ns),
        "endTimeUnixNano": str(one.end_ns),
        "attributes": _attributes(one.attributes),
        "events": [
            {
                "name": event.name,
                "timeUnixNano": str(event.time_ns),
                "attributes": _attributes(event.attributes),
            }
            for event in one.events
        ],
    }
    return told | ({"parentSpanId": one.parent_span_id} if one.parent_span_id else {})


def _attributes(held: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": any_value(value)} for key, value in held.items()]


def any_value(value: Any) -> dict[str, Any]:
    """A value as OTLP/JSON has it."""
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, list):
        return {"arrayValue": {"values": [any_value(one) for one in value]}}
    if isinstance(value, dict):
        return {"kvlistValue": {"values": _attributes(value)}}
    return {"stringValue": value}
