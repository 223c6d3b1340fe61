"""Whether a deployment is over: its status says so, and nothing of it runs any more."""

from typing import NamedTuple

from sqlalchemy import select

from controlplane.database import Database
from controlplane.deploys import models
from controlplane.deploys.rows import Reach, find_deployment
from schemas.deploys.states import ENDED, Status
from schemas.projects import ProjectId

LIVE = ("starting", "serving", "draining")


class Ended(NamedTuple):
    """What became of a deployment, and since when nothing of it runs."""

    status: Status
    at_us: int


async def find_ending(
    database: Database, project_id: ProjectId, deployment_id: str
) -> Ended | None:
    """Returns that a deployment is over; `None` while it is not. Raises `NotFound`."""
    of = models.AppInstance
    async with database.reading() as session:
        row = await find_deployment(session, Reach(project_id=project_id), deployment_id)
        if row.status not in ENDED:
            return None
        query = select(of.state, of.ended_us).where(of.deployment_id == row.id)
        instances = [(one[0], one[1]) for one in await session.execute(query)]
    if any(state in LIVE for state, _ in instances):
        return None
    at_us = max([row.updated_us, *(ended_us or 0 for _, ended_us in instances)])
    return Ended(row.status, at_us)
