"""Items that are nearly JSON, made JSON: what SDKs send beside what the standard allows.

`legible` is for every item and looks at bytes alone. `repaired` is for the few that a decoder does
not take; it costs a hundred times more.
"""

import json
import math
import re
from typing import Any

import msgspec

from processors.columns import Unfit

MAX_DEPTH = 100
"""Levels of arrays and objects; what is deeper becomes `null`."""
LONGEST_INTEGER = 18
"""Digits that fit 64 bits; of more, the text is kept."""

# A pair of surrogates, a lone one, NUL, or any other escape, so that `\\ud800` stays a text.
ESCAPES = re.compile(
    rb"\\(?:"
    rb"(?P<pair>u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    rb"|(?P<bad>u0000|u[dD][89a-fA-F][0-9a-fA-F]{2})"
    rb"|.)",
    re.DOTALL,
)
SUSPECT = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
UNKNOWN = rb"\ufffd"
TOKENS = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[\]{}]', re.DOTALL)


def legible(item: bytes) -> bytes:
    """Replaces NUL and lone surrogates in texts by U+FFFD: no store and no decoder takes them all.

    An item without them comes back as it is.
    """
    # Most items have no backslash, and a look for one takes a tenth of the search.
    if b"\\" not in item or SUSPECT.search(item) is None:
        return item
    return ESCAPES.sub(_escape, item)


def repaired(item: bytes) -> bytes:
    """Turns into JSON what a tolerant reader takes for it. Raises `Unfit` where there is none.

    Bytes that are no UTF-8 become U+FFFD, `NaN` and `Infinity` become `null`, and so does what is
    deeper than `MAX_DEPTH`.
    """
    text = legible(item).decode(errors="replace")
    try:
        value = _decode(_cut_deep(text))
        return msgspec.json.encode(value)
    except (ValueError, TypeError, RecursionError) as error:
        raise Unfit(f"not JSON: {error}") from error


def _escape(found: re.Match[bytes]) -> bytes:
    return UNKNOWN if found["bad"] else found[0]


def _decode(text: str) -> Any:
    return json.loads(
        text, strict=False, parse_constant=_nothing, parse_int=_integer, parse_float=_float
    )


def _nothing(_: str) -> None:
    return None


def _integer(text: str) -> int | str:
    return int(text) if len(text) <= LONGEST_INTEGER else text


def _float(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None


def _cut_deep(text: str) -> str:
    """Puts `null` where arrays and objects are too deep, so that no decoder has to give up."""
    kept: list[str] = []
    depth = done = 0
    for token in TOKENS.finditer(text):
        if token[0] in "[{":
            depth += 1
            if depth == MAX_DEPTH + 1:
                kept += text[done : token.start()], "null"
        elif token[0] in "]}":
            depth -= 1
            if depth == MAX_DEPTH:
                done = token.end()
    if depth > MAX_DEPTH:
        raise ValueError("arrays or objects have no end")
    return "".join([*kept, text[done:]])
