"""Seeded, realistic traces: what every benchmark sends."""

import json
import random
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

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
TEXT = (
    "the model answered with a short summary of what changed between both versions and why it"
    " matters for people who read logs at night while looking for one slow request among many"
    " others that were fine so that nobody had to wake up again before the morning came around"
)
WORDS = TEXT.split()
TRACE_BYTES = 1_250


class Generator:
    """Makes traces; the same seed makes the same ones."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._weights = [weight for _, _, weight in MODELS]

    def traces(self, count: int) -> list[dict[str, Any]]:
        """Returns traces of about 1.25 KB each, of the last minute."""
        return [self._trace() for _ in range(count)]

    def bodies(self, batches: int, size: int) -> list[list[bytes]]:
        """Returns JSON arrays, each cut at its ids: join the pieces with fresh ones."""
        return [cut(self.traces(size)) for _ in range(batches)]

    def _trace(self) -> dict[str, Any]:
        rnd = self._random
        provider, model, _ = rnd.choices(MODELS, self._weights)[0]
        now = datetime.now(UTC) - timedelta(seconds=rnd.random() * 60)
        failed = rnd.random() < 0.04
        trace = {
            "trace_id": "\0",
            "timestamp": now.isoformat(timespec="microseconds"),
            "provider": provider,
            "model_requested": model,
            "model_used": model,
            "request_body": {
                "model": model,
                "messages": [{"role": "user", "content": " ".join(rnd.choices(WORDS, k=70))}],
            },
            "input_tokens": rnd.randint(20, 4_000),
            "output_tokens": 0 if failed else rnd.randint(5, 900),
            "latency_ms": round(rnd.lognormvariate(6.5, 0.8), 3),
            "status": "error" if failed else "success",
            "session_id": f"conversation-{rnd.randint(1, 20_000)}",
            "metadata": {
                "userId": f"user-{rnd.randint(1, 1_000)}",
                "environment": rnd.choice(("production", "production", "staging")),
                "feature": rnd.choice(("chat", "search", "digest")),
            },
        }
        room = TRACE_BYTES - len(json.dumps(trace)) - 120
        text = ""
        while len(text) < room:
            text += rnd.choice(WORDS) + " "
        trace["response_body"] = {"content": text, "finishReason": "stop"}
        return trace


def cut(traces: Sequence[dict[str, Any]]) -> list[bytes]:
    """Encodes traces as one array, cut where the ids belong."""
    return json.dumps(list(traces)).encode().split(b"\\u0000")


def fill(pieces: Sequence[bytes]) -> tuple[bytes, list[str]]:
    """Joins the pieces of `cut` with new ids; returns the body and the ids."""
    ids = [str(uuid.UUID(int=random.getrandbits(128), version=4)) for _ in pieces[1:]]
    parts = [pieces[0]]
    for event_id, piece in zip(ids, pieces[1:], strict=True):
        parts.append(event_id.encode())
        parts.append(piece)
    return b"".join(parts), ids
