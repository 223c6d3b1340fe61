"""What is wrong with a value of a request: where it stands, and the rule that it breaks.

Never the value itself: it may be a user's prompt.
"""

from collections.abc import Sequence
from typing import Any, Literal, get_args, get_origin, get_type_hints

from msgspec import Meta, Struct

Path = list[str | int]


class Issue(Struct, frozen=True):
    """One entry of an answer's `details`."""

    path: Path
    """Keys and indexes from outside."""
    message: str


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


def one_of(options: Any) -> str:
    """Returns the rule of an enumeration in words."""
    return "one of " + ", ".join(map(str, options))


OldIssue = dict[str, Any]
OldPath = Sequence[str | int]
_UNITS = {"number": "to be {}", "string": "to have {} characters", "array": "to have {} items"}
Origin = Literal["number", "string", "array"]


def invalid_type(expected: str, *, received: str | None = None, path: OldPath = ()) -> OldIssue:
    """Returns the issue of a value of another type, which JavaScript calls `received`."""
    message = f"Invalid input: expected {expected}"
    if received is not None:
        message += f", received {received}"
    return {"expected": expected, "code": "invalid_type", "path": list(path), "message": message}


def invalid_option(
    options: Sequence[str], *, patterns: Sequence[str] = (), path: OldPath = ()
) -> OldIssue:
    """Returns the issue of a value outside an enumeration.

    `patterns` are further options, such as `metadata.<key>`, that only the message can list.
    """
    wanted = "|".join(f'"{option}"' for option in (*options, *patterns))
    message = f"Invalid option: expected one of {wanted}"
    return {
        "code": "invalid_value",
        "values": list(options),
        "path": list(path),
        "message": message,
    }


def invalid_format(
    name: str, message: str, *, pattern: str | None = None, path: OldPath = ()
) -> OldIssue:
    """Returns the issue of a string that is not written as the format `name` demands."""
    facts = {} if pattern is None else {"pattern": pattern}
    return {
        "origin": "string",
        "code": "invalid_format",
        "format": name,
        **facts,
        "path": list(path),
        "message": message,
    }


def too_small(origin: Origin, minimum: int, *, path: OldPath = ()) -> OldIssue:
    """Returns the issue of a number below a bound, or of a text or array that is too short."""
    rule = _UNITS[origin].format(f">={minimum}")
    return {
        "origin": origin,
        "code": "too_small",
        "minimum": minimum,
        "inclusive": True,
        "path": list(path),
        "message": f"Too small: expected {origin} {rule}",
    }


def too_big(
    origin: Origin, maximum: int, *, what: str | None = None, path: OldPath = ()
) -> OldIssue:
    """Returns the issue of a number above a bound, or of a text or array that is too long.

    `what` names in the message what is counted, where that is not the value itself.
    """
    rule = _UNITS[origin].format(f"<={maximum}")
    return {
        "origin": origin,
        "code": "too_big",
        "maximum": maximum,
        "inclusive": True,
        "path": list(path),
        "message": f"Too big: expected {what or origin} {rule}",
    }
