"""Resolved issues that an event reopens, and those that it does not: by arrival and by release."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import bindparam, null, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.errors.activity import Happening, note
from controlplane.errors.models import Issue
from controlplane.errors.releases import find_releases
from controlplane.many_rows import parts, table_of
from schemas.errors.versions import SeenRelease, compare

ISSUES = table_of(Issue)
REOPEN = (
    update(ISSUES)
    .where(
        ISSUES.c.id == bindparam("b_id", type_=ISSUES.c.id.type),
        ISSUES.c.status == "resolved",
        # Resolved again since: that resolution knows of the event.
        ISSUES.c.resolved_us == bindparam("b_resolved_us", type_=ISSUES.c.resolved_us.type),
    )
    .values(
        status="open",
        resolution=null(),
        resolved_us=null(),
        resolved_by=null(),
        resolved_in_release=null(),
        regressed_us=bindparam("b_at_us", type_=ISSUES.c.regressed_us.type),
        times_regressed=ISSUES.c.times_regressed + 1,
    )
)


class Reopening(NamedTuple):
    """What may reopen an issue: the newest arrival of each release, empty for none."""

    issue_id: UUID
    arrivals: Mapping[str, int]


class Resolved(NamedTuple):
    """How an issue was resolved."""

    resolution: str
    us: int
    release: SeenRelease | None


class _Reopened(NamedTuple):
    issue: Issue
    resolved_us: int
    at_us: int
    release: str


async def reopen(session: AsyncSession, reopenings: Sequence[Reopening]) -> None:
    """Reopens the issues that their arrivals reopen, once for each time they were resolved."""
    reopened = []
    by_id = {one.issue_id: one for one in reopenings}
    for some in parts(sorted(by_id)):
        query = select(Issue).where(Issue.id.in_(some), Issue.status == "resolved")
        rows = (await session.scalars(query.order_by(Issue.id).with_for_update())).all()
        wanted = {
            (row.project_id, release)
            for row in rows
            for release in (row.resolved_in_release or "", *by_id[row.id].arrivals)
            if release
        }
        known = await find_releases(session, wanted)
        for row in rows:
            releases = {name: one for (of, name), one in known.items() if of == row.project_id}
            found = _what_reopens(row, by_id[row.id].arrivals, releases)
            if found is not None:
                reopened.append(found)
    if reopened:
        await _write(session, reopened)


def reopens(resolved: Resolved, arrived_us: int, release: SeenRelease | None) -> bool:
    """Tells whether an event of a release, or of none, reopens an issue.

    Rules:
        1. what arrived before the issue was resolved does not
        2. resolved now: of an older release it does not, else it does
        3. resolved in a release: of this one or a newer one it does; of none or an older one it
           does not
        4. resolved in the next release: of one that is newer than this one it does, else not
        5. releases of different packages have no order: by 2 and 3 it does; by 4 it does where the
           release was first seen after the issue was resolved
    """
    if arrived_us <= resolved.us:
        return False
    if resolved.release is None:
        return True
    if release is None:
        return resolved.resolution == "now"
    order = compare(release, resolved.release)
    if resolved.resolution == "in_next_release":
        return release.first_seen_us > resolved.us if order is None else order == "newer"
    return order != "older"


def _what_reopens(
    row: Issue, arrivals: Mapping[str, int], releases: Mapping[str, SeenRelease]
) -> _Reopened | None:
    if row.resolved_us is None:
        return None
    name = row.resolved_in_release
    # A release that only a person has named has no first event: it is as new as the resolution.
    release = releases.get(name, SeenRelease(name, row.resolved_us)) if name else None
    resolved = Resolved(row.resolution or "now", row.resolved_us, release)
    found = [
        (at_us, name)
        for name, at_us in arrivals.items()
        if reopens(resolved, at_us, releases.get(name, SeenRelease(name, at_us)) if name else None)
    ]
    if not found:
        return None
    at_us, by = min(found)
    return _Reopened(row, row.resolved_us, at_us, by)


async def _write(session: AsyncSession, reopened: Sequence[_Reopened]) -> None:
    connection = await session.connection()
    await connection.execute(
        REOPEN,
        [
            {"b_id": one.issue.id, "b_resolved_us": one.resolved_us, "b_at_us": one.at_us}
            for one in reopened
        ],
    )
    happenings = [
        Happening(
            one.issue.project_id,
            one.issue.id,
            "regressed",
            one.at_us,
            data={"release": one.release},
            name=f"regressed/{one.resolved_us}",
        )
        for one in reopened
    ]
    await note(session, happenings)
