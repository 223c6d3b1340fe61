"""What the forms of alerts hold, as texts, and the rules and channels that they mean."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from controlplane.failures import BadRequest
from schemas.channels import CHANNEL_KINDS, Channel, ChannelConfig, ChannelForm
from schemas.errors.alerts import Rule, RuleForm, RuleQuery
from schemas.errors.event import LEVELS

RULE_TYPES = (
    ("issue.new", "New issues"),
    ("issue.regression", "Issues that come back"),
    ("issue.count_threshold", "Number of errors"),
    ("issue.frequency_spike", "More errors than usual"),
    ("transaction.error_rate", "Failed transactions, in percent"),
    ("transaction.p95_latency", "Slow transactions: p95 in milliseconds"),
)
UNITS: Mapping[str, str] = {
    **{name: "count" for name, _ in RULE_TYPES},
    "transaction.error_rate": "percent",
    "transaction.p95_latency": "ms",
}
"""Of what a threshold is."""
KINDS = (
    ("webhook", "Webhook: a URL"),
    ("slack", "Slack: the URL of an incoming webhook"),
    ("discord", "Discord: the URL of a webhook"),
    ("msteams", "Microsoft Teams: the URL of a webhook"),
    ("pagerduty", "PagerDuty: an integration key"),
    ("email", "Email: addresses, with commas between them"),
    ("apprise", "Another service: a URL of Apprise"),
)
Texts = Mapping[str, Sequence[str]]
"""The fields of a form, each with all of its values."""

NEW: Mapping[str, Any] = {
    "rule_type": "issue.new",
    "threshold_count": "1",
    "threshold_window": "60",
    "cooldown_minutes": "30",
    "enabled": "1",
}


def rule_texts(rule: Rule) -> Mapping[str, Any]:
    """Returns what the form of a rule shows."""
    query = rule.query
    return {
        "name": rule.name,
        "description": rule.description,
        "rule_type": rule.rule_type,
        "threshold_count": str(rule.threshold_count),
        "threshold_window": str(rule.threshold_window),
        "cooldown_minutes": str(rule.cooldown_minutes),
        "environments": "\n".join(rule.environments or ()),
        "levels": "\n".join(query.levels),
        "tags": "\n".join(f"{key}={value}" for key, value in query.tags.items()),
        "transaction_name": query.transaction_name or "",
        **({"enabled": "1"} if rule.enabled else {}),
        "channels": list(rule.channel_ids),
    }


def shown_again(texts: Texts) -> Mapping[str, Any]:
    """Returns what a form shows that was sent and not taken."""
    channels = list(texts.get("channels", ()))
    return {name: values[-1] for name, values in texts.items()} | {"channels": channels}


def rule_in(texts: Texts) -> RuleForm:
    """Returns the rule that a form means; raises `BadRequest`."""
    if _text(texts, "rule_type") not in dict(RULE_TYPES):
        raise BadRequest("ruleType: expected one of the list")
    for level in _lines(texts, "levels"):
        if level not in LEVELS:
            raise BadRequest(f"query.levels: expected {', '.join(LEVELS)}, one a line")
    tags = [line.partition("=") for line in _lines(texts, "tags")]
    if not all(equals for _, equals, _ in tags):
        raise BadRequest("query.tags: expected key=value on each line")
    query = RuleQuery(
        levels=tuple(_lines(texts, "levels")),
        environments=tuple(_lines(texts, "environments")),
        tags={key.strip(): value.strip() for key, _, value in tags},
        transaction_name=_text(texts, "transaction_name") or None,
    )
    fields = {
        "name": _text(texts, "name"),
        "description": _text(texts, "description"),
        "ruleType": _text(texts, "rule_type"),
        "thresholdCount": _number(texts, "threshold_count", "thresholdCount"),
        "thresholdWindow": _number(texts, "threshold_window", "thresholdWindow"),
        "cooldownMinutes": _number(texts, "cooldown_minutes", "cooldownMinutes"),
        "enabled": "enabled" in texts,
        "channelIds": list(texts.get("channels", ())),
        "query": msgspec.to_builtins(query),
    }
    try:
        return msgspec.convert(fields, RuleForm)
    except msgspec.ValidationError as error:
        raise BadRequest(f"Invalid rule: {error}") from error


def channel_texts(channel: Channel) -> Mapping[str, Any]:
    """Returns what the form of a channel shows: nothing of what is sealed."""
    return {"channel_name": channel.name, "kind": channel.kind}


def channel_in(texts: Texts) -> ChannelForm:
    """Returns the channel that a form means; raises `BadRequest`."""
    kind, target = _text(texts, "kind"), _text(texts, "target")
    if kind not in CHANNEL_KINDS:
        raise BadRequest("kind: expected one of the list")
    parts = tuple(part.strip() for part in target.split(",") if part.strip())
    secret = _text(texts, "secret")
    configs = {
        "webhook": ChannelConfig(url=target, secret=secret),
        "pagerduty": ChannelConfig(integration_key=target),
        "email": ChannelConfig(recipients=parts),
        "apprise": ChannelConfig(url=target),
    }
    config = configs.get(kind, ChannelConfig(webhook_url=target))
    return ChannelForm(_text(texts, "channel_name"), kind, config)


def _text(texts: Texts, name: str) -> str:
    return texts[name][-1].strip() if name in texts else ""


def _lines(texts: Texts, name: str) -> list[str]:
    return [line.strip() for line in _text(texts, name).splitlines() if line.strip()]


def _number(texts: Texts, name: str, told: str) -> int:
    text = _text(texts, name)
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise BadRequest(f"{told}: expected a whole number")
    return int(text)
