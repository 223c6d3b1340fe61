"""How bad an event is, in any of the words that senders have for it."""

from collections.abc import Mapping

from processors.errors.parts import Problems, note
from schemas.errors.event import LEVELS, Level

WORDS: Mapping[str, Level] = {
    **{level: level for level in LEVELS},
    "warn": "warning",
    "log": "info",
    "critical": "fatal",
}
"""`log` and `critical` as Sentry Relay has them, `warn` as Open Sentry does."""
NUMBERS: tuple[tuple[int, Level], ...] = (
    (10, "debug"),
    (20, "info"),
    (30, "warning"),
    (40, "error"),
)
"""Up to which number of Python's logging a level goes; above is fatal."""


def level_word(text: str) -> Level | None:
    """Returns the level that a word names, in any case; `None` for another word."""
    return WORDS.get(text.strip().lower())


def level_of(value: object, problems: Problems) -> Level | None:
    """Returns a level given as a word or a number of Python's logging; `None` where none is."""
    if value is None or value == "":
        return None
    found: Level | None = None
    if isinstance(value, str):
        found = level_word(value) or (_by_number(float(value)) if value.isdecimal() else None)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        found = _by_number(value)
    if found is None:
        note(problems, "level: unknown")
    return found


def _by_number(value: float) -> Level | None:
    if value <= 0:
        return None
    return next((level for most, level in NUMBERS if value <= most), "fatal")
