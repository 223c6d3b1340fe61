"""Cuts what is nested deeper than anybody reads: it becomes masked as a whole."""

import re
from collections.abc import Iterator

import msgspec

from schemas.errors.masking import FILTERED

MAX_DEPTH = 64
"""Of objects and arrays within each other, and of JSON within texts."""
FILTERED_JSON = msgspec.json.encode(FILTERED)
TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[\[{]|[\]}]', re.DOTALL)


def without_depths(item: bytes) -> bytes:
    """Returns valid JSON with everything beyond `MAX_DEPTH` masked. Takes no stack."""
    return b"".join(_pieces(item))


def _pieces(item: bytes) -> Iterator[bytes]:
    depth = done = 0
    for token in TOKEN.finditer(item):
        char = token[0][:1]
        if char in b"[{":
            depth += 1
            if depth == MAX_DEPTH + 1:
                yield item[done : token.start()]
                yield FILTERED_JSON
        elif char in b"]}":
            depth -= 1
            if depth == MAX_DEPTH:
                done = token.end()
    if depth <= MAX_DEPTH:
        yield item[done:]
