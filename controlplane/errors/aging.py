"""Open issues to which nothing has happened for as long as their project says."""

import time
from typing import Any
from uuid import UUID

from sqlalchemy import exists, select, update
from sqlalchemy.engine import CursorResult
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.database import Database
from controlplane.errors.activity import Happening, note
from controlplane.errors.changes import CLEARED
from controlplane.errors.models import ErrorSetting, Issue, IssueActivity
from controlplane.models import Project

AT_ONCE = 200
DAY_US = 86_400_000_000


async def resolve_old_issues(database: Database, now_us: int | None = None) -> int:
    """Resolves the issues whose time is over; returns how many. May be repeated.

    Time is counted from the last event, and from the last thing that happened: an issue that
    somebody has opened again, or whose events have an old clock, is not resolved at once.
    """
    now_us = time.time_ns() // 1000 if now_us is None else now_us
    query = (
        select(ErrorSetting.project_id, ErrorSetting.auto_resolve_days)
        .join(Project, Project.id == ErrorSetting.project_id)
        .where(ErrorSetting.auto_resolve_days.is_not(None), Project.deleted_at.is_(None))
    )
    async with database.reading() as session:
        projects = (await session.execute(query)).all()
    resolved = 0
    for project_id, days in projects:
        found = AT_ONCE if days is not None else 0
        while found == AT_ONCE:
            async with database.session() as session:
                found = await _resolve_some(session, project_id, days or 0, now_us)
            resolved += found
    return resolved


async def _resolve_some(session: AsyncSession, project_id: UUID, days: int, now_us: int) -> int:
    since_us = now_us - days * DAY_US
    happened = exists().where(
        IssueActivity.issue_id == Issue.id,
        IssueActivity.at_us >= since_us,
        IssueActivity.kind != "assigned",
    )
    is_old = (
        Issue.project_id == project_id,
        Issue.status == "open",
        Issue.last_seen_us < since_us,
        ~happened,
    )
    ids = list(await session.scalars(select(Issue.id).where(*is_old).limit(AT_ONCE)))
    happenings = []
    for issue_id in ids:
        # Without a release: any event that comes opens it again.
        values: dict[str, Any] = CLEARED | {
            "status": "resolved",
            "resolution": "now",
            "resolved_us": now_us,
        }
        statement = update(Issue).where(Issue.id == issue_id, *is_old).values(**values)
        result = await session.execute(statement.execution_options(synchronize_session=False))
        assert isinstance(result, CursorResult)
        if result.rowcount:
            data = {"resolution": "now", "release": None, "afterDays": days}
            name = f"aged/{now_us}"
            happenings.append(
                Happening(project_id, issue_id, "resolved", now_us, data=data, name=name)
            )
    await note(session, happenings)
    return len(ids)
