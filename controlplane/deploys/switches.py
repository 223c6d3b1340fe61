"""When deployments took over: the moment of their first event with the status `running`."""

from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.database import Database
from controlplane.deploys import models
from controlplane.models import Project
from schemas.deploys.apps import AppConfig
from schemas.deploys.windows import Switch
from schemas.projects import ProjectId

MOST_RECENT = 1000


class Neighbours(Struct, frozen=True):
    """The switch of a deployment, and those of its environment around it."""

    own: Switch | None
    """`None` where it never took over."""
    previous: Switch | None = None
    following: Switch | None = None


def switches(*where: Any) -> Select[UUID, int]:
    """Returns the query of deployments that took over, with the moment; to be narrowed."""
    of, event = models.Deployment, models.DeploymentEvent
    return (
        select(of.id, func.min(event.at_us).label("at_us"))
        .join(event, event.deployment_id == of.id)
        .where(event.status == "running", *where)
        .group_by(of.id)
    )


async def find_neighbours(session: AsyncSession, row: models.Deployment) -> Neighbours:
    """Returns when a deployment took over, and which ones did before and after it."""
    of = models.Deployment
    own = (await session.execute(switches(of.id == row.id))).first()
    if own is None:
        return Neighbours(None)
    around = switches(
        of.project_id == row.project_id, of.environment == row.environment, of.id != row.id
    ).subquery()
    moment, key = around.c.at_us, around.c.id
    before = select(key, moment).where(moment <= own[1]).order_by(moment.desc()).limit(1)
    after = select(key, moment).where(moment > own[1]).order_by(moment).limit(1)
    return Neighbours(
        Switch(str(own[0]), own[1]),
        _switch((await session.execute(before)).first()),
        _switch((await session.execute(after)).first()),
    )


def _switch(row: Any) -> Switch | None:
    return None if row is None else Switch(str(row[0]), row[1])


class Recent(Struct, frozen=True, kw_only=True):
    """A deployment that took over, of any project."""

    project_id: ProjectId
    deployment_id: str
    commit_sha: str
    commit_msg: str
    environment: str
    started_us: int | None
    at_us: int
    inject: bool
    """Whether its app is told of us, and so of what its release is called."""


async def list_recent(database: Database, since_us: int) -> list[Recent]:
    """Returns what took over since then, in order, `MOST_RECENT` at most."""
    of = models.Deployment
    began = switches(of.updated_us >= since_us).subquery()
    query = (
        select(of, began.c.at_us, models.App.config)
        .join(began, began.c.id == of.id)
        .join(models.App, models.App.project_id == of.project_id)
        .join(Project, Project.id == of.project_id)
        .where(began.c.at_us >= since_us, Project.deleted_at.is_(None))
        .order_by(began.c.at_us, of.id)
        .limit(MOST_RECENT)
    )
    async with database.reading() as session:
        rows = (await session.execute(query)).all()
    return [
        Recent(
            project_id=ProjectId(str(row.project_id)),
            deployment_id=str(row.id),
            commit_sha=row.commit_sha,
            commit_msg=row.commit_msg,
            environment=row.environment,
            started_us=row.started_us,
            at_us=at_us,
            inject=msgspec.json.decode(config, type=AppConfig).inject,
        )
        for row, at_us, config in rows
    ]
