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
from litestar.response import Response
from msgspec import Struct, json

from schemas.projects import ProjectContext

MAX_SAFE_INTEGER = (1 << 53) - 1
# What the door that authenticated the request hands to every handler.
Project = NamedDependency[ProjectContext]
INVALID = "Invalid query parameters"


class InvalidParameters(Exception):
    """Raised for a query string that breaks a rule; `details` lists zod-like issues, if any."""

    def __init__(self, message: str, details: list[dict[str, Any]] | None = None) -> None:
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

    Where a name is repeated its first value counts.
    """

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self.values: dict[str, str] = {}
        for name, value in pairs:
            self.values.setdefault(name, value)
        self.issues: list[dict[str, Any]] = []

    def text(self, name: str) -> str | None:
        """Returns any text; an empty one counts as absent."""
        return self.values.get(name) or None

    def choice(self, name: str, options: Sequence[str]) -> str | None:
        """Returns one of `options`, or `None` when absent."""
        value = self.values.get(name)
        if value is None or value in options:
            return value
        wanted = "|".join(f'"{option}"' for option in options)
        self.refuse(
            name,
            "invalid_value",
            f"Invalid option: expected one of {wanted}",
            values=list(options),
        )
        return None

    def whole(self, name: str, default: int, *, least: int, most: int = MAX_SAFE_INTEGER) -> int:
        """Returns an integer between two bounds, both inclusive."""
        value = self.values.get(name)
        if value is None:
            return default
        if not re.fullmatch(r"[+-]?\d{1,20}", value.strip(), re.ASCII):
            self.refuse(name, "invalid_type", "Invalid input: expected int", expected="int")
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
            number = Decimal(value.strip())
        except InvalidOperation:
            number = Decimal("NaN")
        if not number.is_finite() or number > MAX_SAFE_INTEGER:
            self.refuse(name, "invalid_type", "Invalid input: expected number", expected="number")
            return None
        self._bound(name, number, 0, MAX_SAFE_INTEGER)
        return number

    def prefixed(self, prefix: str) -> tuple[tuple[str, str], ...]:
        """Returns what follows `prefix` in each name, with its value, in order of appearance."""
        return tuple(
            (name[len(prefix) :], value)
            for name, value in self.values.items()
            if name.startswith(prefix) and len(name) > len(prefix)
        )

    def refuse(self, name: str, code: str, message: str, **facts: Any) -> None:
        """Notes one issue with the parameter `name`."""
        self.issues.append({"code": code, **facts, "path": [name], "message": message})

    def check(self) -> None:
        """Raises `InvalidParameters` if any issue was noted."""
        if self.issues:
            raise InvalidParameters(INVALID, self.issues)

    def _bound(self, name: str, number: int | Decimal, least: int, most: int) -> None:
        if number < least:
            message = f"Too small: expected number to be >={least}"
            facts = {"origin": "number", "minimum": least, "inclusive": True}
            self.refuse(name, "too_small", message, **facts)
        elif number > most:
            message = f"Too big: expected number to be <={most}"
            facts = {"origin": "number", "maximum": most, "inclusive": True}
            self.refuse(name, "too_big", message, **facts)


def parameters_of(request: Request[Any, Any, Any]) -> Parameters:
    """Returns the request's query string for reading."""
    return Parameters(request.query_params.multi_items())


def answer(value: Struct) -> Response[bytes]:
    """Encodes an answer as JSON, once."""
    return Response(content=json.encode(value), media_type="application/json")
