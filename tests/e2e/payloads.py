"""Traces and spans as a sender writes them: whole and valid, with any field replaced."""

import uuid
from typing import Any

NOW = "2026-11-01T12:00:00.123456Z"


UNKNOWN_ID = "0e5c1a4e-1b7a-4c55-9d0c-7f3f2a8e6b11"
"""The id of nothing. Fixed, for it stands in names of tests, which each process must give alike."""


def new_id() -> str:
    """Returns a fresh UUID."""
    return str(uuid.uuid4())


def trace(**fields: Any) -> dict[str, Any]:
    """Returns a trace with only what is required; `...` as a value leaves a field out."""
    item: dict[str, Any] = {
        "trace_id": new_id(),
        "timestamp": NOW,
        "provider": "openai",
        "model_requested": "gpt-4o",
        "request_body": {"model": "gpt-4o", "messages": []},
        "status": "success",
        "latency_ms": 1200,
    }
    return _replaced(item, fields)


def full_trace(**fields: Any) -> dict[str, Any]:
    """Returns a trace with every field of the contract."""
    item = trace(
        model_used="gpt-4o-2024-11-20",
        provider_request_id="chatcmpl-1",
        response_body={"content": "hi", "a": 1},
        input_tokens=50,
        output_tokens=100,
        output_text="hi",
        finish_reason="stop",
        error={"name": "None"},
        cost_cents=0.18,
        session_id="304b96da-3805-4420-89d7-5c3b81221f36",
        metadata={"userId": "user-123", "turn": 1},
    )
    return _replaced(item, fields)


def span(**fields: Any) -> dict[str, Any]:
    """Returns a span with only what is required."""
    item: dict[str, Any] = {
        "span_id": new_id(),
        "session_id": "sess_1",
        "timestamp": NOW,
        "source": "claude_code",
        "kind": "tool_use",
        "event_type": "post_tool_use",
        "status": "success",
    }
    return _replaced(item, fields)


def full_span(**fields: Any) -> dict[str, Any]:
    """Returns a span with every field of the contract."""
    item = span(
        parent_span_id=new_id(),
        duration_ms=12.5,
        tool_use_id="tu_1",
        tool_name="Bash",
        tool_input={"command": "ls"},
        tool_response="ok",
        error=["any", "JSON"],
        is_interrupt=False,
        cwd="/tmp",
        model="claude-sonnet-4-5",
        agent_name="explorer",
        metadata={"a": 1},
    )
    return _replaced(item, fields)


def _replaced(item: dict[str, Any], fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**item, **fields}.items() if value is not ...}
