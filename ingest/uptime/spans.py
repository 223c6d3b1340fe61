"""Lengths of time as Go writes them: `1h30m`, `500ms`. Pure."""

import re

UNITS_S = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
PART = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)")


def seconds_of(value: object, usual: float) -> float:
    """Returns a length in seconds; of nothing the usual one. Raises `ValueError`."""
    if value is None or value == "":
        return usual
    text = str(value).strip()
    parts = PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"{text[:40]!r} is no length of time, as 5m")
    return sum(float(number) * UNITS_S[unit] for number, unit in parts)
