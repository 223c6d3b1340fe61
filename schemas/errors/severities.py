"""How bad a log record is: the numbers of OpenTelemetry, and the words for them.

Source: https://opentelemetry.io/docs/specs/otel/logs/data-model/, "Severity fields".
"""

from collections.abc import Mapping
from typing import Literal, get_args

LogLevel = Literal["trace", "debug", "info", "warn", "error", "fatal"]
LOG_LEVELS: tuple[LogLevel, ...] = get_args(LogLevel)
"""The least first; each has four numbers, from 1 on."""
UNKNOWN = "unknown"
"""Shown for a record whose severity nobody says."""
WORDS: Mapping[str, int] = {
    **{level: 4 * number + 1 for number, level in enumerate(LOG_LEVELS)},
    "verbose": 1,
    "log": 9,
    "information": 9,
    "notice": 10,
    "warning": 13,
    "err": 17,
    "critical": 21,
    "emergency": 21,
    "alert": 21,
}
MOST = 24


def least_of(level: str) -> int:
    """Returns the first number of a level."""
    return WORDS[level]


def level_of(severity: int) -> LogLevel | None:
    """Returns the level that a number belongs to; `None` for 0, and for what is none."""
    return LOG_LEVELS[(severity - 1) // 4] if 0 < severity <= MOST else None
