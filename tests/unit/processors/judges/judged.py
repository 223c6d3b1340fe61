"""Calls for judges."""

from typing import Any

import msgspec
from msgspec import Raw

from schemas.llm.answers import TraceAnswer

BODIES = ("request_body", "response_body", "metadata", "error")


def answer_of(**changes: Any) -> TraceAnswer:
    """Returns a plain call with some fields changed; bodies are given as values."""
    fields: dict[str, Any] = dict.fromkeys(TraceAnswer.__struct_fields__)
    fields |= {
        "trace_id": "t1",
        "project_id": "p",
        "timestamp": "2026-11-30T12:00:00.000Z",
        "latency_ms": 100,
        "provider": "openai",
        "model_requested": "gpt-4o",
        "status": "success",
        "received_at": "2026-11-30T12:00:01.000Z",
        "source": "sdk",
        "services": [],
        "span_count": 1,
        "summary": "",
        "tool_call_count": 0,
        "files_edited": 0,
        "billing": "",
    }
    bodies = {name: changes.pop(name) for name in BODIES if name in changes}
    raws = {name: Raw(msgspec.json.encode(value)) for name, value in bodies.items()}
    return TraceAnswer(**(fields | changes | raws))
