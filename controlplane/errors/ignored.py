"""Ignored issues whose time has come, or whose events or people may be enough now."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import or_, select, update
from sqlalchemy.engine import CursorResult

from controlplane.database import Database
from controlplane.errors.activity import Happening, note
from controlplane.errors.changes import CLEARED
from controlplane.errors.models import Issue, IssueFingerprint
from controlplane.rules import as_uuid
from schemas.errors.hashes import unsigned_hash
from schemas.projects import ProjectId

AT_ONCE = 200


class Ignored(NamedTuple):
    """An issue that is ignored until something."""

    project_id: ProjectId
    issue_id: str
    since_us: int
    until_us: int | None
    until_events: int | None
    until_people: int | None
    group_hashes: tuple[int, ...]


async def list_ignored(database: Database, now_us: int, after: str | None = None) -> list[Ignored]:
    """Returns issues that are ignored until a time that has come, or until a count.

    At most `AT_ONCE`, by id; of those behind `after`.
    """
    counts = (Issue.ignored_until_events, Issue.ignored_until_people)
    ends = or_(Issue.ignored_until_us <= now_us, *(count.is_not(None) for count in counts))
    query = select(Issue).where(Issue.status == "ignored", ends)
    if after is not None:
        query = query.where(Issue.id > as_uuid(after))
    of = IssueFingerprint
    async with database.reading() as session:
        rows = (await session.scalars(query.order_by(Issue.id).limit(AT_ONCE))).all()
        pairs = select(of.issue_id, of.group_hash).where(of.issue_id.in_([row.id for row in rows]))
        hashes: dict[UUID, list[int]] = {}
        for issue_id, group_hash in (await session.execute(pairs)).all() if rows else ():
            hashes.setdefault(issue_id, []).append(unsigned_hash(group_hash))
    return [
        Ignored(
            ProjectId(str(row.project_id)),
            str(row.id),
            row.ignored_us or 0,
            row.ignored_until_us,
            row.ignored_until_events,
            row.ignored_until_people,
            tuple(hashes.get(row.id, ())),
        )
        for row in rows
    ]


async def end_ignoring(
    database: Database, ended: Sequence[tuple[Ignored, str]], now_us: int
) -> int:
    """Opens issues that are still ignored as they were; returns how many. Each has a reason."""
    opened = 0
    async with database.session() as session:
        for one, why in ended:
            statement = (
                update(Issue)
                .where(
                    Issue.project_id == as_uuid(one.project_id),
                    Issue.id == as_uuid(one.issue_id),
                    Issue.status == "ignored",
                    Issue.ignored_us == one.since_us,
                )
                .values(**CLEARED, status="open")
                .execution_options(synchronize_session=False)
            )
            result = await session.execute(statement)
            assert isinstance(result, CursorResult)
            if result.rowcount:
                opened += 1
                name = f"unignored/{one.since_us}"
                ids = UUID(one.project_id), UUID(one.issue_id)
                await note(
                    session,
                    [Happening(*ids, "unignored", now_us, data={"reason": why}, name=name)],
                )
    return opened
