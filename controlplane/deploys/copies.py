"""Deployments that have changed, for whoever keeps a copy of them."""

from msgspec import Struct
from sqlalchemy import case, func, select, tuple_
from sqlalchemy.sql.expression import literal

from controlplane.database import Database
from controlplane.deploys import models
from controlplane.deploys.rows import deployment_of
from controlplane.models import Project
from controlplane.rules import as_uuid
from schemas.deploys.deployments import Deployment
from schemas.deploys.states import ENDED

AT_ONCE = 1000


class Changed(Struct, frozen=True):
    """A deployment, when it took over and when it ended."""

    deployment: Deployment
    switched_us: int | None
    ended_us: int | None


async def list_changed(database: Database, after: tuple[int, str]) -> list[Changed]:
    """Returns what has changed since, in the order of change, `AT_ONCE` at most.

    `after` are the moment and the id of the last one that is known.
    """
    of, event = models.Deployment, models.DeploymentEvent
    place = tuple_(literal(after[0]), literal(as_uuid(after[1]), of.id.type))
    began = func.min(case((event.status == "running", event.at_us)))
    ended = func.max(case((event.status.in_(ENDED), event.at_us)))
    query = (
        select(of, began, ended)
        .join(event, event.deployment_id == of.id)
        .join(Project, Project.id == of.project_id)
        .where(tuple_(of.updated_us, of.id) > place, Project.deleted_at.is_(None))
        .group_by(of.id)
        .order_by(of.updated_us, of.id)
        .limit(AT_ONCE)
    )
    async with database.reading() as session:
        rows = (await session.execute(query)).all()
    return [Changed(deployment_of(row), began_us, ended_us) for row, began_us, ended_us in rows]
