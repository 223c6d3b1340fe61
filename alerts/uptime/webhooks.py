"""Webhooks: events go to the outbox, and a test goes out at once."""

import time
import uuid
from collections.abc import Callable

import msgspec

from alerts.deliver import Deliverer
from controlplane.database import Database
from controlplane.uptime.webhook_messages import AT_ONCE, message_of, put_out_events
from schemas.channels import ChannelConfig
from schemas.messages import Sent
from schemas.projects import ProjectId
from schemas.times import iso_ms
from schemas.uptime.webhooks import TRIAL, Webhook, WebhookBody
from schemas.webhooks import WebhookSecret


async def put_out_all(
    database: Database, now_us: Callable[[], int] = lambda: time.time_ns() // 1000
) -> None:
    """Puts into the outbox what is new for webhooks. Any number of processes may."""
    while await put_out_events(database, now_us()) == AT_ONCE:
        pass


async def try_webhook(
    deliverer: Deliverer, project_id: ProjectId, webhook: Webhook, held: WebhookSecret
) -> Sent:
    """Posts a `ping` at once, and returns what it came to."""
    event_id, now_us = str(uuid.uuid4()), time.time_ns() // 1000
    body = WebhookBody(
        event_id=event_id,
        event_type=TRIAL,
        timestamp=iso_ms(now_us),
        noted_at=iso_ms(now_us),
        project_id=project_id,
        monitor_id=None,
        monitor_name=None,
        incident=None,
        in_maintenance=False,
        details={"webhook_id": webhook.webhook_id},
    )
    message = message_of(msgspec.json.encode(body), TRIAL, event_id, now_us)
    config = ChannelConfig(url=held.url, secret=held.secret)
    return await deliverer.send_now("webhook", config, message, event_id, "webhook")
