"""What the control plane says of people in deployments."""

from controlplane.deploys.models import AppRelease, Deployment, DeploymentEvent
from controlplane.person_texts import Texts

TEXTS = (
    Texts("deployments", Deployment, ("author", "commit_msg", "error_msg")),
    Texts(
        "changes of deployments",
        DeploymentEvent,
        ("author", "reason"),
        through=(DeploymentEvent.deployment_id, Deployment.id, Deployment.project_id),
    ),
    Texts("releases of apps", AppRelease, ("commit_msg",)),
)
