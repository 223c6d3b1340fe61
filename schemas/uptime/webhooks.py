"""Webhooks: what is posted of a project's events, to whom, and what became of it."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from schemas.uptime.events import EventType
from schemas.webhooks import MAX_DESCRIPTION_CHARS

MAX_WEBHOOKS = 10
MAX_URL_CHARS = 2000
TRIAL = "ping"
"""The type of the event that a test sends."""
WebhookMessageState = Literal["pending", "delivered", "dead"]


class WebhookForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A webhook as people write it."""

    url: Annotated[str, Meta(min_length=8, max_length=MAX_URL_CHARS)]
    events: Annotated[list[EventType], Meta(max_length=50)] = []
    """Which types are posted; none named is all."""
    description: Annotated[str, Meta(max_length=MAX_DESCRIPTION_CHARS)] = ""


class Webhook(Struct, frozen=True, kw_only=True):
    """A webhook as it is told. Times are microseconds since 1970 UTC."""

    webhook_id: str
    target: str
    """Scheme and host: paths and queries of such URLs are often secrets."""
    events: list[EventType]
    description: str
    created_us: int


class WebhookMessage(Struct, frozen=True, kw_only=True):
    """One event for one webhook, and what became of it."""

    delivery_id: str
    event_id: str
    event_type: str
    state: WebhookMessageState
    attempts: int
    next_attempt_us: int
    last_status: int | None
    last_error: str
    created_us: int
    delivered_us: int | None


class IncidentPart(Struct, frozen=True, kw_only=True):
    """What an event says of its incident."""

    incident_id: str
    title: str
    severity: str
    state: str
    started_at: str
    external_ids: dict[str, str]


class WebhookBody(Struct, frozen=True, kw_only=True):
    """What is posted, as JSON. Times are ISO 8601, UTC."""

    event_id: str
    """The same at each attempt and at a replay: who has seen it has seen the event."""
    event_type: str
    timestamp: str
    """When it was so; `noted_at` is when it was known."""
    noted_at: str
    project_id: str
    monitor_id: str | None
    monitor_name: str | None
    incident: IncidentPart | None
    in_maintenance: bool
    details: dict[str, Any]
