"""Where a page of a list ends, as clients give it back."""

import re

from api.parameters import invalid

CURSOR = re.compile(r"(\d{1,18})_([\w.-]{1,100})", re.ASCII)


def written(at_us: int, name: str) -> str:
    """Writes where a page ends: a moment and an id."""
    return f"{at_us}_{name}"


def read_cursor(text: str) -> tuple[int, str]:
    """Reads what `written` gave. Raises `InvalidParameters`."""
    match = CURSOR.fullmatch(text)
    if match is None:
        raise invalid("cursor", "Expected what a page before has given")
    return int(match[1]), match[2]
