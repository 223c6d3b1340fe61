"""What retention remembers: the last day that it knows, and which projects were purged."""

from datetime import date, datetime

from sqlalchemy import delete, select

from controlplane.database import Database
from controlplane.models import PurgedProject, RetentionDay
from schemas.projects import ProjectId

ONLY = 1
"""The key of the single row."""


async def known_day(database: Database) -> date | None:
    """Return the last day that retention was sure of, in UTC; `None` before its first run."""
    async with database.reading() as session:
        return await session.scalar(select(RetentionDay.day))


async def know_day(database: Database, day: date) -> None:
    """Make a day the last one that retention is sure of, whatever it was before."""
    async with database.session() as session:
        await session.merge(RetentionDay(singleton=ONLY, day=day))


async def list_purged_projects(database: Database) -> frozenset[ProjectId]:
    """List the projects that were purged, as long as data of theirs may still arrive."""
    async with database.reading() as session:
        found = await session.scalars(select(PurgedProject.project_id))
        return frozenset(ProjectId(str(project_id)) for project_id in found)


async def forget_purged_projects(database: Database, deleted_before: datetime) -> None:
    """Forget those that were deleted so long ago that age alone removes what arrives."""
    async with database.session() as session:
        await session.execute(
            delete(PurgedProject).where(PurgedProject.deleted_at < deleted_before)
        )
