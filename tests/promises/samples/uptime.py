"""Samples of checks."""

import time
import uuid

import msgspec

from tests.promises.sample import Sample


def checks(count: int) -> list[bytes]:
    # Of as many monitors that nobody has made: their rows are kept like any others.
    # Of long ago: a slot is never after the arrival, whenever a test says that was.
    now_us = time.time_ns() // 1000 - 4_000 * 86_400 * 1_000_000
    return [
        msgspec.json.encode(
            {
                "monitor_id": f"mon_{uuid.uuid4().hex[:8]}",
                "region": "eu",
                "slot_us": now_us - number * 1_000_000,
                "started_us": now_us,
                "outcome": "ok",
                "phases": {"total_ms": 12.5},
            }
        )
        for number in range(count)
    ]


SAMPLES = {"check": Sample("/v1/checks", checks, lambda items: b"[%b]" % b",".join(items))}
