"""One request of each signal, in both encodings, with all that OTLP has."""

import base64
import json
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

TRACE_ID = "5b8efff798038103d269b633813fc60c"
SPAN_ID = "eee19b7ec3c1b174"
PARENT_ID = "eee19b7ec3c1b173"
START_NS, END_NS = 1_795_226_990_809_000_001, 1_795_226_990_811_000_000
VALUES: dict[str, tuple[dict[str, Any], Any]] = {
    "text": ({"stringValue": "prüfen"}, "prüfen"),
    "empty": ({"stringValue": ""}, ""),
    "yes": ({"boolValue": True}, True),
    "whole": ({"intValue": "-9223372036854775808"}, -(2**63)),
    "part": ({"doubleValue": 0.5}, 0.5),
    "bytes": ({"bytesValue": "AAEC/w=="}, b"\x00\x01\x02\xff"),
    "list": ({"arrayValue": {"values": [{"intValue": "1"}, {"stringValue": "b"}]}}, [1, "b"]),
    "object": (
        {"kvlistValue": {"values": [{"key": "k", "value": {"boolValue": False}}]}},
        {"k": False},
    ),
    "nothing": ({}, None),
}
ATTRIBUTES = [{"key": key, "value": sent} for key, (sent, _) in VALUES.items()]
PLAIN = {key: plain for key, (_, plain) in VALUES.items()}
RESOURCE = {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]}
SCOPE = {"name": "lib", "version": "1.2"}


def span(**changed: Any) -> dict[str, Any]:
    return {
        "traceId": TRACE_ID,
        "spanId": SPAN_ID,
        "parentSpanId": PARENT_ID,
        "name": "chat",
        "kind": 3,
        "startTimeUnixNano": str(START_NS),
        "endTimeUnixNano": str(END_NS),
        "attributes": ATTRIBUTES,
        "droppedAttributesCount": 2,
        "events": [{"timeUnixNano": str(START_NS), "name": "e", "attributes": ATTRIBUTES}],
        "links": [{"traceId": TRACE_ID, "spanId": PARENT_ID, "attributes": ATTRIBUTES}],
        "status": {"code": 2, "message": "no"},
        **changed,
    }


def traces(*spans: dict[str, Any]) -> dict[str, Any]:
    return {
        "resourceSpans": [
            {"resource": RESOURCE, "scopeSpans": [{"scope": SCOPE, "spans": list(spans)}]}
        ]
    }


def logs(*records: dict[str, Any]) -> dict[str, Any]:
    return {
        "resourceLogs": [
            {"resource": RESOURCE, "scopeLogs": [{"scope": SCOPE, "logRecords": list(records)}]}
        ]
    }


def metrics(*found: dict[str, Any]) -> dict[str, Any]:
    return {
        "resourceMetrics": [
            {"resource": RESOURCE, "scopeMetrics": [{"scope": SCOPE, "metrics": list(found)}]}
        ]
    }


def record(**changed: Any) -> dict[str, Any]:
    return {
        "timeUnixNano": str(START_NS),
        "severityNumber": 9,
        "severityText": "INFO",
        "body": {"stringValue": "claude_code.api_request"},
        "attributes": ATTRIBUTES,
        **changed,
    }


NUMBER = {"timeUnixNano": str(START_NS), "attributes": ATTRIBUTES, "asInt": "7"}
METRICS = (
    {
        "name": "g",
        "unit": "1",
        "gauge": {"dataPoints": [{**NUMBER, "asInt": None, "asDouble": 0.5}]},
    },
    {
        "name": "s",
        "sum": {"dataPoints": [NUMBER], "aggregationTemporality": 1, "isMonotonic": True},
    },
    {
        "name": "h",
        "histogram": {
            "aggregationTemporality": 2,
            "dataPoints": [
                {
                    "timeUnixNano": str(START_NS),
                    "count": "3",
                    "sum": 2.5,
                    "bucketCounts": ["1", "2"],
                    "explicitBounds": [1.0],
                    "exemplars": [
                        {
                            "timeUnixNano": str(START_NS),
                            "asDouble": 2.0,
                            "traceId": TRACE_ID,
                            "spanId": SPAN_ID,
                        }
                    ],
                }
            ],
        },
    },
    {
        "name": "e",
        "exponentialHistogram": {
            "aggregationTemporality": 1,
            "dataPoints": [
                {
                    "timeUnixNano": str(START_NS),
                    "count": "3",
                    "scale": -1,
                    "zeroCount": "1",
                    "positive": {"offset": -2, "bucketCounts": ["2"]},
                }
            ],
        },
    },
    {
        "name": "q",
        "summary": {
            "dataPoints": [
                {
                    "timeUnixNano": str(START_NS),
                    "count": "3",
                    "sum": 2.5,
                    "quantileValues": [{"quantile": 0.5, "value": 1.0}],
                }
            ]
        },
    },
)

REQUESTS = {
    "traces": (ExportTraceServiceRequest, traces(span(), span(spanId=PARENT_ID, kind=None))),
    "logs": (ExportLogsServiceRequest, logs(record(), record(traceId=TRACE_ID, spanId=SPAN_ID))),
    "metrics": (ExportMetricsServiceRequest, metrics(*METRICS)),
}


def as_json(request: dict[str, Any]) -> bytes:
    return json.dumps(request).encode()


def as_protobuf(kind: Any, request: dict[str, Any]) -> bytes:
    """Writes what JSON says as protobuf, by hand: protobuf's own JSON has ids in base64."""
    message = kind()
    _fill(message, request)
    sent: bytes = message.SerializeToString()
    return sent


def _fill(message: Any, sent: dict[str, Any]) -> None:
    fields = {field.json_name: field for field in message.DESCRIPTOR.fields}
    for key, value in sent.items():
        field = fields[key]
        if value is None:
            continue
        if field.message_type is None:
            _put(message, field, value)
        elif field.is_repeated:
            for one in value:
                _fill(getattr(message, field.name).add(), one)
        else:
            getattr(message, field.name).SetInParent()
            _fill(getattr(message, field.name), value)


def _put(message: Any, field: Any, value: Any) -> None:
    if field.is_repeated:
        getattr(message, field.name).extend(_plain(field, one) for one in value)
    else:
        setattr(message, field.name, _plain(field, value))


def _plain(field: Any, value: Any) -> Any:
    if field.type == field.TYPE_BYTES:
        return base64.b64decode(value) if field.name == "bytes_value" else bytes.fromhex(value)
    return value if field.cpp_type not in (1, 2, 3, 4) else int(value)
