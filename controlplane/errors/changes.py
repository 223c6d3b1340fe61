"""What people do to issues: resolve, ignore, open again, assign. One issue or many at once."""

import time
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from msgspec import UNSET, Struct, UnsetType
from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.database import Database
from controlplane.errors.activity import Happening, note
from controlplane.errors.models import MAX_RELEASE_CHARS, Issue
from controlplane.errors.releases import newest_release
from controlplane.failures import BadRequest, Conflict
from controlplane.models import Membership
from controlplane.rules import as_uuid
from schemas.errors.issues import Change, Status
from schemas.errors.versions import package_of
from schemas.projects import ProjectId, UserId

MOST_AT_ONCE = 500
MOST_COUNTED = 1_000_000_000
CLEARED: dict[str, Any] = {
    "resolution": None,
    "resolved_us": None,
    "resolved_by": None,
    "resolved_in_release": None,
    "ignored_us": None,
    "ignored_until_us": None,
    "ignored_until_events": None,
    "ignored_until_people": None,
}
"""Of every status but its own."""


class IssueChange(Struct, frozen=True, kw_only=True):
    """What to change; what is left out stays."""

    status: Status | UnsetType = UNSET
    in_release: str | None = None
    """With `resolved`: the release that has the repair."""
    in_next_release: bool = False
    """With `resolved`: the one after the newest that is known."""
    until_us: int | None = None
    """With `ignored`: until then, in microseconds since 1970 UTC."""
    until_events: int | None = None
    until_people: int | None = None
    """With `ignored`: until so many more came, or met it. Without any of the three for ever."""
    assignee: UserId | None | UnsetType = UNSET


async def change_issues(
    database: Database,
    project_id: ProjectId,
    issue_ids: Sequence[str],
    change: IssueChange,
    *,
    by: UserId | None,
) -> list[str]:
    """Changes issues of a project, and returns the ids of those that were there.

    Raises `BadRequest` for a change that breaks a rule, `Conflict` where it is `in_next_release`
    and no release is known.
    """
    _check(change, issue_ids)
    now_us = time.time_ns() // 1000
    ids = [as_uuid(one) for one in issue_ids]
    which = (
        Issue.project_id == as_uuid(project_id), Issue.id.in_(ids), Issue.status != "merged",
    )  # fmt: skip
    async with database.session() as session:
        query = select(Issue).where(*which).order_by(Issue.id).with_for_update()
        rows = (await session.scalars(query)).all()
        await _check_member(session, project_id, change)
        user_id = None if by is None else as_uuid(by)
        newest: dict[str, str | None] = {}
        if change.status == "resolved" and change.in_release is None:
            for row in {package_of(row.last_release): row for row in rows}.values():
                found = await newest_release(session, row.project_id, row.last_release)
                newest[package_of(row.last_release)] = found
        happenings = []
        for row in rows:
            happenings += _change(row, change, newest, (user_id, now_us))
        await session.flush()
        await note(session, happenings)
        return [str(row.id) for row in rows]


def _change(
    row: Issue,
    change: IssueChange,
    newest: Mapping[str, str | None],
    by: tuple[UUID | None, int],
) -> list[Happening]:
    user_id, now_us = by
    found = []

    def happened(kind: Change, **data: str | int | None) -> None:
        found.append(Happening(row.project_id, row.id, kind, now_us, user_id, data))

    if change.status == "resolved":
        resolution, release = _resolution(row, change, newest)
        _set(row, status="resolved", resolution=resolution, resolved_us=now_us)
        row.resolved_by, row.resolved_in_release = user_id, release
        happened("resolved", resolution=resolution, release=release)
    elif change.status == "ignored":
        _set(
            row,
            status="ignored",
            ignored_us=now_us,
            ignored_until_us=change.until_us,
            ignored_until_events=change.until_events,
            ignored_until_people=change.until_people,
        )
        until = {"untilUs": change.until_us, "untilEvents": change.until_events}
        happened("ignored", **until, untilPeople=change.until_people)
    elif change.status == "open" and row.status != "open":
        _set(row, status="open")
        happened("opened")
    if change.assignee is not UNSET:
        assignee = None if change.assignee is None else as_uuid(change.assignee)
        if row.assignee_id != assignee:
            row.assignee_id = assignee
            happened("assigned", userId=change.assignee)
    return found


def _set(row: Issue, **values: Any) -> None:
    for name, value in (CLEARED | values).items():
        setattr(row, name, value)


def _resolution(
    row: Issue, change: IssueChange, newest: Mapping[str, str | None]
) -> tuple[str, str | None]:
    """Returns how an issue is resolved, and the release that this goes by."""
    if change.in_release is not None:
        return "in_release", change.in_release
    release = newest[package_of(row.last_release)]
    if not change.in_next_release:
        # Events of what is older are those of installations that have not been renewed.
        return "now", release if row.last_release else None
    if release is None:
        raise Conflict("No release of this project is known yet: resolve it without one")
    return "in_next_release", release


def _check(change: IssueChange, issue_ids: Sequence[str]) -> None:
    if len(issue_ids) > MOST_AT_ONCE:
        raise BadRequest(f"At most {MOST_AT_ONCE} issues can be changed at once")
    with_release = change.in_release is not None or change.in_next_release
    counts = (change.until_events, change.until_people)
    with_until = change.until_us is not None or counts != (None, None)
    if with_release and change.status != "resolved":
        raise BadRequest("A release goes with status 'resolved'")
    if change.in_release is not None and change.in_next_release:
        raise BadRequest("Resolved in a release, or in the next one: not both")
    if with_until and change.status != "ignored":
        raise BadRequest("An end of ignoring goes with status 'ignored'")
    if any(count is not None and not 1 <= count <= MOST_COUNTED for count in counts):
        raise BadRequest(f"Ignored until 1 to {MOST_COUNTED} events or people")
    release = change.in_release
    if release is not None and not (release.strip() and len(release) <= MAX_RELEASE_CHARS):
        raise BadRequest(f"A release is a text of at most {MAX_RELEASE_CHARS} characters")
    if release is not None and "\0" in release:
        raise BadRequest("A release holds no NUL")


async def _check_member(session: AsyncSession, project_id: ProjectId, change: IssueChange) -> None:
    if change.assignee is UNSET or change.assignee is None:
        return
    member = exists().where(
        Membership.project_id == as_uuid(project_id),
        Membership.user_id == as_uuid(change.assignee),
    )
    if not await session.scalar(select(member)):
        raise BadRequest("Only members of the project can be assigned")
