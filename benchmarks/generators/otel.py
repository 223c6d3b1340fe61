"""Spans of OpenTelemetry of 1.6 KB, as JSON: calls of models among others."""

import random
import time
from typing import Any

import msgspec

from benchmarks.generate import Body, Generator, cut, mark
from schemas.kinds import OTEL_SPAN

ROUTES = ("GET /orders", "POST /orders", "GET /orders/{id}", "SELECT orders", "chat gpt-4o")
WORDS = ("order", "late", "parcel", "refund", "address", "please", "tomorrow", "invoice")


def spans(chance: random.Random, size: int) -> Body:
    """Makes traces of ten spans, one of which calls a model."""
    now_ns = time.time_ns()
    items = [_span(chance, number, now_ns) for number in range(size)]
    resource = {"attributes": _attributes({"service.name": "shop", "service.version": "1.4.2"})}
    body = {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": items}]}]}
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


GENERATORS = {OTEL_SPAN.name: Generator("/v1/traces", spans, most=200)}
