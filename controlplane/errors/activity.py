"""What happened to issues: noted once, told newest first."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.database import Database
from controlplane.errors.models import Issue, IssueActivity
from controlplane.many_rows import insert_new
from controlplane.models import User
from controlplane.rules import as_uuid
from schemas.errors.issues import ActivityRow, Change
from schemas.projects import ProjectId, UserId

MOST_TOLD = 100


class Happening(NamedTuple):
    """Something that happened to an issue."""

    project_id: UUID
    issue_id: UUID
    kind: Change
    at_us: int
    user_id: UUID | None = None
    data: Mapping[str, str | int | None] = {}
    name: str = ""
    """Where the same one may be noted again: what it is known by. Empty is each time another."""


async def note(session: AsyncSession, happenings: Sequence[Happening]) -> None:
    """Notes what happened; what was noted under its name stays as it is."""
    await insert_new(session, IssueActivity, [_row(one) for one in happenings])


async def list_activity(
    database: Database,
    project_id: ProjectId,
    issue_id: str | None = None,
    *,
    limit: int = MOST_TOLD,
    before: tuple[int, str] | None = None,
) -> list[ActivityRow]:
    """Tells what happened to one issue of a project, or to all of them, newest first.

    `before` is the moment and the id of the last one that was told before.
    """
    key = as_uuid(project_id)
    if issue_id is None:
        query = _query().where(IssueActivity.project_id == key)
    else:
        # Of two indexes SQLite would take the project's, and read all that ever happened there.
        query = _query().where(IssueActivity.issue_id == as_uuid(issue_id), Issue.project_id == key)
    if before is not None:
        place = tuple_(IssueActivity.at_us, IssueActivity.id)
        query = query.where(place < (before[0], as_uuid(before[1]) or UUID(int=0)))
    async with database.reading() as session:
        rows = (await session.execute(query.limit(min(limit, MOST_TOLD)))).all()
    return [_told(*row) for row in rows]


async def list_recent(
    database: Database, project_ids: Sequence[ProjectId], limit: int
) -> list[ActivityRow]:
    """Tells what happened last to issues of some projects."""
    ids = [as_uuid(one) for one in project_ids]
    query = _query().where(IssueActivity.project_id.in_(ids))
    async with database.reading() as session:
        rows = (await session.execute(query.limit(min(limit, MOST_TOLD)))).all()
    return [_told(*row) for row in rows]


def _query() -> Any:
    return (
        select(IssueActivity, Issue.number, Issue.title, User.name)
        .join(Issue, Issue.id == IssueActivity.issue_id)
        .outerjoin(User, User.id == IssueActivity.user_id)
        .order_by(IssueActivity.at_us.desc(), IssueActivity.id.desc())
    )


def _row(one: Happening) -> dict[str, Any]:
    return {
        "id": uuid.uuid4(),
        "project_id": one.project_id,
        "issue_id": one.issue_id,
        "at_us": one.at_us,
        "user_id": one.user_id,
        "kind": one.kind,
        "data": msgspec.json.encode(dict(one.data)).decode(),
        "name": one.name or uuid.uuid4().hex,
    }


def _told(row: IssueActivity, number: int, title: str, user_name: str | None) -> ActivityRow:
    return ActivityRow(
        id=str(row.id),
        project_id=ProjectId(str(row.project_id)),
        issue_id=str(row.issue_id),
        at_us=row.at_us,
        kind=msgspec.convert(row.kind, Change),
        user_id=None if row.user_id is None else UserId(str(row.user_id)),
        user_name=user_name,
        data=msgspec.json.decode(row.data),
        number=number,
        title=title,
    )
