"""Query parameters: what every endpoint that reads has in common, and how a rejection is worded.

InvalidParameters   the query string breaks a rule (400)
NothingFound        the project has no such thing (404)
"""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeVar
from urllib.parse import parse_qsl

import msgspec
from litestar import Request
from litestar.di import NamedDependency
from msgspec import Meta, Struct

from schemas.issues import Issue, issue_of
from schemas.numbers import SAFE_INTEGER
from schemas.projects import ProjectContext

# What authentication hands to every handler.
Project = NamedDependency[ProjectContext]
INVALID = "Invalid query parameters"
MOST_PARAMETERS = 100
"""Repeated ones are counted too."""
MOST_CHARS = 4096
"""Of a value."""
MOST_PREFIXED = 10
"""Filters by metadata: each is one more column to read and one more condition."""
MOST_KEY_CHARS = 200
REPEATED = ("attr.", "resource.")
"""Names that begin so may come with several values: each is one more that will do."""
WHOLE = re.compile(
    r"\s*[+-]?(?:\d{1,20}(?:\.\d{0,20})?|\.\d{1,20})(?:e[+-]?\d{1,3})?\s*", re.ASCII | re.I
)
"""As JavaScript's `Number`, and so Pulse, reads a number."""
WHOLES = ("limit", "offset", "days", "months", "hours", "periods", "after_seq", "version", "page")

Values = Mapping[str, str]
Query = TypeVar("Query", bound=Struct)
Offset = Annotated[int, Meta(ge=0, le=SAFE_INTEGER)]


class Page(Struct, frozen=True, kw_only=True):
    """Which part of a list."""

    limit: Annotated[int, Meta(ge=1, le=1000)] = 100
    offset: Offset = 0
    date_from: str | None = None
    date_to: str | None = None


class InvalidParameters(Exception):
    """Raised for a query string that breaks a rule; `details` say which, if any."""

    def __init__(self, message: str, details: list[Issue] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.details = details


class NothingFound(Exception):
    """Raised when the project has nothing of that name."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def invalid(name: str, rule: str) -> InvalidParameters:
    """Returns the rejection of one parameter."""
    return InvalidParameters(INVALID, [Issue([_shown(name)], rule)])


def values_of(request: Request[Any, Any, Any]) -> Values:
    """Returns the values of the request's query string by name; of `REPEATED` the first.

    Not by Litestar's `query_params`: that splits a text before it can be rejected, and keeps the
    last 1,024 answers of the process, which may be some megabytes each.

    Raises `InvalidParameters` for too many of them, for one that is too long, and for one that
    comes again with another value.
    """
    values: dict[str, str] = {}
    for name, value in given_of(request):
        if values.setdefault(name, value) != value and not name.startswith(REPEATED):
            raise invalid(name, "Expected once, came again with another value")
    return values


def given_of(request: Request[Any, Any, Any]) -> list[tuple[str, str]]:
    """Returns names and values as they came. Raises as `values_of`, but for repeated names."""
    pieces = request.scope["query_string"].split(b"&", MOST_PARAMETERS)
    if len(pieces) > MOST_PARAMETERS:
        following = pieces[MOST_PARAMETERS].partition(b"&")[0].partition(b"=")[0]
        raise invalid(_text(following), f"Expected at most {MOST_PARAMETERS} parameters")
    given = parse_qsl(_text(b"&".join(pieces)), keep_blank_values=True)
    for name, value in given:
        if len(value) > MOST_CHARS:
            raise invalid(name, f"Expected at most {MOST_CHARS} characters")
    return given


def read(values: Values, shape: type[Query]) -> Query:
    """Returns the parameters that a shape names; others are another shape's.

    Raises `InvalidParameters` with the first rule that is broken.
    """
    whole = {name: _whole(values[name]) for name in WHOLES if name in values}
    try:
        return msgspec.convert({**values, **whole}, shape)
    except msgspec.ValidationError as error:
        raise InvalidParameters(INVALID, [issue_of(error, shape)]) from error


def prefixed(values: Values, prefix: str) -> tuple[tuple[str, str], ...]:
    """Returns what follows `prefix` in each name, with its value, in order of appearance.

    Raises `InvalidParameters` for too many of them, and for one that is too long.
    """
    return prefixed_of(list(values.items()), prefix)


def prefixed_of(given: Sequence[tuple[str, str]], prefix: str) -> tuple[tuple[str, str], ...]:
    """Returns the same of names that may come several times."""
    found = [(name, value) for name, value in given if name.startswith(prefix) and name != prefix]
    if len(found) > MOST_PREFIXED:
        rule = f"Expected at most {MOST_PREFIXED} parameters {prefix}<key>"
        raise invalid(found[MOST_PREFIXED][0], rule)
    for name, _ in found:
        if len(name) - len(prefix) > MOST_KEY_CHARS:
            raise invalid(name, f"Expected a key of at most {MOST_KEY_CHARS} characters")
    return tuple((name[len(prefix) :], value) for name, value in found)


def _whole(text: str) -> int | str:
    """Returns a whole number however it is written, and anything else as it is."""
    if not text.strip():
        return 0
    if WHOLE.fullmatch(text) is None:
        return text
    number = float(text)
    return int(number) if number.is_integer() else text


def _shown(name: str) -> str:
    """Returns what an answer repeats of a name."""
    return name[:MOST_KEY_CHARS]


def _text(escaped: bytes) -> str:
    return escaped.decode("utf-8", "replace")
