"""When deployments of a project took over, for whoever draws or lists it."""

from msgspec import Struct
from sqlalchemy import case, func, select

from controlplane.database import Database
from controlplane.deploys import models
from controlplane.rules import as_uuid
from schemas.deploys.states import ENDED
from schemas.projects import ProjectId

MOST_SWITCHES = 200
"""The newest of a time."""


class Marker(Struct, frozen=True, kw_only=True):
    """That a deployment took over."""

    deployment_id: str
    at_us: int
    ended_us: int | None
    """When it ended; `None` while it serves."""
    commit_sha: str
    commit_msg: str
    environment: str
    kind: str
    author: str


async def list_switches(
    database: Database, project_id: ProjectId, from_us: int, to_us: int
) -> list[Marker]:
    """Returns which deployments took over from a moment until before another, in order."""
    of, event = models.Deployment, models.DeploymentEvent
    began = func.min(case((event.status == "running", event.at_us)))
    ended = func.max(case((event.status.in_(ENDED), event.at_us)))
    query = (
        select(of, began, ended)
        .join(event, event.deployment_id == of.id)
        .where(of.project_id == as_uuid(project_id), of.created_us < to_us)
        .group_by(of.id)
        .having(began >= from_us, began < to_us)
        .order_by(began.desc(), of.id)
        .limit(MOST_SWITCHES)
    )
    async with database.reading() as session:
        rows = (await session.execute(query)).all()
    return [
        Marker(
            deployment_id=str(row.id),
            at_us=at_us,
            ended_us=ended_us,
            commit_sha=row.commit_sha,
            commit_msg=row.commit_msg,
            environment=row.environment,
            kind=row.kind,
            author=row.author,
        )
        for row, at_us, ended_us in reversed(rows)
    ]
