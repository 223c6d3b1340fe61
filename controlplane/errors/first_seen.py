"""Which issues of a project are new in a time."""

from typing import NamedTuple

from sqlalchemy import select

from controlplane.database import Database
from controlplane.errors.models import Issue
from controlplane.rules import as_uuid
from schemas.projects import ProjectId

MOST_ISSUES = 10_000
FAULTS = ("error", "fatal")
"""Levels of what is no remark."""


class FirstSeen(NamedTuple):
    """An issue, and when an event of it was seen first."""

    id: str
    number: int
    title: str
    level: str
    at_us: int


async def has_issues(database: Database, project_id: ProjectId) -> bool:
    """Tells whether an error of the project has ever been stored."""
    query = select(Issue.id).where(Issue.project_id == as_uuid(project_id)).limit(1)
    async with database.reading() as session:
        return await session.scalar(query) is not None


async def list_first_seen(
    database: Database, project_id: ProjectId, from_us: int, to_us: int
) -> list[FirstSeen]:
    """Returns the faults that were seen first in a time, in order."""
    query = (
        select(Issue.id, Issue.number, Issue.title, Issue.level, Issue.first_seen_us)
        .where(Issue.project_id == as_uuid(project_id), Issue.status != "merged")
        .where(Issue.level.in_(FAULTS))
        .where(Issue.first_seen_us >= from_us, Issue.first_seen_us < to_us)
        .order_by(Issue.first_seen_us, Issue.id)
        .limit(MOST_ISSUES)
    )
    async with database.reading() as session:
        rows = (await session.execute(query)).all()
    return [
        FirstSeen(str(key), number, title, level, at_us)
        for key, number, title, level, at_us in rows
    ]
