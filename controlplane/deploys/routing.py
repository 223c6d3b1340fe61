"""Which instance serves what, for whoever passes requests on."""

from uuid import UUID

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.database import Database
from controlplane.deploys import models
from controlplane.models import Project
from schemas.deploys.routing import PRODUCTION, Owner, Route


async def list_routes(database: Database) -> list[Route]:
    """Returns where requests for each environment of each app go now.

    Production is what serves by default: what was deployed to it, or what was promoted.
    """
    of, deployment = models.AppInstance, models.Deployment
    serving = (
        select(of, deployment.is_default)
        .join(Project, Project.id == of.project_id)
        .join(deployment, deployment.id == of.deployment_id)
        .where(of.state == "serving", Project.deleted_at.is_(None))
        .order_by(of.project_id, of.environment)
    )
    async with database.reading() as session:
        rows = [(row[0], bool(row[1])) for row in await session.execute(serving)]
        hosts = await _hosts(session)
    promoted = {row.project_id for row, is_default in rows if is_default}
    routes = []
    for row, is_default in rows:
        if row.environment != PRODUCTION:
            routes.append(_route(row, row.environment, ()))
        if is_default or (row.environment == PRODUCTION and row.project_id not in promoted):
            routes.append(_route(row, PRODUCTION, tuple(hosts.get(row.project_id, ()))))
    return routes


async def is_verified(database: Database, host: str) -> bool:
    """Tells whether the owner of a host has proved to want it here."""
    of = models.AppDomain
    async with database.reading() as session:
        found = await session.scalar(select(of.id).where(of.verified_domain == host).limit(1))
    return found is not None


async def _hosts(session: AsyncSession) -> dict[UUID, list[str]]:
    of = models.AppDomain
    query = select(of.project_id, of.verified_domain).where(of.verified_domain.is_not(None))
    hosts: dict[UUID, list[str]] = {}
    for project_id, name in await session.execute(query.order_by(of.verified_domain)):
        hosts.setdefault(project_id, []).append(str(name))
    return hosts


def _route(row: models.AppInstance, environment: str, hosts: tuple[str, ...]) -> Route:
    return Route(
        project_id=str(row.project_id),
        environment=environment,
        hosts=hosts,
        address=row.address,
        port=row.port,
        instance_id=str(row.id),
        owner=_owner_in(row.details),
    )


def _owner_in(details: str) -> Owner | None:
    """Returns who has started an instance, as its driver has noted it."""
    try:
        owner = msgspec.json.decode(details, type=Owner)
    except msgspec.ValidationError:
        return None  # Of an earlier version.
    return owner if owner.namespace else None
