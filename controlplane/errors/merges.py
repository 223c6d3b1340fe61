"""Issues become one, and fingerprints an issue of their own. No stored row changes.

Counts follow by themselves: the store counts by fingerprints. An event that is stored meanwhile may
move the moments of the issue that its fingerprint has just left. So whoever merges or splits reads
what the store says afterwards, and gives it to `refresh_seen`.
"""

import time
import uuid
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
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

    What is merged already stays so. Raises `NotFound` where one of them is none of the project.
    """
    ids = {as_uuid(one) for one in others} - {as_uuid(into)}
    if not ids or len(ids) > MOST_MERGED:
        raise BadRequest(f"1 to {MOST_MERGED} other issues can be merged into one")
    now_us = time.time_ns() // 1000
    user_id = None if by is None else as_uuid(by)
    async with database.session() as session:
        rows = await _locked(session, project_id, {as_uuid(into), *ids})
        target = rows.pop(as_uuid(into))
        if target.status == "merged":
            raise BadRequest("The issue to merge into is merged into another itself")
        merged = [row for row in rows.values() if row.status != "merged"]
        for row in merged:
            _take_over(target, row)
            row.status, row.merged_into = "merged", target.id
        await session.execute(
            update(IssueFingerprint)
            .where(IssueFingerprint.issue_id.in_([row.id for row in merged]))
            .values(issue_id=target.id)
            .execution_options(synchronize_session=False)
        )
        await session.flush()
        numbers = ",".join(str(row.number) for row in merged)
        happenings = [Happening(row.project_id, row.id, "merged", now_us, user_id,
                                {"into": target.number}) for row in merged]  # fmt: skip
        if merged:
            told = {"numbers": numbers}
            project = target.project_id
            happenings.append(Happening(project, target.id, "merged", now_us, user_id, told))
        await note(session, happenings)


async def split_issue(
    database: Database,
    project_id: ProjectId,
    issue_id: str,
    seen: Sequence[Sighting],
    *,
    left: Sighting | None,
    by: UserId | None,
) -> str:
    """Gives fingerprints of an issue an issue of their own, and returns its id.

    `seen` says of each what the store knows of it, `left` the same of all that stay. Raises
    `BadRequest` where a fingerprint is not the issue's or none would stay, `NotFound`.
    """
    if not seen:
        raise BadRequest("Which fingerprints?")
    now_us = time.time_ns() // 1000
    user_id = None if by is None else as_uuid(by)
    wanted = {one.fingerprint for one in seen}
    async with database.session() as session:
        row = (await _locked(session, project_id, {as_uuid(issue_id)}))[as_uuid(issue_id)]
        of = IssueFingerprint
        held = set(await session.scalars(select(of.fingerprint).where(of.issue_id == row.id)))
        if not wanted < held:
            raise BadRequest("Expected some of the issue's fingerprints, and not all of them")
        last = await lock_counters(session, [row.project_id])
        last[row.project_id] += 1
        newest = max(seen, key=lambda one: one.last_us)
        new = _new_issue(newest, row.project_id, last[row.project_id], now_us)
        session.add(new)
        await session.flush()
        await session.execute(
            update(of)
            .where(of.project_id == row.project_id, of.fingerprint.in_(wanted))
            .values(issue_id=new.id)
            .execution_options(synchronize_session=False)
        )
        await set_counters(session, last)
        if left is not None:
            for name, value in seen_values(left).items():
                setattr(row, name, value)
        await session.flush()
        happened = (now_us, user_id)
        told = Happening(row.project_id, row.id, "unmerged", *happened, {"number": new.number})
        split_off = Happening(row.project_id, new.id, "split_off", *happened, {"of": row.number})
        await note(session, [told, split_off])
        await (await session.connection()).execute(SEE, [bound(new.id, one) for one in seen])
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


def _new_issue(one: Sighting, project_id: UUID, number: int, now_us: int) -> Issue:
    values: dict[str, Any] = seen_values(one)
    return Issue(
        id=uuid.uuid4(),
        project_id=project_id,
        number=number,
        status="open",
        created_us=now_us,
        times_regressed=0,
        **values,
    )
