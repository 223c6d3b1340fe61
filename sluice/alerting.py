"""Paging and delivery as a part of a process: of each that holds the installation's secret."""

import time
from functools import partial

from alerts.deliver import Deliverer
from alerts.errors.trying import try_channel
from alerts.uptime.pager import Pager
from alerts.uptime.trying import try_targets, unknown_targets
from alerts.uptime.webhooks import put_out_all, try_webhook
from api.uptime.public.following import Following
from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.uptime.page_news import tell_news
from controlplane.uptime.subscribers import forget_unconfirmed
from sluice.process import Process

LOOK_EVERY_S = 0.5
DELIVER_EVERY_S = 0.5
TELL_EVERY_S = 5.0
"""Followers of status pages."""
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
    process.upkeep.append((PUT_OUT_EVERY_S, partial(put_out_all, database)))
    process.state["try_targets"] = partial(try_targets, deliverer)
    process.state["unknown_targets"] = unknown_targets
    pager = Pager(database, vault)
    process.upkeep.append((LOOK_EVERY_S, pager.work))
    process.upkeep.append((DELIVER_EVERY_S, deliverer.begin))
    process.stack.push_async_callback(deliverer.close)
    if settings.public_url:
        _add_followers(process, database, vault, deliverer)


def _add_followers(
    process: Process, database: Database, vault: Vault, deliverer: Deliverer
) -> None:
    """Adds what lets people follow status pages, and tells them what is new."""
    settings = process.settings
    sends_email = bool(settings.alert_email_url)
    following = Following(settings.public_url, deliverer.send_now, sends_email=sends_email)
    process.state["following"] = following

    async def tell() -> None:
        now_us = time.time_ns() // 1000
        await tell_news(database, vault, following.public_url, now_us)
        await forget_unconfirmed(database, now_us)

    process.upkeep.append((TELL_EVERY_S, tell))
