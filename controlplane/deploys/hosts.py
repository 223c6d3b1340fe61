"""The domain that an app is shown with."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.deploys import models


async def first_hosts(session: AsyncSession, ids: Collection[UUID]) -> dict[UUID, str]:
    """Returns the domain of each project that was verified first, where it has one."""
    of = models.AppDomain
    query = select(of.project_id, of.verified_domain).where(
        of.project_id.in_(ids), of.verified_domain.is_not(None)
    )
    rows = await session.execute(query.order_by(of.verified_us.desc(), of.id))
    return {row[0]: str(row[1]) for row in rows}
