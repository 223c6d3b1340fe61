"""The form of retention: from texts to values, and back. No I/O."""

from collections.abc import Mapping
from typing import Any

import msgspec

from controlplane.failures import BadRequest
from schemas.retention import KINDS, MOST_DAYS, MOST_RULES, RetentionChange, RetentionPolicy

WHENS = (
    ("", "no rule"),
    ("error", "with an error"),
    ("cost", "that cost at least, in dollars"),
    ("latency", "that took at least, in ms"),
    ("environment", "of the environment"),
    ("scored", "with a score"),
)
EMPTY_RULES = 2
"""Shown below those that are there."""
MOST_FIELDS = 80
FIELDS = {
    **{name: name for name in ("sums_days", "sample_from_days", "sample_percent", "rules")},
    **{f"kinds.{kind}": f"days_{kind}" for kind in KINDS},
}
"""By how a message of what is wrong begins, the field of the form."""


def change_in(fields: Mapping[str, str]) -> RetentionChange:
    """Returns the change that a form means; raises `BadRequest`."""
    kinds = {kind: _days(fields, f"days_{kind}", f"kinds.{kind}") for kind in KINDS}
    found: dict[str, Any] = {
        "kinds": {kind: days for kind, days in kinds.items() if days is not None},
        "sums_days": _days(fields, "sums_days", "sums_days"),
        "rules": [
            {
                "when": fields[f"when_{number}"],
                "value": _text(fields, f"value_{number}").removeprefix("$"),
                "days": _rule_days(fields, number),
            }
            for number in range(MOST_RULES)
            if _text(fields, f"when_{number}")
        ],
        "sample_from_days": _days(fields, "sample_from_days", "sample_from_days"),
        "sample_percent": _percent(_text(fields, "sample_percent").removesuffix("%").strip()),
        "at_once": "at_once" in fields,
    }
    try:
        return msgspec.convert(found, RetentionChange)
    except msgspec.ValidationError as error:
        reason, _, place = str(error).partition(" - at `$.")
        raise BadRequest(f"{place.rstrip('`').partition('[')[0]}: {reason}") from error


def texts_of(policy: RetentionPolicy) -> dict[str, str]:
    """Returns what the form of a policy shows."""
    texts = {f"days_{kind}": str(days) for kind, days in policy.kinds.items()}
    texts["sums_days"] = _shown(policy.sums_days)
    texts["sample_from_days"] = _shown(policy.sample_from_days)
    percent = "" if policy.sample_percent == 100 else str(policy.sample_percent)
    texts["sample_percent"] = percent.removesuffix(".0")
    for number, rule in enumerate(policy.rules):
        texts[f"when_{number}"] = rule.when
        texts[f"value_{number}"] = rule.value
        texts[f"rule_days_{number}"] = str(rule.days)
    return texts


def rule_places(texts: Mapping[str, str]) -> range:
    """Returns the numbers of the rules that a form shows."""
    filled = [number for number in range(MOST_RULES) if texts.get(f"when_{number}")]
    return range(min(MOST_RULES, (max(filled) + 1 if filled else 0) + EMPTY_RULES))


def _text(fields: Mapping[str, str], name: str) -> str:
    return fields.get(name, "").strip()


def _shown(days: int | None) -> str:
    return "" if days is None else str(days)


def _days(fields: Mapping[str, str], name: str, place: str) -> int | None:
    text = _text(fields, name)
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 6 and 1 <= int(text) <= MOST_DAYS):
        raise BadRequest(f"{place}: expected days, 1 to {MOST_DAYS}, or nothing")
    return int(text)


def _rule_days(fields: Mapping[str, str], number: int) -> int:
    days = _days(fields, f"rule_days_{number}", "rules")
    if days is None:
        raise BadRequest(f"rules: rule {number + 1} needs days, 1 to {MOST_DAYS}")
    return days


def _percent(text: str) -> float:
    try:
        found = float(text) if text else 100.0
    except ValueError:
        found = -1.0
    if not 0 <= found <= 100:
        raise BadRequest("sample_percent: expected a number, 0 to 100")
    return found
