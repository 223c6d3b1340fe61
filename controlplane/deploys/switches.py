"""When deployments took over: the moment of their first event with the status `running`."""

from typing import Any
from uuid import UUID

from msgspec import Struct
from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.deploys import models
from schemas.deploys.windows import Switch


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
