"""The form of a judge: from texts to values, and back. No I/O."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from controlplane.failures import BadRequest
from schemas.llm.judges import (
    ContainsRule,
    CostRule,
    EqualsRule,
    JudgedCalls,
    JudgeForm,
    LatencyRule,
    RegexRule,
    Rule,
    SchemaRule,
    SimilarityRule,
)

KINDS = (
    ("regex", "A pattern is found"),
    ("contains", "The output contains what is expected"),
    ("equals", "The output is what is expected"),
    ("similarity", "How like what is expected it is, 0 to 1"),
    ("json_schema", "The output is JSON of a schema"),
    ("max_cost", "It cost at most"),
    ("max_latency", "It took at most"),
    ("model", "A model says what it thinks"),
)
PARTS = (("output", "The output"), ("input", "The input"))
GIVES = (("number", "A number"), ("boolean", "True or false"), ("category", "A category"))
STATUSES = (("", "Any"), ("success", "Success"), ("error", "Error"))
CALLS = ("model", "provider", "environment", "user", "source", "service", "tag", "status")
EXPERIMENT = ("dataset", "run")
OF_RULES: Mapping[str, Sequence[str]] = {
    "regex": ("pattern", "part"),
    "contains": ("expected",),
    "equals": ("expected",),
    "similarity": ("expected",),
    "json_schema": ("schema",),
    "max_cost": ("usd",),
    "max_latency": ("ms",),
    "model": (
        *("model", "prompt", "gives", "minimum", "maximum", "categories", "max_calls_day"),
        *("max_usd_day", "max_usd_month"),
    ),
}
FIELDS = {
    **{f"rule.{name}": name for names in OF_RULES.values() for name in names},
    **{f"calls.{name}": f"calls_{name}" for name in (*CALLS, *EXPERIMENT, "metadata")},
    **{name: name for name in ("name", "sampling")},
}
"""By how a message of what is wrong begins, the field of the form."""
OPTIONAL = ("expected", "max_usd_day", "max_usd_month")
MOST_FIELDS = 40
PERCENT = 100
NEW: Mapping[str, str] = {
    "kind": "regex",
    "sampling": "100",
    "enabled": "1",
    "minimum": "0",
    "maximum": "1",
    "max_calls_day": "1000",
    "max_usd_month": "10",
}


def judge_in(texts: Mapping[str, str]) -> JudgeForm:
    """Returns the judge that a form means; raises `BadRequest`."""
    calls = {
        name: text for name in (*CALLS, *EXPERIMENT) if (text := _text(texts, f"calls_{name}"))
    }
    fields = {
        "name": _text(texts, "name"),
        "rule": _rule_in(texts),
        "calls": {**calls, "metadata": _pairs(texts.get("calls_metadata", ""))},
        "sampling": _float(texts, "sampling") / PERCENT,
        "enabled": "enabled" in texts,
    }
    try:
        return msgspec.convert(fields, JudgeForm)
    except msgspec.ValidationError as error:
        reason, _, place = str(error).partition(" - at `$.")
        raise BadRequest(f"{place.partition('`')[0]}: {reason}" if place else reason) from error


def judge_texts(form: JudgeForm) -> dict[str, str]:
    """Returns what the form of a judge shows."""
    rule, calls = form.rule, form.calls
    texts = {**NEW, "name": form.name, "kind": kind_of(rule)}
    texts["sampling"] = f"{form.sampling * PERCENT:g}"
    for name in OF_RULES[kind_of(rule)]:
        value = getattr(rule, name)
        if name == "schema":
            value = msgspec.json.format(msgspec.json.encode(value)).decode()
        elif name == "categories":
            value = "\n".join(value)
        texts[name] = "" if value is None else f"{value:g}" if type(value) is float else str(value)
    for name in (*CALLS, *EXPERIMENT):
        texts[f"calls_{name}"] = getattr(calls, name) or ""
    texts["calls_metadata"] = "\n".join(f"{key}={text}" for key, text in calls.metadata.items())
    texts.pop("enabled")
    ticks = {"enabled": form.enabled, "negate": isinstance(rule, RegexRule) and rule.negate}
    return texts | {name: "1" for name, is_on in ticks.items() if is_on}


def kind_of(rule: Rule) -> str:
    """Returns the word for a rule."""
    return str(rule.__struct_config__.tag)


def said_of(rule: Rule) -> str:
    """Returns a rule in a few words."""
    if isinstance(rule, RegexRule):
        return f"{rule.part} {'without' if rule.negate else 'with'} {rule.pattern}"
    if isinstance(rule, (ContainsRule, EqualsRule, SimilarityRule)):
        return f"{kind_of(rule)} {'what is expected' if rule.expected is None else rule.expected}"
    if isinstance(rule, SchemaRule):
        return "JSON of a schema"
    if isinstance(rule, CostRule):
        return f"at most ${rule.usd:f}"
    if isinstance(rule, LatencyRule):
        return f"at most {rule.ms:g} ms"
    return f"{rule.model} gives a {rule.gives}"


def said_of_calls(calls: JudgedCalls) -> str:
    """Returns which calls are meant in a few words."""
    given = {name: getattr(calls, name) for name in (*CALLS, *EXPERIMENT)} | calls.metadata
    return ", ".join(f"{name} {text}" for name, text in given.items() if text) or "all"


def _rule_in(texts: Mapping[str, str]) -> dict[str, Any]:
    kind = _text(texts, "kind")
    rule: dict[str, Any] = {"type": kind}
    for name in OF_RULES.get(kind, ()):
        text = texts.get(name, "").strip() if name != "prompt" else texts.get(name, "")
        if name in ("part", "gives") and not text:
            continue
        if name in ("ms", "minimum", "maximum"):
            rule[name] = _float(texts, name)
        elif name == "max_calls_day":
            rule[name] = _whole(texts, name)
        elif name == "schema":
            rule[name] = _json(text)
        elif name == "categories":
            rule[name] = [one for line in text.splitlines() if (one := line.strip())]
        else:
            rule[name] = text.removeprefix("$") or None if name in OPTIONAL else text
    if kind == "regex":
        rule["negate"] = "negate" in texts
    if kind == "model" and rule.get("gives") != "category":
        rule["categories"] = []
    return rule


def _json(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadRequest(f"rule.schema: {error}") from error


def _pairs(text: str) -> dict[str, str]:
    found = {}
    for line in text.splitlines():
        if line.strip():
            key, sign, value = line.partition("=")
            if not sign:
                raise BadRequest("calls.metadata: expected lines such as team=red")
            found[key.strip()] = value.strip()
    return found


def _text(texts: Mapping[str, str], name: str) -> str:
    return texts.get(name, "").strip()


def _whole(texts: Mapping[str, str], name: str) -> int:
    number = _float(texts, name)
    if not number.is_integer():  # nor is what is none, or without an end
        raise BadRequest(f"rule.{name}: expected a whole number")
    return int(number)


def _float(texts: Mapping[str, str], name: str) -> float:
    field = name if name == "sampling" else f"rule.{name}"
    try:
        return float(_text(texts, name))
    except ValueError as error:
        raise BadRequest(f"{field}: expected a number") from error
