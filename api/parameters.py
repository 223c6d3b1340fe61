"""Query parameters of the read side: zod-like refusals, so that Pulse's clients see what they know.

InvalidParameters   the query string breaks a rule (400)
NotFound            the project has no such thing (404)
"""

import re
from collections.abc import Iterable, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from litestar import Request
from litestar.di import NamedDependency

from schemas.issues import OldIssue as Issue
from schemas.issues import invalid_option, invalid_type, too_big, too_small
from schemas.projects import ProjectContext
from schemas.wire.pulse import SAFE_INTEGER

# What the door that authenticated the request hands to every handler.
Project = NamedDependency[ProjectContext]
INVALID = "Invalid query parameters"
MOST_PARAMETERS = 100
"""Repeated ones are counted too."""
MOST_CHARS = 4096
"""Of a value."""
MOST_NUMBER_CHARS = 100
MOST_PREFIXED = 10
"""Filters by metadata: each is one more column to read and one more condition."""
MOST_KEY_CHARS = 200


class InvalidParameters(Exception):
    """Raised for a query string that breaks a rule; `details` lists zod-like issues, if any."""

    def __init__(self, message: str, details: list[Issue] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.details = details


class NotFound(Exception):
    """Raised when the project has nothing of that name."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Parameters:
    """The query string of one request, read name by name; issues are gathered and raised at once.

    Where a name is repeated its first value counts. What is too many or too long is an issue and
    is not read.
    """

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self.values: dict[str, str] = {}
        self.issues: list[Issue] = []
        for number, (name, value) in enumerate(pairs):
            if number >= MOST_PARAMETERS:
                self.refuse(
                    too_big("array", MOST_PARAMETERS, what="parameters", path=[_shown(name)])
                )
                return
            if len(value) > MOST_CHARS:
                self.refuse(too_big("string", MOST_CHARS, path=[_shown(name)]))
            else:
                self.values.setdefault(name, value)

    def text(self, name: str) -> str | None:
        """Returns any text; an empty one counts as absent."""
        return self.values.get(name) or None

    def choice(self, name: str, options: Sequence[str]) -> str | None:
        """Returns one of `options`, or `None` when absent."""
        value = self.values.get(name)
        if value is None or value in options:
            return value
        self.refuse(invalid_option(options, path=[name]))
        return None

    def whole(self, name: str, default: int, *, least: int, most: int = SAFE_INTEGER) -> int:
        """Returns an integer between two bounds, both inclusive."""
        value = self.values.get(name)
        if value is None:
            return default
        if not re.fullmatch(r"[+-]?\d{1,20}", value.strip(), re.ASCII):
            self.refuse(invalid_type("int", path=[name]))
            return default
        number = int(value)
        self._bound(name, number, least, most)
        return number

    def amount(self, name: str) -> Decimal | None:
        """Returns a number of at least 0, exactly as written; `None` when absent."""
        value = self.values.get(name)
        if value is None:
            return None
        try:
            number = Decimal(value.strip() if len(value) <= MOST_NUMBER_CHARS else "NaN")
        except InvalidOperation:
            number = Decimal("NaN")
        if not number.is_finite() or number > SAFE_INTEGER:
            self.refuse(invalid_type("number", path=[name]))
            return None
        self._bound(name, number, 0, SAFE_INTEGER)
        return number

    def prefixed(self, prefix: str) -> tuple[tuple[str, str], ...]:
        """Returns what follows `prefix` in each name, with its value, in order of appearance."""
        found = [name for name in self.values if name.startswith(prefix) and name != prefix]
        if len(found) > MOST_PREFIXED:
            what = f"parameters {prefix}<key>"
            path = [_shown(found[MOST_PREFIXED])]
            self.refuse(too_big("array", MOST_PREFIXED, what=what, path=path))
        for name in found[:MOST_PREFIXED]:
            if len(name) - len(prefix) > MOST_KEY_CHARS:
                self.refuse(too_big("string", MOST_KEY_CHARS, what="the key", path=[_shown(name)]))
        return tuple((name[len(prefix) :], self.values[name]) for name in found[:MOST_PREFIXED])

    def refuse(self, issue: Issue) -> None:
        """Notes one issue, whose path is the name of a parameter."""
        self.issues.append(issue)

    def check(self) -> None:
        """Raises `InvalidParameters` if any issue was noted."""
        if self.issues:
            raise InvalidParameters(INVALID, self.issues)

    def _bound(self, name: str, number: int | Decimal, least: int, most: int) -> None:
        if number < least:
            self.refuse(too_small("number", least, path=[name]))
        elif number > most:
            self.refuse(too_big("number", most, path=[name]))


def _shown(name: str) -> str:
    """Returns what an answer repeats of a name."""
    return name[:MOST_KEY_CHARS]


def parameters_of(request: Request[Any, Any, Any]) -> Parameters:
    """Returns the request's query string for reading."""
    return Parameters(request.query_params.items())
