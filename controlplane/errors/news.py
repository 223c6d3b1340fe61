"""What tells that something of issues is new, without reading it."""

from typing import NamedTuple

from sqlalchemy import func, select

from controlplane.database import Database
from controlplane.errors.models import Issue, IssueActivity
from controlplane.rules import as_uuid
from schemas.projects import ProjectId

WRAPS_AT = 2_147_483_647
"""Sums of many moments would not fit into a number of the databases."""


class Mark(NamedTuple):
    """Two that are the same: nothing happened between. All of it comes from indexes."""

    issues: tuple[tuple[str, int, int], ...]
    """By status: how many, and what their last moments add up to."""
    happened: int


async def mark_of(database: Database, project_id: ProjectId, issue_id: str | None = None) -> Mark:
    """Returns the mark of a project, or of one of its issues by its id."""
    key = as_uuid(project_id)
    issues = (
        select(Issue.status, func.count(), func.sum(Issue.last_seen_us % WRAPS_AT))
        .where(Issue.project_id == key)
        .group_by(Issue.status)
        .order_by(Issue.status)
    )
    happened = select(func.count()).select_from(IssueActivity)
    if issue_id is None:
        happened = happened.where(IssueActivity.project_id == key)
    else:
        issues = issues.where(Issue.id == as_uuid(issue_id))
        happened = happened.where(IssueActivity.issue_id == as_uuid(issue_id))
    async with database.reading() as session:
        found = (await session.execute(issues)).all()
        count = (await session.execute(happened)).scalar_one()
    return Mark(tuple((status, number, int(sums)) for status, number, sums in found), count)
