"""Samples of what OpenTelemetry sends, so that every table of their kinds has rows.

A span is a run of an agent, with usage and words of its own. Of two log records one is a call of a
model and one is what an agent was asked.
"""

import uuid
from collections.abc import Mapping, Sequence

import msgspec

from schemas.otel.items import Packed, pack, unpack
from tests.promises.sample import Sample
from tests.promises.samples.llm import instructions

JUDGED: dict[str, dict[str, object]] = {
    "gen_ai.evaluation.name": {"stringValue": "Relevance"},
    "gen_ai.evaluation.score.value": {"doubleValue": 0.5},
}
START_NS = 1_795_226_990_809_000_000


def spans(count: int) -> list[bytes]:
    return _packed([_span(number) for number in range(count)])


def records(count: int) -> list[bytes]:
    return _packed([_record(number) for number in range(count)])


def metrics(count: int) -> list[bytes]:
    return _packed([_metric(number) for number in range(count)])


def of_spans(items: Sequence[bytes]) -> bytes:
    return b'{"resourceSpans":[{"scopeSpans":[{"spans":[%b]}]}]}' % _bodies(items)


def of_records(items: Sequence[bytes]) -> bytes:
    return b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[%b]}]}]}' % _bodies(items)


def of_metrics(items: Sequence[bytes]) -> bytes:
    return b'{"resourceMetrics":[{"scopeMetrics":[{"metrics":[%b]}]}]}' % _bodies(items)


def _bodies(items: Sequence[bytes]) -> bytes:
    return b",".join(unpack(item).body for item in items)


def _span(number: int) -> dict[str, object]:
    said = [{"role": "user", "parts": [{"type": "text", "content": uuid.uuid4().hex}]}]
    attributes = {
        "gen_ai.operation.name": {"stringValue": "invoke_agent"},
        "gen_ai.provider.name": {"stringValue": "openai"},
        "gen_ai.request.model": {"stringValue": "gpt-4o"},
        "gen_ai.usage.input_tokens": {"intValue": str(100 + number)},
        "gen_ai.usage.output_tokens": {"intValue": "20"},
        "gen_ai.input.messages": {"stringValue": msgspec.json.encode(said).decode()},
        "gen_ai.system_instructions": {"stringValue": _instructions()},
    }
    return {
        "traceId": uuid.uuid4().hex,
        "spanId": uuid.uuid4().hex[:16],
        "name": "invoke_agent helper",
        "startTimeUnixNano": str(START_NS + number),
        "endTimeUnixNano": str(START_NS + number + 5_000_000),
        "events": [_judged(number)],
        "attributes": _attributes(attributes),
    }


def _record(number: int) -> dict[str, object]:
    is_call = number % 2 == 0
    name = "api_request" if is_call else "user_prompt"
    attributes: dict[str, dict[str, object]] = {
        "event.name": {"stringValue": name},
        "session.id": {"stringValue": uuid.uuid4().hex},
        "prompt": {"stringValue": uuid.uuid4().hex},
    }
    if is_call:
        attributes |= {
            "model": {"stringValue": "claude-sonnet-4-5-20250929"},
            "input_tokens": {"stringValue": str(100 + number)},
            "output_tokens": {"stringValue": "20"},
            "gen_ai.system_instructions": {"stringValue": _instructions()},
        }
    else:
        # Two names, so that one record is a row of both tables.
        attributes |= {"event.name": {"stringValue": "gen_ai.evaluation.result"}, **JUDGED}
    return {
        "timeUnixNano": str(START_NS + number),
        "eventName": f"claude_code.{name}",
        "body": {"stringValue": f"claude_code.{name}"},
        "attributes": _attributes(attributes),
    }


def _instructions() -> str:
    return msgspec.json.encode([{"type": "text", "content": instructions()}]).decode()


def _judged(number: int) -> dict[str, object]:
    at_ns = str(START_NS + number + 1_000)
    event = {"name": "gen_ai.evaluation.result", "timeUnixNano": at_ns}
    return {**event, "attributes": _attributes(JUDGED)}


def _metric(number: int) -> dict[str, object]:
    point = {
        "startTimeUnixNano": str(START_NS),
        "timeUnixNano": str(START_NS + 60_000_000_000),
        "asInt": str(number),
        "attributes": _attributes({"host": {"stringValue": uuid.uuid4().hex}}),
    }
    points = {"dataPoints": [point, point], "aggregationTemporality": 2, "isMonotonic": True}
    return {"name": "orders", "unit": "1", "sum": points}


def _attributes(named: Mapping[str, object]) -> list[dict[str, object]]:
    return [{"key": key, "value": value} for key, value in named.items()]


def _packed(sent: Sequence[object]) -> list[bytes]:
    return [pack(Packed("json", b"", "", b"", "", msgspec.json.encode(one))) for one in sent]


SAMPLES = {
    "otel_span": Sample("/v1/traces", spans, of_spans, status=200),
    "otel_record": Sample("/v1/logs", records, of_records, status=200),
    "otel_metric": Sample("/v1/metrics", metrics, of_metrics, status=200),
}
