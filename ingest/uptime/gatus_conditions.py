"""Conditions of Gatus, as what a monitor of ours expects. Pure.

1. `[STATUS]`: all of them together are a set of codes.
2. `[BODY]`, a path behind it, `has(…)`, `pat(…)`, `any(…)`: assertions.
3. `[RESPONSE_TIME] < N`, `[CERTIFICATE_EXPIRATION] > N`: worse is degraded here, not down.
4. `[CONNECTED] == true` and `[DNS_RCODE] == NOERROR`: what a check expects anyhow.
"""

import math
import operator
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from msgspec import Struct, field

from ingest.uptime.imported import Unfit
from ingest.uptime.spans import seconds_of

CONDITION = re.compile(r"\s*(.+?)\s*(==|!=|<=|>=|<|>)\s*(.*?)\s*", re.DOTALL)
BODY = re.compile(r"(has\()?\[BODY\]((?:\.[\w-]+|\[\d+\])*)\)?")
PATTERN = re.compile(r"pat\((.*)\)", re.DOTALL)
ANY = re.compile(r"any\((.*)\)", re.DOTALL)
COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
CODES = range(100, 600)
DAY_S = 86_400
MAX_WARNING_DAYS = 365


class Conditions(Struct):
    """What some conditions come to."""

    codes: set[int] | None = None
    """Those that are expected; `None` where nothing says so."""
    assertions: list[dict[str, Any]] = field(default_factory=list)
    values: list[str] = field(default_factory=list)
    """What the whole body may be: of DNS."""
    degraded_after_ms: int = 0
    expiry_warning_days: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def statuses(self) -> list[str]:
        """Returns the codes as ranges."""
        return _ranges(self.codes) if self.codes else []


def read_conditions(conditions: Iterable[str]) -> Conditions:
    """Reads conditions. Raises `Unfit` for those that nothing can meet."""
    found = Conditions()
    for text in conditions:
        match = CONDITION.fullmatch(text)
        if match is None or not _read(found, match[1], match[2], match[3]):
            found.notes.append(f"the condition {text[:120]!r} has no counterpart")
    if found.codes is not None and not found.codes:
        raise Unfit("its conditions allow no status")
    return found


def _read(found: Conditions, left: str, sign: str, right: str) -> bool:
    """Takes one condition in; tells whether it has a counterpart."""
    if left == "[STATUS]":
        return _status(found, sign, right)
    if left == "[CONNECTED]":
        if (right == "true") != (sign == "=="):
            raise Unfit("it is up when nothing answers")
        return True
    if left == "[DNS_RCODE]":
        return (sign, right) == ("==", "NOERROR")
    if left == "[RESPONSE_TIME]" and sign in ("<", "<=") and right.isdigit():
        found.degraded_after_ms = int(right)
        return True
    if left == "[CERTIFICATE_EXPIRATION]" and sign in (">", ">="):
        days = math.ceil(seconds_of(right, 0) / DAY_S)
        found.expiry_warning_days = max(1, min(MAX_WARNING_DAYS, days))
        return True
    body = BODY.fullmatch(left)
    return body is not None and _body(found, body, sign, right)


def _status(found: Conditions, sign: str, right: str) -> bool:
    several = ANY.fullmatch(right)
    texts = [one.strip() for one in several[1].split(",")] if several else [right]
    if not all(one.isdigit() for one in texts) or (several and sign not in ("==", "!=")):
        return False
    numbers = [int(one) for one in texts]
    if sign == "!=":
        codes = {code for code in CODES if code not in numbers}
    else:
        codes = {code for code in CODES if any(COMPARE[sign](code, one) for one in numbers)}
    found.codes = codes if found.codes is None else found.codes & codes
    return True


def _body(found: Conditions, body: re.Match[str], sign: str, right: str) -> bool:
    path = re.sub(r"\[(\d+)\]", r".\1", body[2]).strip(".")
    place: dict[str, Any] = {"source": "json", "path": path} if path else {"source": "body"}
    if body[1]:
        negated = (right == "true") != (sign == "==")
        return _add(found, {**place, "comparison": "exists", "negated": negated})
    if sign in ("<", ">", "<=", ">="):
        return path != "" and _number(found, place, sign, right)
    negated = sign == "!="
    pattern, several = PATTERN.fullmatch(right), ANY.fullmatch(right)
    if several:
        texts = [one.strip().strip("'\"") for one in several[1].split(",")]
        if not path and not negated:
            found.values += texts
        value = f"^(?:{'|'.join(map(_expression, texts))})$"
        return _add(found, {**place, "comparison": "matches", "value": value, "negated": negated})
    if pattern:
        return _add(found, {**place, **_pattern(pattern[1]), "negated": negated})
    if not path and not negated:
        found.values.append(right)
    return _add(found, {**place, "comparison": "equals", "value": right, "negated": negated})


def _number(found: Conditions, place: dict[str, Any], sign: str, right: str) -> bool:
    try:
        value = float(right)
    except ValueError:
        return False
    # Not less is greater or equal.
    comparison = "less_than" if sign in ("<", ">=") else "greater_than"
    one = {**place, "comparison": comparison, "value": value, "negated": sign in ("<=", ">=")}
    return _add(found, one)


def _pattern(text: str) -> dict[str, str]:
    inner = text.strip("*")
    if text.startswith("*") and text.endswith("*") and not set(inner) & set("*?["):
        return {"comparison": "contains", "value": inner}
    return {"comparison": "matches", "value": f"^(?s:{_expression(text)})$"}


def _expression(text: str) -> str:
    """Returns a pattern with `*` and `?` as a regular expression."""
    if match := PATTERN.fullmatch(text):
        text = match[1]
    return "".join({"*": ".*", "?": "."}.get(one, re.escape(one)) for one in text)


def _add(found: Conditions, assertion: dict[str, Any]) -> bool:
    found.assertions.append(assertion)
    return True


def _ranges(codes: Iterable[int]) -> list[str]:
    ranges: list[Sequence[int]] = []
    for code in sorted(codes):
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1] = (ranges[-1][0], code)
        else:
            ranges.append((code, code))
    return [str(low) if low == high else f"{low}-{high}" for low, high in ranges]
