"""Issues become one, and fingerprints an issue of their own. No stored row changes.

Counts follow by themselves: the store counts by fingerprints. An event that is stored meanwhile may
move the moments of the issue that its fingerprint has just left. So whoever merges or splits reads
what the store says afterwards, and gives it to `refresh_seen`.
"""

import time
import uuid
from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from msgspec.structs import replace
from sqlalchemy import ColumnElement, and_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.database import Database
from controlplane.errors.activity import Happening, note
from controlplane.errors.counters import lock_counters, set_counters
from controlplane.errors.models import Issue, IssueFingerprint
from controlplane.errors.seen import SEE, bound, seen_values
from controlplane.failures import BadRequest, NotFound
from controlplane.rules import as_uuid
from schemas.errors.issues import Sighting
from schemas.projects import ProjectId, UserId

MOST_MERGED = 100


async def merge_issues(
    database: Database,
    project_id: ProjectId,
    into: str,
    others: Sequence[str],
    *,
    by: UserId | None,
) -> None:
    """Gives the events of other issues to one, which keeps its status.

    What is merged already stays so. Raises `BadRequest`, and `NotFound` where one of them is none
    of the project's.
    """
    ids = {as_uuid(one) for one in others} - {as_uuid(into)}
    if not ids or len(ids) > MOST_MERGED:
        raise BadRequest(f"1 to {MOST_MERGED} other issues can be merged into one")
    async with database.session() as session:
        rows = await _locked(session, project_id, {as_uuid(into), *ids})
        target = rows.pop(as_uuid(into))
        if target.status == "merged":
            raise BadRequest("The issue to merge into is merged into another itself")
        merged = [row for row in rows.values() if row.status != "merged"]
        for row in merged:
            _take_over(target, row)
            row.status, row.merged_into = "merged", target.id
        await session.flush()
        of = IssueFingerprint
        await _give(session, of.issue_id.in_([row.id for row in merged]), target.id)
        await note(session, _merged(target, merged, _By.now(by)))


async def split_issue(
    database: Database,
    project_id: ProjectId,
    issue_id: str,
    seen: Sequence[Sighting],
    *,
    left: Sequence[Sighting],
    by: UserId | None,
) -> str:
    """Gives fingerprints of an issue an issue of their own, and returns its id.

    `seen` says of each what the store knows of it, `left` the same of those that stay. Raises
    `BadRequest` where one is not the issue's or none would stay, `NotFound`.
    """
    wanted = {one.fingerprint for one in seen}
    of = IssueFingerprint
    async with database.session() as session:
        row = (await _locked(session, project_id, {as_uuid(issue_id)}))[as_uuid(issue_id)]
        held = set(await session.scalars(select(of.fingerprint).where(of.issue_id == row.id)))
        if not wanted or not wanted < held:
            raise BadRequest("Expected some of the issue's fingerprints, and not all of them")
        last = await lock_counters(session, [row.project_id])
        last[row.project_id] += 1
        new = _new_issue(seen, row.project_id, last[row.project_id])
        session.add(new)
        await session.flush()
        moved = and_(of.project_id == row.project_id, of.fingerprint.in_(wanted))
        await _give(session, moved, new.id)
        await set_counters(session, last)
        if left:
            for name, value in _together(left).items():
                setattr(row, name, value)
        await session.flush()
        by_whom = _By.now(by)
        told = Happening(row.project_id, row.id, "unmerged", *by_whom, {"number": new.number})
        split_off = Happening(row.project_id, new.id, "split_off", *by_whom, {"of": row.number})
        await note(session, [told, split_off])
        return str(new.id)


async def refresh_seen(
    database: Database, project_id: ProjectId, issue_id: str, seen: Sequence[Sighting]
) -> None:
    """Moves an issue to what the store says of its fingerprints, where that is further."""
    async with database.session() as session:
        key = as_uuid(issue_id)
        query = select(Issue.id).where(Issue.project_id == as_uuid(project_id), Issue.id == key)
        found = await session.scalar(query)
        if found is not None and seen:
            rows = [bound(found, one) for one in seen]
            await (await session.connection()).execute(SEE, rows)


async def _locked(
    session: AsyncSession, project_id: ProjectId, ids: set[UUID | None]
) -> dict[UUID | None, Issue]:
    """Returns issues of a project that nobody else changes until the transaction ends."""
    key = as_uuid(project_id)
    if key is None or None in ids:
        raise NotFound("Issue not found")
    await lock_counters(session, [key])
    query = select(Issue).where(Issue.project_id == key, Issue.id.in_(ids))
    rows = (await session.scalars(query.order_by(Issue.id).with_for_update())).all()
    if len(rows) < len(ids):
        raise NotFound("Issue not found")
    return {row.id: row for row in rows}


def _take_over(target: Issue, row: Issue) -> None:
    """Moves the moments of an issue to those of one that is merged into it."""
    if row.last_seen_us > target.last_seen_us:
        for name in ("type", "title", "culprit", "level", "platform", "last_seen_us"):
            setattr(target, name, getattr(row, name))
    target.first_seen_us = min(target.first_seen_us, row.first_seen_us)
    if row.first_release_us is not None and (
        target.first_release_us is None or row.first_release_us < target.first_release_us
    ):
        target.first_release, target.first_release_us = row.first_release, row.first_release_us
    if row.last_release_us is not None and (
        target.last_release_us is None or row.last_release_us > target.last_release_us
    ):
        target.last_release, target.last_release_us = row.last_release, row.last_release_us


def _new_issue(seen: Sequence[Sighting], project_id: UUID, number: int) -> Issue:
    return Issue(
        id=uuid.uuid4(),
        project_id=project_id,
        number=number,
        status="open",
        created_us=time.time_ns() // 1000,
        times_regressed=0,
        **_together(seen),
    )


def _together(seen: Sequence[Sighting]) -> dict[str, Any]:
    """Returns what an issue has of several sightings, by the names of its columns."""
    newest = max(seen, key=lambda one: one.last_us)
    first = [one.first_release for one in seen if one.first_release is not None]
    last = [one.last_release for one in seen if one.last_release is not None]
    return seen_values(
        replace(
            newest,
            first_us=min(one.first_us for one in seen),
            first_release=min(first, default=None),
            last_release=max(last, default=None),
        )
    )


async def _give(session: AsyncSession, which: ColumnElement[bool], issue_id: UUID) -> None:
    statement = update(IssueFingerprint).where(which).values(issue_id=issue_id)
    await session.execute(statement.execution_options(synchronize_session=False))


def _merged(target: Issue, merged: Sequence[Issue], by: "_By") -> list[Happening]:
    project_id, numbers = target.project_id, ",".join(str(row.number) for row in merged)
    found = [
        Happening(project_id, row.id, "merged", *by, {"into": target.number}) for row in merged
    ]
    told = Happening(project_id, target.id, "merged", *by, {"numbers": numbers})
    return [*found, told] if merged else []


class _By(NamedTuple):
    """When something is done, and by whom."""

    at_us: int
    user_id: UUID | None

    @classmethod
    def now(cls, by: UserId | None) -> "_By":
        return cls(time.time_ns() // 1000, None if by is None else as_uuid(by))
