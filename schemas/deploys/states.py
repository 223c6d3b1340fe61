"""What becomes of deployments, and in which words."""

from typing import Literal

Status = Literal["queued", "building", "running", "failed", "stopped", "cancelled", "finished"]
"""`finished` is of a deployment that builds alone. A running one that another replaces is
`stopped`."""
Phase = Literal[
    "", "fetch", "detect", "install", "build", "start", "health", "switch", "drain"
]  # fmt: skip
DeploymentKind = Literal["deploy", "rollback", "restart"]
"""A rollback and a restart start a kept release; where it is gone, its commit is built again."""
Origin = Literal["api", "page", "webhook", "sync", "rule"]
InstanceState = Literal["starting", "serving", "draining", "stopped", "crashed"]
Provider = Literal["github", "gitlab", "gitea"]
ENDED: tuple[Status, ...] = ("failed", "stopped", "cancelled", "finished")
