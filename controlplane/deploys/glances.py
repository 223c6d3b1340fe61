"""What pages show of an app beside its deployments: what serves, and whether anything is new."""

from typing import Any

from sqlalchemy import func, select

from controlplane.database import Database
from controlplane.deploys import models
from controlplane.deploys.hosts import first_hosts
from controlplane.deploys.rows import deployment_of, instance_of
from controlplane.rules import as_uuid
from schemas.deploys.deployments import Deployment, Instance
from schemas.projects import ProjectId


async def list_serving(database: Database, project_id: ProjectId) -> list[Instance]:
    """Returns what serves an environment of a project now, by the environment's name."""
    of = models.AppInstance
    query = select(of).where(of.project_id == as_uuid(project_id), of.state == "serving")
    async with database.reading() as session:
        return [instance_of(row) for row in await session.scalars(query.order_by(of.environment))]


async def list_running(database: Database, project_id: ProjectId) -> list[Deployment]:
    """Returns the deployments of a project that run now, by the environment's name."""
    of = models.Deployment
    query = select(of).where(of.project_id == as_uuid(project_id), of.status == "running")
    async with database.reading() as session:
        rows = list(await session.scalars(query.order_by(of.environment)))
        hosts = await first_hosts(session, {row.project_id for row in rows})
    return [deployment_of(row, host=hosts.get(row.project_id, "")) for row in rows]


async def mark_of(
    database: Database, project_id: ProjectId, *, deployment_id: str | None = None
) -> tuple[Any, ...]:
    """Returns what is another one when anything of an app changed, or of one deployment alone."""
    project = as_uuid(project_id)
    of, instance = models.Deployment, models.AppInstance
    deployments = select(func.count(), func.max(of.updated_us)).where(of.project_id == project)
    if deployment_id is not None:
        deployments = deployments.where(of.id == as_uuid(deployment_id))
    instances = select(func.count(), func.count(instance.ended_us), func.max(instance.ended_us))
    instances = instances.where(instance.project_id == project)
    restarts = select(instance.reason).where(
        instance.project_id == project, instance.state == "serving", instance.reason != ""
    )
    async with database.reading() as session:
        known = (await session.execute(deployments)).one()
        ended = (await session.execute(instances)).one()
        again = await session.scalars(restarts.order_by(instance.id))
        return (*known, *ended, *again)
