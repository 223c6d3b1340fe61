"""Items that the description of the API shows. They are taken as they are, and are found again."""

from typing import Any

from schemas.examples import SCORE_ID, SESSION_ID, SPAN_ID, TRACE_ID

TRACES: list[dict[str, Any]] = [
    {
        "trace_id": TRACE_ID,
        "timestamp": "2026-11-21T10:00:00Z",
        "provider": "openai",
        "model_requested": "gpt-4o",
        "model_used": "gpt-4o-2024-11-20",
        "request_body": {"messages": [{"role": "user", "content": "Hi"}]},
        "response_body": {"choices": [{"message": {"role": "assistant", "content": "Hello!"}}]},
        "output_text": "Hello!",
        "input_tokens": 50,
        "output_tokens": 100,
        "cache_read_tokens": 20,
        "latency_ms": 1200,
        "status": "success",
        "session_id": SESSION_ID,
        "metadata": {"userId": "ann", "environment": "production", "feature": "support-chat"},
    }
]
SPANS: list[dict[str, Any]] = [
    {
        "span_id": SPAN_ID,
        "session_id": SESSION_ID,
        "timestamp": "2026-11-21T10:00:01Z",
        "source": "claude_code",
        "kind": "tool_use",
        "event_type": "pre_tool_use",
        "status": "success",
        "tool_use_id": "toolu_1",
        "tool_name": "Bash",
        "tool_input": {"command": "ls"},
    },
    {
        "span_id": "5150a94d-0002-4000-8000-000000000002",
        "session_id": SESSION_ID,
        "timestamp": "2026-11-21T10:00:02.250Z",
        "source": "claude_code",
        "kind": "tool_use",
        "event_type": "post_tool_use",
        "status": "success",
        "tool_use_id": "toolu_1",
        "tool_name": "Bash",
        "tool_response": "README.md",
    },
]
SCORES: list[dict[str, Any]] = [
    {
        "id": SCORE_ID,
        "name": "helpfulness",
        "value": 0.9,
        "trace_id": TRACE_ID,
        "comment": "answers what was asked",
        "source": "eval",
        "author": "gpt-4o",
        "updated_at": "2026-11-21T10:05:00Z",
    },
    {"name": "tone", "value": "friendly", "session_id": SESSION_ID},
]
PUBLIC_SCORE: dict[str, Any] = {"name": "thumbs", "value": True, "trace_id": TRACE_ID}
LANGFUSE_SCORE: dict[str, Any] = {
    "traceId": TRACE_ID,
    "name": "correctness",
    "value": 1,
    "dataType": "BOOLEAN",
    "comment": "as in the manual",
}
LANGFUSE_BATCH: dict[str, Any] = {
    "batch": [
        {
            "id": "5150a94d-0004-4000-8000-000000000009",
            "type": "score-create",
            "timestamp": "2026-11-21T10:06:00Z",
            "body": LANGFUSE_SCORE,
        }
    ]
}
QUEUE: dict[str, Any] = {
    "name": "Answers of this week",
    "instructions": "Would you send this answer to a customer?",
    "reviewers": 2,
    "scores": [
        {"name": "helpfulness", "type": "numeric", "min": 1, "max": 5},
        {"name": "tone", "type": "categorical", "categories": ["kind", "neutral", "rude"]},
        {"name": "correct", "type": "boolean"},
    ],
}
QUEUE_CHANGE: dict[str, Any] = {"reviewers": 3}
QUEUE_ITEMS: dict[str, Any] = {"items": [{"trace_id": TRACE_ID}, {"session_id": SESSION_ID}]}
ANNOTATION: dict[str, Any] = {
    "values": {"helpfulness": 4, "tone": "kind", "correct": True},
    "comment": "as in the manual",
}
