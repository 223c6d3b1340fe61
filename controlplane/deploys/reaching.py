"""Whose a thing is, for who knows its id alone."""

from typing import NamedTuple

from sqlalchemy import select

from controlplane.database import Database
from controlplane.deploys import models
from controlplane.deploys.rows import Reach
from controlplane.failures import NotFound
from controlplane.models import Project
from controlplane.rules import as_uuid
from schemas.deploys.states import ENDED, Status
from schemas.projects import ProjectId

Owned = models.Deployment | models.AppDomain | models.GitWebhook
"""What a project has, each with an id of its own."""


class Over(NamedTuple):
    """That a deployment is over."""

    status: Status
    at_us: int
    last_seq: int
    """Of its lines. Where a deployer was killed, no line has a higher one."""


async def project_of_deployment(
    database: Database, reach: Reach | None, deployment_id: str
) -> ProjectId:
    """Returns whose deployment it is, within a reach or anywhere; raises `NotFound`."""
    found = await _project_of(database, models.Deployment, reach, deployment_id)
    if found is None:
        raise NotFound("deployment not found")
    return found


async def project_of_domain(database: Database, reach: Reach | None, domain_id: str) -> ProjectId:
    """Returns whose domain it is, within a reach or anywhere; raises `NotFound`."""
    found = await _project_of(database, models.AppDomain, reach, domain_id)
    if found is None:
        raise NotFound("domain not found")
    return found


async def project_of_webhook(database: Database, reach: Reach | None, webhook_id: str) -> ProjectId:
    """Returns whose webhook it is, within a reach or anywhere; raises `NotFound`."""
    found = await _project_of(database, models.GitWebhook, reach, webhook_id)
    if found is None:
        raise NotFound("webhook not found")
    return found


async def over_since(database: Database, project_id: ProjectId, deployment_id: str) -> Over | None:
    """Tells how a deployment of a project ended, and since when nothing of it runs; else `None`.

    Raises `NotFound`. One that runs goes on, and one that is drained: its app prints.
    """
    of, instance = models.Deployment, models.AppInstance
    query = select(of).where(of.id == as_uuid(deployment_id), of.project_id == as_uuid(project_id))
    async with database.reading() as session:
        row = await session.scalar(query)
        if row is None:
            raise NotFound("deployment not found")
        if row.status not in ENDED:
            return None
        ends = select(instance.ended_us).where(instance.deployment_id == row.id)
        ended = list(await session.scalars(ends))
    if any(one is None for one in ended):
        return None
    return Over(row.status, max([row.updated_us, *(one or 0 for one in ended)]), row.lines)


async def _project_of(
    database: Database, of: type[Owned], reach: Reach | None, id_text: str
) -> ProjectId | None:
    query = select(of.project_id).join(Project, Project.id == of.project_id)
    query = query.where(of.id == as_uuid(id_text), Project.deleted_at.is_(None))
    if reach is not None:
        query = query.where(reach.covers(of.project_id))
    async with database.reading() as session:
        found = await session.scalar(query)
    return None if found is None else ProjectId(str(found))
