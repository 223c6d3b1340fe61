"""Realistic traces and spans of the last two weeks."""

import json
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks.generate import Body, Generator, cut, mark
from schemas.kinds import SCORE, SPAN, TRACE

MODELS = (
    ("openai", "gpt-4o", 30),
    ("openai", "gpt-4o-mini", 25),
    ("openai", "gpt-4.1", 10),
    ("anthropic", "claude-sonnet-4-20250514", 15),
    ("anthropic", "claude-3-5-haiku-20241022", 8),
    ("openrouter", "openai/gpt-4o", 5),
    ("openrouter", "some-lab/unknown-model", 2),
    ("google", "gemini-2.5-flash", 5),
)
WEIGHTS = [weight for _, _, weight in MODELS]
TEXT = (
    "the model answered with a short summary of what changed between both versions and why it"
    " matters for people who read logs at night while looking for one slow request among many"
    " others that were fine so that nobody had to wake up again before the morning came around"
)
WORDS = TEXT.split()
TRACE_BYTES, SPAN_BYTES = 1_250, 600
SPREAD_DAYS = 14
AGENT_MODEL = "claude-sonnet-4-20250514"
TOOLS = ("Bash", "Read", "Edit", "Grep", "Write", "Task")
SCORED: tuple[Callable[[random.Random], tuple[str, Any]], ...] = (
    lambda chance: ("helpfulness", round(chance.random(), 3)),
    lambda chance: ("thumbs", chance.random() < 0.8),
    lambda chance: ("tone", chance.choice(("friendly", "neutral", "rude"))),
)
START = {"kind": "session", "event_type": "session_start"}


def traces(chance: random.Random, size: int) -> Body:
    """Makes an array of traces of about 1.25 KB, each of a session of its own."""
    made = [_trace(chance) for _ in range(size)]
    for number, trace in enumerate(made):
        trace["trace_id"] = trace["session_id"] = mark(number)
    return cut(json.dumps(made).encode(), size)


def spans(chance: random.Random, size: int) -> Body:
    """Makes an array of spans of about 600 bytes: events of one session that follow each other."""
    turns = [_turn(chance, mark(size + 1 + number)) for number in range(size // 3 + 2)]
    events = [START, *(event for turn in turns for event in turn)][chance.randrange(4) :]
    began, made = _past(chance), []
    session = {
        "session_id": mark(size),
        "source": chance.choice(("claude_code", "claude_code", "codex", "opencode")),
        "status": "success",
        "cwd": f"/home/dev/project-{chance.randint(1, 200)}",
    }
    for number, event in enumerate(events[:size]):
        at = began + timedelta(seconds=3 * number + chance.random())
        span: dict[str, Any] = {"span_id": mark(number), **session, **event}
        span["timestamp"] = at.isoformat(timespec="microseconds")
        text = _text(chance, SPAN_BYTES - len(json.dumps(span)) - 95)
        span["metadata"] = {**span.get("metadata", {}), "raw": {"text": text}}
        made.append(span)
    return cut(json.dumps(made).encode(), size)


def scores(chance: random.Random, size: int) -> Body:
    """Makes an array of scores of about 300 bytes, each of a call of its own."""
    made = []
    for number in range(size):
        name, value = chance.choice(SCORED)(chance)
        score: dict[str, Any] = {"id": mark(number), "name": name, "value": value}
        score["trace_id"] = mark(size + number)
        score["timestamp"] = _past(chance).isoformat(timespec="microseconds")
        score["comment"] = " ".join(chance.choices(WORDS, k=12))
        made.append(score)
    return cut(json.dumps(made).encode(), size)


GENERATORS = {
    TRACE.name: Generator("/v1/traces/async", traces),
    SPAN.name: Generator("/v1/spans/async", spans),
    SCORE.name: Generator("/v1/scores", scores, most=1_000),
}


def _past(chance: random.Random) -> datetime:
    return datetime.now(UTC) - timedelta(days=chance.random() * SPREAD_DAYS)


def _trace(chance: random.Random) -> dict[str, Any]:
    provider, model, _ = chance.choices(MODELS, WEIGHTS)[0]
    now = _past(chance)
    failed = chance.random() < 0.04
    trace = {
        "trace_id": "\0",
        "timestamp": now.isoformat(timespec="microseconds"),
        "provider": provider,
        "model_requested": model,
        "model_used": model,
        "request_body": {
            "model": model,
            "messages": [{"role": "user", "content": " ".join(chance.choices(WORDS, k=70))}],
        },
        "input_tokens": chance.randint(20, 4_000),
        "output_tokens": 0 if failed else chance.randint(5, 900),
        "latency_ms": round(chance.lognormvariate(6.5, 0.8), 3),
        "status": "error" if failed else "success",
        "session_id": "\0",
        "metadata": {
            "userId": f"user-{chance.randint(1, 1_000)}",
            "environment": chance.choice(("production", "production", "staging")),
            "feature": chance.choice(("chat", "search", "digest")),
        },
    }
    text = _text(chance, TRACE_BYTES - len(json.dumps(trace)) - 180)
    trace["response_body"] = {"content": text, "finishReason": "stop"}
    return trace


def _turn(chance: random.Random, tool_use_id: str) -> list[dict[str, Any]]:
    """Makes a model's answer, and the start and the end of the tool call that it asks for."""
    usage = {"input_tokens": chance.randint(20, 4_000), "output_tokens": chance.randint(5, 900)}
    answer = {"kind": "llm_response", "event_type": "assistant_message", "model": AGENT_MODEL}
    call = {
        "kind": "tool_use",
        "event_type": "pre_tool_use",
        "tool_use_id": tool_use_id,
        "tool_name": chance.choice(TOOLS),
        "tool_input": {"command": " ".join(chance.choices(WORDS, k=6))},
    }
    if chance.random() < 0.05:
        end = {"event_type": "post_tool_use_failure", "status": "error", "error": "exit code 1"}
    else:
        output = " ".join(chance.choices(WORDS, k=12))
        end = {"event_type": "post_tool_use", "tool_response": output}
    return [{**answer, "metadata": {"usage": usage}}, call, {**call, **end}]


def _text(chance: random.Random, length: int) -> str:
    text = ""
    while len(text) < length:
        text += chance.choice(WORDS) + " "
    return text
