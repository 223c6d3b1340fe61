"""What ends with a project that is deleted: what waits, what is built, what runs."""

import time
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.deploys import models
from controlplane.deploys.rows import write_event
from schemas.deploys.states import ENDED

REASON = "the project was deleted"


async def end_deployments(session: AsyncSession, project_id: UUID) -> None:
    """Ends all deployments of a project within an open transaction, and what runs with them.

    Its deployers see that the instances are to be drained, and stop them.
    """
    now_us = time.time_ns() // 1000
    of, instance = models.Deployment, models.AppInstance
    query = select(of).where(of.project_id == project_id, of.status.not_in(ENDED))
    for row in list(await session.scalars(query.with_for_update())):
        if row.status == "building":
            row.cancel_us = row.cancel_us or now_us
        else:
            row.status = "stopped" if row.status == "running" else "cancelled"
            row.is_default, row.finished_us = False, row.finished_us or now_us
        await write_event(session, row, now_us, reason=REASON)
    await session.execute(
        update(instance)
        .where(instance.project_id == project_id, instance.state == "serving")
        .values(state="draining")
        .execution_options(synchronize_session=False)
    )
