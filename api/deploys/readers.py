"""Who may read the log of a deployment, and whether it goes on: asked of the host."""

from typing import Any, NamedTuple, Protocol, TypeAlias

from litestar.connection import ASGIConnection

from schemas.deploys.states import Status
from schemas.projects import ProjectContext

Connection: TypeAlias = ASGIConnection[Any, Any, Any, Any]


class Ending(NamedTuple):
    """That a deployment is over."""

    status: Status
    at_us: int
    """Since when, microseconds since 1970 UTC."""
    last_seq: int
    """Of its lines; a higher one where a deployer was killed before it could say."""


class DeployReader(Protocol):
    """What the host puts on `app.state` as `deploy_reader`."""

    async def find(self, connection: Connection, deployment_id: str) -> ProjectContext:
        """Returns the project of a deployment, from the credential of a request or a WebSocket.

        Raises `Unauthorized` for no or a wrong one, `NotFound` where it reaches no such deployment.
        """
        ...

    async def ending(self, project: ProjectContext, deployment_id: str) -> Ending | None:
        """Returns that the deployment is over, `None` while it is not.

        Asked once a second for each log that somebody follows. All lines must be in the event log
        before a deployment is over. Raises `NotFound` where it was removed, and `RetryLater` where
        nobody can say now.
        """
        ...


def deploy_reader(connection: Connection) -> DeployReader:
    """Returns what the host has put there."""
    reader: DeployReader = connection.app.state.deploy_reader
    return reader
