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
SPREAD_DAYS = 14


class Generator:
    """Makes traces; the same seed makes the same ones."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._weights = [weight for _, _, weight in MODELS]

    def traces(self, count: int) -> list[dict[str, Any]]:
        """Returns traces of about 1.25 KB each, of the last two weeks."""
        return [self._trace() for _ in range(count)]

    def bodies(self, batches: int, size: int) -> list[list[bytes]]:
        """Returns JSON arrays, each cut at its ids: `fill` joins the pieces with fresh ones."""
        return [cut(self.traces(size)) for _ in range(batches)]

    def _trace(self) -> dict[str, Any]:
        rnd = self._random
        provider, model, _ = rnd.choices(MODELS, self._weights)[0]
        now = datetime.now(UTC) - timedelta(days=rnd.random() * SPREAD_DAYS)
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
            "session_id": "\0",
            "metadata": {
                "userId": f"user-{rnd.randint(1, 1_000)}",
                "environment": rnd.choice(("production", "production", "staging")),
                "feature": rnd.choice(("chat", "search", "digest")),
            },
        }
        room = TRACE_BYTES - len(json.dumps(trace)) - 180
        text = ""
        while len(text) < room:
            text += rnd.choice(WORDS) + " "
        trace["response_body"] = {"content": text, "finishReason": "stop"}
        return trace


def cut(traces: Sequence[dict[str, Any]]) -> list[bytes]:
    """Encodes traces as one array, cut where the ids of trace and session belong."""
    return json.dumps(list(traces)).encode().split(b"\\u0000")


def fill(pieces: Sequence[bytes]) -> tuple[bytes, list[str]]:
    """Joins the pieces of `cut` with new ids, each also its session's; returns body and ids."""
    ids = [str(uuid.UUID(int=random.getrandbits(128), version=4)) for _ in pieces[1::2]]
    parts = [pieces[0]]
    for number, piece in enumerate(pieces[1:]):
        parts.append(ids[number // 2].encode())
        parts.append(piece)
    return b"".join(parts), ids
