"""Spans of OpenTelemetry of 1.6 KB, calls of models among them; log records; metrics. As JSON."""

import random
import time
from typing import Any

import msgspec

from benchmarks.generate import Body, Generator, cut, mark
from schemas.kinds import OTEL_METRIC, OTEL_RECORD, OTEL_SPAN

ROUTES = ("GET /orders", "POST /orders", "GET /orders/{id}", "SELECT orders", "chat gpt-4o")
WORDS = ("order", "late", "parcel", "refund", "address", "please", "tomorrow", "invoice")


RESOURCE = {"service.name": "shop", "service.version": "1.4.2"}


def spans(chance: random.Random, size: int) -> Body:
    """Makes traces of ten spans, one of which calls a model."""
    now_ns = time.time_ns()
    items = [_span(chance, number, now_ns) for number in range(size)]
    resource = {"attributes": _attributes(RESOURCE)}
    body = {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": items}]}]}
    return cut(msgspec.json.encode(body), size, is_hex=True)


def records(chance: random.Random, size: int) -> Body:
    """Makes log records of some 100 characters."""
    now_ns = time.time_ns()
    items = [
        {
            "timeUnixNano": str(now_ns - chance.randrange(10**9)),
            "severityNumber": chance.choice((9, 9, 9, 13, 17)),
            "body": {"stringValue": " ".join(chance.choices(WORDS, k=12))},
            "attributes": _attributes({"order": mark(number), "items": chance.randrange(9)}),
        }
        for number in range(size)
    ]
    resource = {"attributes": _attributes(RESOURCE)}
    body = {"resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": items}]}]}
    return cut(msgspec.json.encode(body), size, is_hex=True)


def metrics(chance: random.Random, size: int) -> Body:
    """Makes counters of five points each, as an application exports them once a minute."""
    now_ns = time.time_ns()
    items = [
        {
            "name": f"orders.{number}",
            "unit": "1",
            "sum": {
                "aggregationTemporality": 2,
                "isMonotonic": True,
                "dataPoints": [
                    {
                        "startTimeUnixNano": str(now_ns - 3_600 * 10**9),
                        "timeUnixNano": str(now_ns),
                        "asInt": str(chance.randrange(10**6)),
                        "attributes": _attributes({"route": route, "run": mark(number)}),
                    }
                    for route in ROUTES
                ],
            },
        }
        for number in range(size)
    ]
    resource = {"attributes": _attributes(RESOURCE)}
    body = {"resourceMetrics": [{"resource": resource, "scopeMetrics": [{"metrics": items}]}]}
    return cut(msgspec.json.encode(body), size, is_hex=True)


def _span(chance: random.Random, number: int, now_ns: int) -> dict[str, Any]:
    is_call = number % 10 == 0
    text = " ".join(chance.choices(WORDS, k=100))
    attributes: dict[str, Any] = {"http.request.method": "GET", "note": text}
    if is_call:
        message = [{"role": "user", "parts": [{"type": "text", "content": text}]}]
        attributes = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "gpt-4o",
            "gen_ai.usage.input_tokens": chance.randrange(50, 5_000),
            "gen_ai.usage.output_tokens": chance.randrange(10, 500),
            "gen_ai.input.messages": msgspec.json.encode(message).decode(),
        }
    started = now_ns - chance.randrange(10**9)
    return {
        "traceId": mark(number),
        "spanId": f"{chance.randrange(1, 1 << 64):016x}",
        "name": "chat gpt-4o" if is_call else chance.choice(ROUTES),
        "kind": 3 if is_call else 2,
        "startTimeUnixNano": str(started),
        "endTimeUnixNano": str(started + chance.randrange(10**6, 10**9)),
        "attributes": _attributes(attributes),
    }


def _attributes(named: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"key": key, "value": {"intValue": value} if type(value) is int else {"stringValue": value}}
        for key, value in named.items()
    ]


GENERATORS = {
    OTEL_SPAN.name: Generator("/v1/traces", spans, most=200),
    OTEL_RECORD.name: Generator("/v1/logs", records, most=200),
    OTEL_METRIC.name: Generator("/v1/metrics", metrics, most=200),
}
