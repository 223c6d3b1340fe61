"""Messages on their way out: what is sent, by whom it is held, what became of it."""

from typing import Literal, NamedTuple

from msgspec import Raw, Struct

from schemas.channels import ChannelConfig, ChannelKind

Source = Literal["errors", "uptime", "webhook", "status", "deploys", "exports", "budgets", "judges"]
"""Whose message it is. The plan by which it is tried again depends on that: `alerts.plans`."""
DeliveryState = Literal["pending", "delivered", "failed", "dead"]
"""`failed` and `dead` are not tried any more; a dead one can be sent again by hand."""
Tone = Literal["bad", "good"]
Action = Literal["trigger", "acknowledge", "resolve"]
Urgency = Literal["critical", "error", "warning", "info"]


class Message(Struct, frozen=True, kw_only=True):
    """What a message says; each kind of channel takes from it what it can show."""

    subject: str
    text: str
    """The whole, in lines."""
    summary: str
    """The whole, in one line."""
    at: str
    """When it happened: ISO 8601, UTC."""
    tone: Tone = "bad"
    action: Action = "trigger"
    """What it does to an incident of PagerDuty."""
    urgency: Urgency = "error"
    incident_key: str
    """Which incident that is."""
    body: Raw
    """A JSON object: what programs get, word for word."""
    unsubscribe_url: str = ""
    """Of an email to somebody who has asked for it: where one request ends that (RFC 8058)."""


class Due(NamedTuple):
    """A message that is to be sent now, by whoever holds its lease."""

    id: str
    attempt: int
    """From 1 on. It names the lease: who comes back with an older one has lost it."""
    source: Source
    key: str
    """Says which message it is, whatever the number of attempts."""
    kind: ChannelKind
    config: ChannelConfig
    message: Message
    project_id: str = ""
    """Empty of one that is in no outbox."""


class Sent(NamedTuple):
    """What an attempt came to."""

    status: int | None
    """The HTTP status of the answer."""
    error: str = ""
    """Empty where the message was taken."""
    lasting: bool = False
    """Whether the same attempt cannot succeed later."""
