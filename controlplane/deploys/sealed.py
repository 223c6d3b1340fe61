"""Which columns of deployments are sealed, for a change of the installation's secret."""

from controlplane.deploys import models
from controlplane.resealing import SealedColumn

SEALED = (
    SealedColumn(models.App, "sealed_secrets", lambda row: f"app {row.project_id}"),
    SealedColumn(models.EnvVar, "sealed_value", lambda row: f"variable {row.project_id} {row.key}"),
    SealedColumn(models.AppRelease, "sealed_environment", lambda row: f"release {row.id}"),
    SealedColumn(models.GitWebhook, "sealed_secret", lambda row: f"git webhook {row.id}"),
)
