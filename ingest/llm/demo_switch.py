"""LLM calls of the demo's shop in busy hours, some of which a bad deployment makes more costly."""

import random
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from ingest.llm.demo_bodies import Item

EVERY = timedelta(seconds=40)
CONTEXT, GROWS = 900, 2
"""Tokens of a question, and how many times as many while the deployment is bad."""


def busy_calls(
    seed: int, began: datetime, ended: datetime, is_bad: Callable[[datetime], bool]
) -> Iterator[Item]:
    """Yields the calls of that time in order."""
    for number in range((ended - began) // EVERY):
        at = began + number * EVERY
        rnd = random.Random(f"busy calls {seed} {number}")
        tokens = int(CONTEXT * rnd.uniform(0.8, 1.2)) * (GROWS if is_bad(at) else 1)
        yield {
            "trace_id": str(uuid.UUID(int=rnd.getrandbits(128), version=4)),
            "session_id": str(uuid.UUID(int=rnd.getrandbits(128), version=4)),
            "timestamp": at.isoformat(timespec="milliseconds"),
            "provider": "openai",
            "model_requested": "gpt-4o-mini",
            "model_used": "gpt-4o-mini",
            "status": "success",
            "latency_ms": round(rnd.lognormvariate(6.5, 0.3), 1),
            "input_tokens": tokens,
            "output_tokens": rnd.randint(20, 40),
            "output_text": "A blue kettle, 1.5 litres.",
            "request_body": {
                "model": "gpt-4o-mini",
                "messages": [{"role": "user", "content": "Which kettle holds most?"}],
            },
            "response_body": {"id": "busy", "model": "gpt-4o-mini", "choices": []},
            "metadata": {"environment": "production", "feature": "search", "release": "4.2.0"},
        }
