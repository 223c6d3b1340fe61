"""Cursors of lists of traces: where a page ended, as text."""

import re
from typing import Annotated
from urllib.parse import quote, unquote

from msgspec import Meta

from api.parameters import invalid
from clickhouse.llm.trace_lines import Place

CURSOR = re.compile(r"(-?\d{1,17})_([\w.~%-]*)", re.ASCII)
CursorText = Annotated[str, Meta(max_length=2_000)]


def written(place: Place) -> str:
    """Writes a place. Ids are a sender's: nothing of them is JSON's or an address's."""
    return f"{place.us}_{quote(place.trace_id, safe='')}"


def read_place(text: str) -> Place:
    """Reads what `written` gave. Raises `InvalidParameters`."""
    match = CURSOR.fullmatch(text)
    if match is None:
        raise invalid("cursor", "Expected what a page before has given")
    return Place(int(match[1]), unquote(match[2]))
