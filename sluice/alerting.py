"""The delivery of alerts as a part of a process: of each that holds the installation's secret."""

from alerts.errors.deliver import Deliverer
from controlplane.crypto import Vault
from controlplane.database import Database
from sluice.process import Process

DELIVER_EVERY_S = 2.0


def add_delivery(process: Process, database: Database, vault: Vault) -> None:
    """Adds what sends the messages of alerts, and what routes need to try a channel."""
    settings = process.settings
    deliverer = Deliverer(
        database,
        vault,
        private_allowed=settings.private_targets == "allow",
        email_url=settings.alert_email_url,
    )
    process.state["try_channel"] = deliverer.try_channel
    process.upkeep.append((DELIVER_EVERY_S, deliverer.work))
