"""The form of a budget: from texts to values, and back. No I/O."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from controlplane.failures import BadRequest
from controlplane.key_names import key_named
from schemas.llm.budgets import USUAL_THRESHOLDS, BudgetForm

SCOPES = (
    ("project", "The whole project"),
    ("user", "A user"),
    ("model", "A model"),
    ("key", "An API key"),
    ("environment", "An environment"),
    ("metadata", "A value of metadata"),
)
MEASURES = (("cost", "Cost, in dollars"), ("tokens", "Tokens"), ("calls", "Calls"))
WINDOWS = (
    ("month", "Calendar month"),
    ("week", "Calendar week, from Monday"),
    ("day", "Calendar day"),
    ("rolling", "Rolling: the last hours"),
)
FIELDS = {
    name: name
    for name in (
        *("name", "amount", "scope", "metadata_key", "value", "measure", "window", "hours"),
        *("time_zone", "thresholds", "channel_ids", "anomaly_minimum"),
    )
}
"""By how a message of what is wrong begins, the field of the form."""
MOST_FIELDS = 80
"""Each of a project's channels is one."""
Texts = Mapping[str, Sequence[str]]
NEW: Mapping[str, Any] = {
    "thresholds": ", ".join(map(str, USUAL_THRESHOLDS)),
    "hours": "24",
    "enabled": "1",
    "refuses": "1",
}


def budget_in(texts: Texts, keys: Mapping[str, str]) -> BudgetForm:
    """Returns the budget that a form means; raises `BadRequest`.

    `keys` are the names of the project's keys, by which people say which one they mean.
    """
    value = _text(texts, "value") or None
    if value is not None and _text(texts, "scope") == "key":
        value = key_named(keys, value)
        if value is None:
            raise BadRequest("value: expected the name or the id of one of the project's keys")
    fields = {
        "name": _text(texts, "name"),
        "amount": _text(texts, "amount").removeprefix("$").replace(",", ""),
        "scope": _text(texts, "scope"),
        "metadata_key": _text(texts, "metadata_key"),
        "value": value,
        "measure": _text(texts, "measure"),
        "window": _text(texts, "window"),
        "anomaly_minimum": _text(texts, "anomaly_minimum").removeprefix("$") or None,
        "hours": _number(_text(texts, "hours") or "24", "hours"),
        "time_zone": _text(texts, "time_zone"),
        "thresholds": [
            _number(part.strip().removesuffix("%").strip(), "thresholds")
            for part in _text(texts, "thresholds").split(",")
        ],
        "enabled": "enabled" in texts,
        "refuses": "refuses" in texts,
        "channel_ids": list(texts.get("channel_ids", ())),
    }
    try:
        return msgspec.convert(fields, BudgetForm)
    except msgspec.ValidationError as error:
        reason, _, place = str(error).partition(" - at `$.")
        raise BadRequest(f"{place.partition('`')[0]}: {reason}" if place else reason) from error


def budget_texts(form: BudgetForm, keys: Mapping[str, str]) -> Mapping[str, Any]:
    """Returns what the form of a budget shows."""
    value = form.value or ""
    return {
        "name": form.name,
        "amount": f"{form.amount:f}",
        "scope": form.scope,
        "metadata_key": form.metadata_key,
        "value": keys.get(value, value) if form.scope == "key" else value,
        "measure": form.measure,
        "window": form.window,
        "hours": str(form.hours),
        "time_zone": form.time_zone,
        "thresholds": ", ".join(map(str, form.thresholds)),
        "anomaly_minimum": "" if form.anomaly_minimum is None else f"{form.anomaly_minimum:f}",
        "channel_ids": form.channel_ids,
        **({"enabled": "1"} if form.enabled else {}),
        **({"refuses": "1"} if form.refuses else {}),
    }


def shown_again(texts: Texts) -> Mapping[str, Any]:
    """Returns what a form shows that was sent and not taken."""
    channels = list(texts.get("channel_ids", ()))
    return {name: values[-1] for name, values in texts.items()} | {"channel_ids": channels}


def _text(texts: Texts, name: str) -> str:
    return texts[name][-1].strip() if name in texts else ""


def _number(text: str, name: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise BadRequest(f"{name}: expected whole numbers")
    return int(text)
