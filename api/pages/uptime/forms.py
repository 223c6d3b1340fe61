"""A monitor's form: what it shows of a configuration, and the configuration that it means. Pure.

Secrets are never shown again. In their place stands a sign that means "as it is": `…` for the value
of a header, `slack://…#1` for the first of the notifications.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from api.pages.forms import Problem, told
from api.pages.parts.targets import meant_lines, shown_lines
from api.pages.uptime.asserting import read_assertion, write_assertion
from api.pages.uptime.fields import FIELDS, Field, fields_of
from controlplane.failures import BadRequest, ControlPlaneError
from controlplane.uptime.checked import OF_HEARTBEATS
from schemas.uptime.monitors import MonitorConfig, listed

KEPT = "…"
WHOLE = re.compile(r"-?\d{1,9}", re.ASCII)
DECIMAL = re.compile(r"\d{1,3}(\.\d{1,4})?", re.ASCII)
AT_FIELD = re.compile(r" - at `\$\.(\w+)")
ESCAPES = {"\\r": "\r", "\\n": "\n", "\\t": "\t", "\\\\": "\\"}
USUAL: Mapping[str, Mapping[str, str]] = {
    "domain": {"interval_seconds": "86400", "timeout_ms": "30000", "expiry_warning_days": "30"},
    "tls": {"interval_seconds": "3600"},
    "heartbeat": {
        "interval_seconds": "86400",
        **{name: str(value) for name, value in OF_HEARTBEATS.items()},
    },
}
"""What a new monitor of a type begins with, where it is not the usual of all."""
LISTS = ("regions", "notifications", "expected_value")
SECRETS = ("headers", "notifications")


def new_texts(type: str) -> dict[str, str]:
    """Returns what the form of a new monitor shows."""
    texts = texts_of(MonitorConfig(name="-", type="http", expiry_warning_days=14))
    return {**texts, "name": "", **USUAL.get(type, {})}


def texts_of(config: MonitorConfig) -> dict[str, str]:
    """Returns what the form shows of a configuration; of a secret only that it is there."""
    texts = {}
    for name in {field.name for field in FIELDS}:
        value = getattr(config, name)
        if isinstance(value, bool):
            texts[name] = "1" if value else ""
        elif isinstance(value, str | int):
            texts[name] = str(value)
        elif isinstance(value, float):
            texts[name] = f"{value:.4f}".rstrip("0").rstrip(".")
    texts["escalation_policy"] = config.escalation_policy or ""
    texts["expected_status"] = ", ".join(map(str, listed(config.expected_status)))
    texts["expected_value"] = "\n".join(map(str, listed(config.expected_value)))
    texts["regions"] = "\n".join(config.regions)
    texts["send"] = _escaped(config.send)
    texts["assertions"] = "\n".join(map(write_assertion, config.assertions))
    texts["headers"] = "\n".join(f"{name}: {KEPT}" for name in config.headers)
    texts["notifications"] = "\n".join(shown_lines(config.notifications))
    return texts


def config_fields(
    type: str, typed: Mapping[str, Sequence[str]], before: MonitorConfig | None = None
) -> dict[str, Any]:
    """Returns the fields of the configuration that a form means. Raises `BadRequest`.

    Those that the form has not stay out. `before` is what is kept where the form says so.
    """
    found: dict[str, Any] = {"type": type}
    for field in fields_of(type):
        if field.kind == "check":
            found[field.name] = field.name in typed
        elif field.name == "escalation_policy":
            found[field.name] = typed.get(field.name, [""])[-1].strip() or None
        elif field.name in typed:
            text = typed[field.name][-1].replace("\r\n", "\n")
            found[field.name] = _value(field, text, before)
    return found


def problem_in(error: ControlPlaneError, type: str, typed: Mapping[str, Sequence[str]]) -> Problem:
    """Returns what is wrong with a form, at its field, in words that say what is expected."""
    fields = {field.name: field for field in fields_of(type)}
    at = AT_FIELD.search(error.message)
    name = at[1] if at else re.split(r"[:\[]", error.message, maxsplit=1)[0]
    if name not in fields:
        return Problem(error.message)
    values = typed.get(name, [""])
    value = None if name in SECRETS else values[-1].strip()
    if at is None:
        rule = re.sub(rf"^{name}(\[\d+\])?: ", "", error.message)
        return Problem(told(rule, value), name)
    rule = fields[name].help.rstrip(".") or "this is not what is expected here"
    return Problem(told(f"expected: {rule}" if fields[name].help else rule, value), name)


def _value(field: Field, text: str, before: MonitorConfig | None) -> Any:
    plain = text.strip()
    match field.name:
        case "assertions":
            return [read_assertion(line) for line in _lines(text)]
        case "headers":
            return dict(_header(line, before) for line in _lines(text))
        case "notifications":
            return meant_lines(text, before.notifications if before else (), field.name)
        case "expected_status":
            return [_status(part.strip()) for part in plain.split(",") if part.strip()]
        case "quorum":
            return int(plain) if WHOLE.fullmatch(plain) else plain
        case "send":
            return re.sub(r"\\[rnt\\]", lambda match: ESCAPES[match[0]], text)
        case "body":
            return text
    if field.name in LISTS:
        return _lines(text)
    return NUMBERS[field.kind](field.name, plain) if field.kind in NUMBERS else plain


def _header(line: str, before: MonitorConfig | None) -> tuple[str, str]:
    name, colon, value = (part.strip() for part in line.partition(":"))
    if not colon:
        raise BadRequest("headers: expected Name: value on each line")
    if value != KEPT:
        return name, value
    kept = before.headers.get(name) if before else None
    if kept is None:
        raise BadRequest(f"headers: {name[:60]} has no value that could stay: type one")
    return name, kept


def _status(text: str) -> int | str:
    return int(text) if re.fullmatch(r"\d{3}", text, re.ASCII) else text


def _number(name: str, text: str) -> int:
    if not WHOLE.fullmatch(text):
        raise BadRequest(f"{name}: expected a whole number")
    return int(text)


def _decimal(name: str, text: str) -> float:
    if not DECIMAL.fullmatch(text):
        raise BadRequest(f"{name}: expected a number, as 99.95")
    return float(text)


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _escaped(text: str) -> str:
    for written, meant in reversed(ESCAPES.items()):
        text = text.replace(meant, written)
    return text


NUMBERS = {"number": _number, "decimal": _decimal}
