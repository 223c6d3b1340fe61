"""What an answer must have, as people write it, a line each. Pure.

    [not] body COMPARISON VALUE
    [not] json PATH COMPARISON VALUE
    [not] header NAME COMPARISON VALUE

COMPARISON is one of those of `schemas.uptime.targets`; `exists` has no value. A value that is JSON
means that value, so 3 is a number and "3" a text; any other is the text as it stands. A path with
blanks in it stands in quotes.
"""

import re
from typing import Any

import msgspec

from controlplane.failures import BadRequest
from schemas.uptime.targets import COMPARISONS, Assertion

LINE = re.compile(
    r"(?P<negated>not\s+)?(?:(?P<body>body)|(?P<source>json|header)\s+"
    r'(?P<path>"(?:[^"\\]|\\.)*"|[^\s"]+))\s+(?P<comparison>\w+)(?:\s+(?P<value>.*))?',
    re.DOTALL,
)
EXAMPLE = "body contains OK, or json data.status equals up"


def read_assertion(line: str) -> dict[str, Any]:
    """Returns an assertion as a configuration has it. Raises `BadRequest`."""
    match = LINE.fullmatch(line.strip())
    if match is None or match["comparison"] not in COMPARISONS:
        raise BadRequest(f"assertions: expected such as {EXAMPLE}")
    path = match["path"] or ""
    return {
        "source": match["source"] or "body",
        "comparison": match["comparison"],
        "path": _meant(path) if path.startswith('"') else path,
        "value": None
        if match["comparison"] == "exists"
        else _meant((match["value"] or "").strip()),
        "negated": bool(match["negated"]),
    }


def write_assertion(one: Assertion) -> str:
    """Returns the line that reads as this."""
    words = ["not"] if one.negated else []
    words.append(one.source)
    if one.source != "body":
        words.append(one.path if re.fullmatch(r'[^\s"]+', one.path) else _quoted(one.path))
    words.append(one.comparison)
    if one.comparison != "exists":
        words.append(_value(one.value))
    return " ".join(words)


def _meant(text: str) -> Any:
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return text
    return text if isinstance(value, list | dict) else value


def _value(value: Any) -> str:
    if not isinstance(value, str):
        return msgspec.json.encode(value).decode()
    is_plain = value and value.strip() == value and value.isprintable() and _meant(value) == value
    return value if is_plain else _quoted(value)


def _quoted(text: str) -> str:
    return msgspec.json.encode(text).decode()
