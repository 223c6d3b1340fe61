"""Who may read the log of a deployment, by request or by WebSocket, and whether it goes on."""

from typing import cast

from api.auth import AnyRequest, services
from api.deploys.callers import caller_in
from controlplane.database import Database
from controlplane.deploys.reaching import Over, over_since, project_of_deployment
from schemas.projects import ProjectContext


class LogAccess:
    """What routes of logs ask; one a process."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, connection: object, deployment_id: str) -> ProjectContext:
        """Returns the project of a deployment, from the credential of a request or a WebSocket.

        Raises `Unauthorized`, `Forbidden`, `TooManyRequests`, `InvalidParameters`, and `NotFound`
        where the credential reaches no such deployment.
        """
        # A WebSocket has the same headers, address and state.
        request = cast("AnyRequest", connection)
        caller = await caller_in(request)
        database, within = services(request).database, caller.looks_in
        return ProjectContext(await project_of_deployment(database, within, deployment_id))

    async def ending(self, project: ProjectContext, deployment_id: str) -> Over | None:
        """Returns that a deployment is over, and since when; `None` while it is not."""
        return await over_since(self._database, project.project_id, deployment_id)
