"""What is wrong with a value of a request: where it stands, and the rule that it breaks.

Never the value itself: it may be a user's prompt.
"""

from collections.abc import Iterable
from typing import Any, Literal, get_args, get_origin, get_type_hints

from msgspec import Meta, Struct

Path = list[str | int]


class Issue(Struct, frozen=True):
    """One entry of an answer's `details`."""

    path: Path
    """Keys and indexes from outside."""
    message: str


class Checked(Struct, frozen=True):
    """One item as ingest would keep it, or what is wrong with it."""

    item: bytes
    issues: list[Issue]


class RuleBroken(ValueError):
    """Raised for a value that breaks a rule which no type can state. The message is the rule."""

    def __init__(self, message: str, *path: str | int) -> None:
        super().__init__(message)
        self.path: Path = list(path)


def issue_of(error: Exception, shape: type[Struct], *within: str | int) -> Issue:
    """Returns what msgspec found wrong when it read a `shape`, or what broke a rule of ours.

    `within` is where the shape itself stands.
    """
    if isinstance(error, RuleBroken):
        return Issue([*within, *error.path], str(error))
    rule, found, name = str(error).rpartition(" - at `$.")
    if not found:
        missing = name.startswith("Object missing required field")
        return (
            Issue([*within, name.split("`")[1]], "Required") if missing else Issue([*within], name)
        )
    name = name.rstrip("`")
    # The one repeats the value, the other is a regular expression.
    if rule.startswith("Invalid enum value") or " matching regex " in rule:
        rule = f"Expected {_in_words(get_type_hints(shape, include_extras=True)[name])}"
    return Issue([*within, name], rule)


def _in_words(hint: Any) -> str:
    """Returns the options of a type, or the description of its `Meta`; empty for other types."""
    if isinstance(hint, Meta):
        return hint.description or ""
    if get_origin(hint) is Literal:
        return one_of(get_args(hint))
    return next(filter(None, map(_in_words, get_args(hint))), "")


def one_of(options: Iterable[object]) -> str:
    """Returns the rule of an enumeration in words."""
    return "one of " + ", ".join(map(str, options))
