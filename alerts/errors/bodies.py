"""What is posted for an alert, by the kind of its channel: address, body, headers."""

import hashlib
import hmac
from typing import Any, NamedTuple

import msgspec

from schemas.errors.alerts import Alert, ChannelConfig, Due

PAGERDUTY = "https://events.pagerduty.com/v2/enqueue"
SIGNATURE = "X-Sentry-Clone-Signature"
IDEMPOTENCY = "Idempotency-Key"
MOST_TEXT_CHARS = 1900
"""Discord takes 2,000."""
RED = 0xD93025


class Post(NamedTuple):
    """A request that is to be made."""

    url: str
    body: bytes
    headers: dict[str, str]


def post_of(due: Due) -> Post:
    """Returns the request of a message whose channel takes JSON.

    A message that is sent twice has the same body and the same key both times.
    """
    config, alert = due.config, due.alert
    makers = {"slack": _slack, "discord": _discord, "msteams": _teams, "pagerduty": _pagerduty}
    if due.kind == "webhook":
        body, url = msgspec.json.encode(alert), config.url
    else:
        body = msgspec.json.encode(makers[due.kind](alert, config))
        url = PAGERDUTY if due.kind == "pagerduty" else config.webhook_url
    headers = {"Content-Type": "application/json", IDEMPOTENCY: due.key}
    if config.secret:
        headers[SIGNATURE] = sign(body, config.secret)
    return Post(url, body, headers)


def sign(body: bytes, secret: str) -> str:
    """Returns the signature that a receiver compares: `sha256=` and the hex HMAC of the body."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def _slack(alert: Alert, _: ChannelConfig) -> dict[str, Any]:
    # As plain text: a title may hold what Slack reads as markup, or as a call of everybody.
    blocks = [
        {"type": "header", "text": _plain(alert.subject[:150])},
        {"type": "section", "text": _plain(_text(alert))},
    ]
    return {"text": _plain_slack(alert.subject), "blocks": blocks}


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}


def _plain_slack(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _discord(alert: Alert, _: ChannelConfig) -> dict[str, Any]:
    embed = {
        "title": alert.subject[:256],
        "description": _text(alert),
        "color": RED,
        "timestamp": alert.triggered_at,
    }
    return {"embeds": [embed], "allowed_mentions": {"parse": []}}


def _teams(alert: Alert, _: ChannelConfig) -> dict[str, Any]:
    return {
        "@type": "MessageCard",
        "@context": "https://schema.org/extensions",
        "summary": alert.subject,
        "themeColor": f"{RED:06X}",
        "title": alert.subject,
        "text": _text(alert).replace("\n", "\n\n"),
    }


def _pagerduty(alert: Alert, config: ChannelConfig) -> dict[str, Any]:
    """Builds an event of version 2: one rule is one incident, however often it fires."""
    return {
        "routing_key": config.integration_key,
        "event_action": "trigger",
        "dedup_key": alert.rule_id,
        "payload": {
            "summary": f"{alert.subject}: {alert.message}"[:1024],
            "source": "sluice",
            "severity": "error",
            "timestamp": alert.triggered_at,
            "custom_details": msgspec.to_builtins(alert),
        },
    }


def _text(alert: Alert) -> str:
    return alert.text[:MOST_TEXT_CHARS]
