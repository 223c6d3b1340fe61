"""Lengths of time as parameters say them: a number and m, h or d."""

import re

from api.parameters import invalid
from schemas.uptime.measures import SECOND_US
from schemas.zones import DAY_US

LENGTH = re.compile(r"([1-9]\d{0,3})([mhd])")
UNITS_US = {"m": 60 * SECOND_US, "h": 3600 * SECOND_US, "d": DAY_US}
LONGEST_US = 90 * DAY_US


def read_length_us(name: str, text: str) -> int:
    """Returns microseconds, at most 90 days. Raises `InvalidParameters`, naming the parameter."""
    match = LENGTH.fullmatch(text)
    length_us = int(match[1]) * UNITS_US[match[2]] if match else 0
    if not 0 < length_us <= LONGEST_US:
        raise invalid(name, "Expected such as 30m, 24h or 7d, 90d at most")
    return length_us
