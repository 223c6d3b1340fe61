"""What is wrong with one value, in the words of zod 4: clients of the original know these lists.

Each function returns one issue; `path` says where the value was, as keys and indexes from outside.
"""

from collections.abc import Sequence
from typing import Any, Literal

Issue = dict[str, Any]
Path = Sequence[str | int]

_UNITS = {"number": "to be {}", "string": "to have {} characters", "array": "to have {} items"}
Origin = Literal["number", "string", "array"]


def invalid_type(expected: str, *, received: str | None = None, path: Path = ()) -> Issue:
    """Returns the issue of a value of another type, which JavaScript calls `received`."""
    message = f"Invalid input: expected {expected}"
    if received is not None:
        message += f", received {received}"
    return {"expected": expected, "code": "invalid_type", "path": list(path), "message": message}


def invalid_option(
    options: Sequence[str], *, patterns: Sequence[str] = (), path: Path = ()
) -> Issue:
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
    name: str, message: str, *, pattern: str | None = None, path: Path = ()
) -> Issue:
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


def too_small(origin: Origin, minimum: int, *, path: Path = ()) -> Issue:
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


def too_big(origin: Origin, maximum: int, *, what: str | None = None, path: Path = ()) -> Issue:
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
