"""Paging and delivery as a part of a process: of each that holds the installation's secret."""

from functools import partial

from alerts.deliver import Deliverer
from alerts.errors.trying import try_channel
from alerts.uptime.pager import Pager
from alerts.uptime.trying import try_targets, unknown_targets
from alerts.uptime.webhooks import WebhookEvents, try_webhook
from controlplane.crypto import Vault
from controlplane.database import Database
from sluice.process import Process

LOOK_EVERY_S = 0.5
DELIVER_EVERY_S = 0.5
PUT_OUT_EVERY_S = 1.0


def add_delivery(process: Process, database: Database, vault: Vault) -> None:
    """Adds what pages people, what sends messages, and what routes need to try a target."""
    settings = process.settings
    deliverer = Deliverer(
        database,
        vault,
        private_allowed=settings.private_targets == "allow",
        email_url=settings.alert_email_url,
        pagerduty_url=settings.pagerduty_url,
    )
    process.state["try_channel"] = partial(try_channel, deliverer)
    process.state["try_webhook"] = partial(try_webhook, deliverer)
    process.upkeep.append((PUT_OUT_EVERY_S, WebhookEvents(database).work))
    process.state["try_targets"] = partial(try_targets, deliverer)
    process.state["unknown_targets"] = unknown_targets
    pager = Pager(database, vault)
    process.upkeep.append((LOOK_EVERY_S, pager.work))
    process.upkeep.append((DELIVER_EVERY_S, deliverer.begin))
    process.stack.push_async_callback(deliverer.close)
