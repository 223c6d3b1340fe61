"""What the newest SDKs of Pulse send to `/v1/traces`, from the bytes to the meaning."""

import json
from decimal import Decimal
from typing import Any

from processors.otel.meaning import read_span
from schemas.otel.meanings import Message, Part, Usage
from schemas.otel.traces import decode_traces


def attribute(key: str, **value: Any) -> dict[str, Any]:
    return {"key": key, "value": value}


CAPTURED = {
    "resourceSpans": [
        {
            "resource": {"attributes": [attribute("service.name", stringValue="pulse-sdk")]},
            "scopeSpans": [
                {
                    "scope": {"name": "@eklabs/pulse-sdk"},
                    "spans": [
                        {
                            "traceId": "cc5ab706a7e042aca5f24977af99fadb",
                            "spanId": "b82477e1ea70a68c",
                            "name": "provider_call",
                            "startTimeUnixNano": "1795226990809000000",
                            "endTimeUnixNano": "1795226990811000000",
                            "attributes": [
                                attribute("pulse.source", stringValue="sdk"),
                                attribute("pulse.kind", stringValue="llm_call"),
                                attribute("pulse.event_type", stringValue="provider_call"),
                                attribute("pulse.session_id", stringValue="550e8400"),
                                attribute("gen_ai.request.model", stringValue="gpt-4o"),
                                attribute("gen_ai.provider.name", stringValue="openai"),
                                attribute("gen_ai.response.model", stringValue="gpt-4o-2024-11-20"),
                                attribute("gen_ai.response.id", stringValue="chatcmpl-1"),
                                attribute("gen_ai.response.finish_reasons", stringValue='["stop"]'),
                                attribute("gen_ai.usage.input_tokens", intValue="50"),
                                attribute("gen_ai.usage.output_tokens", intValue="100"),
                                attribute("pulse.cost_cents", doubleValue=0.1125),
                                attribute("pulse.output_text", stringValue="hi"),
                                attribute("pulse.metadata.userId", stringValue="u"),
                                attribute("pulse.metadata.turn", stringValue="1"),
                                attribute(
                                    "pulse.metadata.pulse.request",
                                    stringValue='{"messages":[{"role":"user","content":"Hey"}]}',
                                ),
                            ],
                            "status": {"code": 1},
                        }
                    ],
                }
            ],
        }
    ]
}


def test_a_call_of_the_sdk_is_understood_whole() -> None:
    [sent] = decode_traces(json.dumps(CAPTURED).encode(), "json").items
    found = read_span(sent)

    assert (found.flavour, found.kind, found.role) == ("pulse", "llm", "inference")
    assert found.call is not None
    assert found.call.usage == Usage(50, 100)
    assert found.call.reported_usd == Decimal("0.001125")
    assert (found.call.provider, found.call.model_used) == ("openai", "gpt-4o-2024-11-20")
    assert (found.call.response_id, found.call.finish_reason) == ("chatcmpl-1", "stop")
    assert found.call.input == [Message("user", [Part("text", text="Hey")])]
    assert found.call.output == [Message("assistant", [Part("text", text="hi")])]
    assert (found.session_id, found.user_id, found.service) == ("550e8400", "u", "pulse-sdk")
    assert (found.event, found.metadata) == ("provider_call", {"turn": "1"})
    assert found.rest == {"pulse.source": "sdk"}
