"""What must be true of an answer: its status, its body, its headers. Pure."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Protocol

import msgspec
import re2
from msgspec import Struct

from probes.findings import failed, quoted, unclear
from schemas.uptime.targets import Assertion

MAX_PATTERN_MEMORY = 4 << 20
_CODES = re.compile(r"([1-5][0-9]{2})(?:\s*-\s*([1-5][0-9]{2}))?|([1-5])[xX]{2}")
CHARSETS = frozenset(
    {
        *("utf-8", "utf8", "us-ascii", "ascii", "latin-1", "iso-8859-1", "iso-8859-2"),
        *("iso-8859-9", "iso-8859-15", "windows-1250", "windows-1251", "windows-1252"),
        *("windows-1254", "koi8-r", "shift_jis", "euc-jp", "euc-kr", "gbk", "gb18030", "big5"),
    }
)
"""Others are read as UTF-8: some codecs of Python's take quadratic time, or make no text."""


class Answer(Struct, frozen=True, kw_only=True):
    """What assertions look at."""

    content: bytes
    is_whole: bool
    charset: str
    headers: Mapping[str, str]
    """By lower-case name; several of one name are joined by `, `."""


class Pattern(Protocol):
    """A compiled expression of RE2."""

    def search(self, text: Any) -> object | None:
        """Returns a match, or `None`."""
        ...


class _Missing:
    """What a path leads to where there is nothing."""


MISSING = _Missing()


def is_expected(status: int, expected: tuple[str, ...]) -> bool:
    """Tells whether a status is one of the codes and ranges. Raises `Trouble` for other texts."""
    if not expected:
        return 200 <= status <= 399
    return any(low <= status <= high for low, high in map(_range, expected))


def _range(text: str) -> tuple[int, int]:
    found = _CODES.fullmatch(text.strip())
    if found is None:
        raise unclear(
            "invalid_target",
            f"the expected status {quoted(text)} is none: write such as 200, 200-299 or 2xx",
        )
    first, last, hundred = found.groups()
    if hundred:
        return int(hundred) * 100, int(hundred) * 100 + 99
    return int(first), int(last or first)


def check(assertions: tuple[Assertion, ...], answer: Answer) -> None:
    """Raises `Trouble` for the first assertion that does not hold, naming value and rule."""
    json: Any = MISSING
    for one in assertions:
        if one.source == "json" and json is MISSING:
            json = _json(answer)
        found = _found(one, answer, json)
        if _holds(one, found) == one.negated:
            raise failed("assertion", _broken(one, found, answer))


def compiled(pattern: str) -> Pattern:
    """Compiles an expression of RE2. Raises `Trouble`."""
    return _compiled(pattern, is_bytes=False)


def compiled_for_bytes(pattern: str) -> Pattern:
    """Compiles for bytes: each counts as one character. Raises `Trouble`."""
    return _compiled(pattern, is_bytes=True)


@lru_cache(maxsize=2048)
def _compiled(pattern: str, *, is_bytes: bool) -> Pattern:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = MAX_PATTERN_MEMORY
    if is_bytes:
        options.encoding = re2.Options.Encoding.LATIN1
    try:
        made: Pattern = re2.compile(pattern.encode() if is_bytes else pattern, options)
    except re2.error as error:
        raise unclear(
            "invalid_target", f"the pattern {quoted(pattern)} is not one of RE2: {error}"
        ) from error
    return made


def _json(answer: Answer) -> Any:
    if not answer.is_whole:
        raise failed("assertion", "the body is over 1 MiB, so its JSON is not read")
    try:
        return msgspec.json.decode(answer.content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise failed(
            "assertion", f"the body is no JSON ({error}): it begins {quoted(_text(answer)[:160])}"
        ) from error


def _text(answer: Answer) -> str:
    charset = answer.charset.lower()
    return answer.content.decode(charset if charset in CHARSETS else "utf-8", "replace")


def _found(one: Assertion, answer: Answer, json: Any) -> Any:
    if one.source == "body":
        return _text(answer)
    if one.source == "header":
        return answer.headers.get(one.path.lower(), MISSING)
    found = json
    for step in filter(None, one.path.split(".")):
        found = _step(found, step)
    return found


def _step(found: Any, step: str) -> Any:
    if isinstance(found, dict):
        return found.get(step, MISSING)
    if isinstance(found, list) and step.lstrip("-").isdecimal():
        index = int(step[:12])
        return found[index] if -len(found) <= index < len(found) else MISSING
    return MISSING


def _holds(one: Assertion, found: Any) -> bool:
    match one.comparison:
        case "exists":
            return found is not MISSING
        case "equals":
            return _equal(found, one.value)
        case "contains":
            return _contains(found, one.value)
        case "matches":
            return found is not MISSING and bool(compiled(_plain(one.value)).search(_plain(found)))
        case "less_than" | "greater_than":
            left, right = _number(found), _number(one.value)
            if left is None or right is None:
                return False
            return left < right if one.comparison == "less_than" else left > right


def _equal(found: Any, value: Any) -> bool:
    if found is MISSING:
        return False
    # A form gives text for everything: `200` is then the number too, and `true` the boolean.
    if isinstance(value, str):
        return _plain(found) == value
    if isinstance(found, str):
        return found == _plain(value)
    return isinstance(found, bool) == isinstance(value, bool) and found == value


def _contains(found: Any, value: Any) -> bool:
    if isinstance(found, list):
        return any(_equal(one, value) for one in found)
    if isinstance(found, dict):
        return _plain(value) in found
    return found is not MISSING and _plain(value) in _plain(found)


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def _broken(one: Assertion, found: Any, answer: Answer) -> str:
    where = {"body": "the body", "header": f"the header {one.path}", "json": one.path or "the JSON"}
    rule = ("not " if one.negated else "") + one.comparison.replace("_", " ")
    wanted = "" if one.comparison == "exists" else f" {quoted(_plain(one.value))}"
    value = "is not there" if found is MISSING else f"is {quoted(_plain(found)[:200])}"
    cut = "" if answer.is_whole or one.source != "body" else " (only its first 1 MiB was read)"
    return f"{where[one.source]} {value}{cut}; expected: {rule}{wanted}"
