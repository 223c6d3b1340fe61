"""Where a page of a list of transactions goes on, as addresses and cursors say it."""

import re

from api.parameters import invalid
from clickhouse.errors.transaction_lines import Place as LinePlace
from clickhouse.errors.transactions import Place

RULE = "Expected what a page before has given"
GROUP = re.compile(r"(-?\d{1,40}(?:\.\d{1,40})?(?:e[+-]?\d{1,3})?)_(\d{1,20})", re.ASCII)
LINE = re.compile(r"(\d{1,20})_(-?\d{1,17})_(.{1,200})", re.ASCII)
HASHES = 1 << 64


def written(place: Place) -> str:
    """Writes the place of a group."""
    return f"{place.figure!r}_{place.hash}"


def read_place(text: str, name: str) -> Place:
    """Reads the place of a group. Raises `InvalidParameters`."""
    match = GROUP.fullmatch(text)
    if match is None or int(match[2]) >= HASHES:
        raise invalid(name, RULE)
    return Place(float(match[1]), int(match[2]))


def written_line(place: LinePlace) -> str:
    """Writes the place of a transaction."""
    return f"{place.duration_ns}_{place.us}_{place.event_id}"


def read_line(text: str, name: str) -> LinePlace:
    """Reads the place of a transaction. Raises `InvalidParameters`."""
    match = LINE.fullmatch(text)
    if match is None or int(match[1]) >= HASHES:
        raise invalid(name, RULE)
    return LinePlace(int(match[1]), int(match[2]), match[3])
