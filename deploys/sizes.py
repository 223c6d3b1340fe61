"""Limits as people write them: `0.5` cores, `512m` of memory."""

import re

MEMORY = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>[kmgt]?)(?:i?b)?", re.IGNORECASE)
UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
LEAST_BYTES = 6 << 20


def cores(text: str) -> float | None:
    """Reads a number of cores; `None` for no limit. Raises `ValueError`."""
    if not text.strip():
        return None
    number = float(text)
    if not 0.01 <= number <= 1024:
        raise ValueError("expected cores between 0.01 and 1024, such as 0.5")
    return number


def memory_bytes(text: str) -> int | None:
    """Reads an amount of memory; `None` for no limit. Raises `ValueError`."""
    if not text.strip():
        return None
    found = MEMORY.fullmatch(text.strip())
    size = int(float(found["number"]) * UNITS[found["unit"].lower()]) if found else 0
    if size < LEAST_BYTES:
        raise ValueError("expected at least 6m of memory, such as 512m or 1g")
    return size
