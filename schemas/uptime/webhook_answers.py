"""Answers about webhooks. Times are ISO 8601, UTC."""

from msgspec import UNSET, Struct, UnsetType


class WebhookAnswer(Struct, frozen=True, kw_only=True):
    """A webhook. `secret` is told once, by the answer that makes it."""

    webhook_id: str
    target: str
    """Scheme and host of the URL; the rest of it may be a secret."""
    events: list[str]
    """Empty for all."""
    description: str
    created_at: str
    secret: str | UnsetType = UNSET
    message: str


class WebhookList(Struct, frozen=True):
    """All webhooks of a project, the oldest first."""

    webhooks: list[WebhookAnswer]


class WebhookRemoved(Struct, frozen=True):
    """It is gone, with its deliveries."""

    webhook_id: str
    message: str


class DeliveryAnswer(Struct, frozen=True, kw_only=True):
    """One event for one webhook."""

    delivery_id: str
    event_id: str
    event_type: str
    state: str
    """pending, delivered, or dead: given up after five attempts, and to be replayed."""
    attempts: int
    next_attempt_at: str | None
    last_status: int | None
    last_error: str
    created_at: str
    delivered_at: str | None


class DeliveryPage(Struct, frozen=True):
    """Deliveries, the newest first."""

    deliveries: list[DeliveryAnswer]
    next_cursor: str | None


class Replayed(Struct, frozen=True):
    """They are sent again: with the same ids of events, so a receiver knows them."""

    deliveries: int
    message: str


class WebhookTried(Struct, frozen=True):
    """What a test came to."""

    delivered: bool
    status: int | None
    error: str
    message: str
