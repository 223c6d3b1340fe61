"""Samples of spans of OpenTelemetry: each is a run of an agent, with usage and words of its own.

So each has a row in every table of its kind.
"""

import uuid
from collections.abc import Sequence

import msgspec

from schemas.otel.items import Packed, pack, unpack
from tests.promises.sample import Sample

START_NS = 1_795_226_990_809_000_000


def spans(count: int) -> list[bytes]:
    sent = [msgspec.json.encode(_span(number)) for number in range(count)]
    return [pack(Packed("json", b"", "", b"", "", span)) for span in sent]


def body(items: Sequence[bytes]) -> bytes:
    return b'{"resourceSpans":[{"scopeSpans":[{"spans":[%b]}]}]}' % b",".join(
        unpack(item).body for item in items
    )


def _span(number: int) -> dict[str, object]:
    said = [{"role": "user", "parts": [{"type": "text", "content": uuid.uuid4().hex}]}]
    attributes = {
        "gen_ai.operation.name": {"stringValue": "invoke_agent"},
        "gen_ai.provider.name": {"stringValue": "openai"},
        "gen_ai.request.model": {"stringValue": "gpt-4o"},
        "gen_ai.usage.input_tokens": {"intValue": str(100 + number)},
        "gen_ai.usage.output_tokens": {"intValue": "20"},
        "gen_ai.input.messages": {"stringValue": msgspec.json.encode(said).decode()},
    }
    return {
        "traceId": uuid.uuid4().hex,
        "spanId": uuid.uuid4().hex[:16],
        "name": "invoke_agent helper",
        "startTimeUnixNano": str(START_NS + number),
        "endTimeUnixNano": str(START_NS + number + 5_000_000),
        "attributes": [{"key": key, "value": value} for key, value in attributes.items()],
    }


SAMPLES = {"otel_span": Sample("/v1/traces", spans, body, status=200)}
