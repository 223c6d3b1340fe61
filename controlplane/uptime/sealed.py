"""Which columns of monitors are sealed, for a change of the installation's secret."""

from controlplane.resealing import SealedColumn
from controlplane.uptime import models
from controlplane.uptime.page_models import StatusSubscriber
from controlplane.uptime.subscribers import renew_digest

SEALED = (
    SealedColumn(models.Monitor, "sealed_config", lambda row: f"monitor/{row.id}"),
    SealedColumn(models.Heartbeat, "sealed_secret", lambda row: f"heartbeat/{row.monitor_id}"),
    SealedColumn(models.EscalationPolicy, "sealed_config", lambda row: f"escalation/{row.id}"),
    SealedColumn(
        StatusSubscriber, "sealed_target", lambda row: f"status subscriber {row.id}", renew_digest
    ),
)
