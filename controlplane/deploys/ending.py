"""What ends with a project, or with its being deployed: what waits, what is built, what runs."""

import time
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.database import Database
from controlplane.deploys import models
from controlplane.deploys.audit import Actor, note
from controlplane.deploys.rows import write_event
from controlplane.lookups import locked_project
from schemas.deploys.states import ENDED
from schemas.projects import ProjectId

REASON = "the project was deleted"


async def forget_app(database: Database, actor: Actor, project_id: ProjectId) -> None:
    """Has a project be deployed no more: what runs is stopped, and what was said of it goes.

    What was deployed stays listed. Raises `NotFound`.
    """
    async with database.session() as session:
        project = await locked_project(session, project_id)
        await end_deployments(session, project.id, "the project is deployed no more")
        for of in (models.EnvVar, models.AppDomain, models.GitWebhook, models.App):
            await session.execute(delete(of).where(of.project_id == project.id))
        note(session, actor, ("delete", "app", project_id), name=project.name)


async def end_deployments(session: AsyncSession, project_id: UUID, reason: str = REASON) -> None:
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
        await write_event(session, row, now_us, reason=reason)
    await session.execute(
        update(instance)
        .where(instance.project_id == project_id, instance.state == "serving")
        .values(state="draining")
        .execution_options(synchronize_session=False)
    )
