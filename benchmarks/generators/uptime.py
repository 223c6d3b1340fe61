"""Checks of many monitors."""

import random
import time

import msgspec

from benchmarks.generate import Body, Generator, cut, mark
from schemas.kinds import CHECK


def checks(chance: random.Random, size: int) -> Body:
    """Makes checks that mostly pass, each of another slot."""
    now_us = time.time_ns() // 1000
    items = [
        {
            "monitor_id": f"mon_{chance.randrange(10**8):08d}",
            # Its own for each: what makes a check another one when the body is sent again.
            "region": mark(number),
            "slot_us": now_us - number * 1_000_000,
            "started_us": now_us,
            "outcome": "fail" if chance.random() < 0.01 else "ok",
            "phases": {"connect_ms": 3.5, "total_ms": round(chance.uniform(5, 300), 2)},
            "status_code": 200,
        }
        for number in range(size)
    ]
    return cut(msgspec.json.encode(items), size)


GENERATORS = {CHECK.name: Generator("/v1/checks", checks)}
