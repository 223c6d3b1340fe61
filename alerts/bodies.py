"""What is posted for a message, by the kind of its channel: address, body, headers."""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from schemas.channels import ChannelConfig
from schemas.messages import Due, Message, Tone

ENQUEUE = "/v2/enqueue"
"""Below the address of PagerDuty's Events API."""
SIGNATURE = "X-Sentry-Clone-Signature"
IDEMPOTENCY = "Idempotency-Key"
EVENT_SIGNATURE = "X-StatusPulse-Signature"
EVENT_TYPE = "X-StatusPulse-Event"
MOST_TEXT_CHARS = 1900
"""Discord takes 2,000."""
MOST_SUMMARY_CHARS = 1024
COLOURS: Mapping[Tone, int] = {"bad": 0xD93025, "good": 0x1E8E3E}


class Post(NamedTuple):
    """A request that is to be made."""

    url: str
    body: bytes
    headers: dict[str, str]


def post_of(due: Due, pagerduty_url: str) -> Post:
    """Returns the request of a message whose channel takes JSON.

    A message that is sent twice has the same body and the same key both times.
    """
    config, message = due.config, due.message
    makers = {"slack": _slack, "discord": _discord, "msteams": _teams, "pagerduty": _pagerduty}
    if due.source == "webhook":
        return _event_post(due)
    if due.kind == "webhook":
        body, url = bytes(message.body), config.url
    else:
        body = msgspec.json.encode(makers[due.kind](message, config))
        is_pagerduty = due.kind == "pagerduty"
        url = pagerduty_url.rstrip("/") + ENQUEUE if is_pagerduty else config.webhook_url
    headers = {"Content-Type": "application/json", IDEMPOTENCY: due.key}
    if config.secret:
        headers[SIGNATURE] = sign(body, config.secret)
    return Post(url, body, headers)


def _event_post(due: Due) -> Post:
    """Returns the request of an event, signed as StatusPulse's are: docs/uptime-webhooks.md."""
    body, secret = bytes(due.message.body), due.config.secret
    headers = {
        "Content-Type": "application/json",
        IDEMPOTENCY: due.message.incident_key,
        EVENT_TYPE: due.message.subject,
        EVENT_SIGNATURE: hmac.new(secret.encode(), body, hashlib.sha256).hexdigest(),
    }
    return Post(due.config.url, body, headers)


def sign(body: bytes, secret: str) -> str:
    """Returns the signature that a receiver compares: `sha256=` and the hex HMAC of the body."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def _slack(message: Message, _: ChannelConfig) -> dict[str, Any]:
    # As plain text: a title may hold what Slack reads as markup, or as a call of everybody.
    blocks = [
        {"type": "header", "text": _plain(message.subject[:150])},
        {"type": "section", "text": _plain(_text(message))},
    ]
    return {"text": _plain_slack(message.subject), "blocks": blocks}


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}


def _plain_slack(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _discord(message: Message, _: ChannelConfig) -> dict[str, Any]:
    embed = {
        "title": message.subject[:256],
        "description": _text(message),
        "color": COLOURS[message.tone],
        "timestamp": message.at,
    }
    return {"embeds": [embed], "allowed_mentions": {"parse": []}}


def _teams(message: Message, _: ChannelConfig) -> dict[str, Any]:
    return {
        "@type": "MessageCard",
        "@context": "https://schema.org/extensions",
        "summary": message.subject,
        "themeColor": f"{COLOURS[message.tone]:06X}",
        "title": message.subject,
        "text": _text(message).replace("\n", "\n\n"),
    }


def _pagerduty(message: Message, config: ChannelConfig) -> dict[str, Any]:
    """Builds an event of Events API v2: what has one key is one incident, however often sent."""
    event: dict[str, Any] = {
        "routing_key": config.integration_key,
        "event_action": message.action,
        "dedup_key": message.incident_key,
    }
    if message.action == "trigger":
        event["payload"] = {
            "summary": message.summary[:MOST_SUMMARY_CHARS],
            "source": "sluice",
            "severity": message.urgency,
            "timestamp": message.at,
            "custom_details": message.body,
        }
    return event


def _text(message: Message) -> str:
    return message.text[:MOST_TEXT_CHARS]
