"""The releases of a project: known from events, or made known, and the newest of them."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import case, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.database import Database
from controlplane.errors.models import Release
from controlplane.many_rows import insert_on, named_so, parts
from controlplane.models import Project
from controlplane.rules import as_uuid, uuid_of
from schemas.errors.issues import ReleaseRow, Sighting
from schemas.errors.versions import SeenRelease, is_newer, package_of
from schemas.projects import ProjectId

MOST_RELEASES = 1000
"""Of a project: the newest of these by their first event are put in order."""

Named = tuple[UUID, str]
"""Project and version."""


async def note_releases(session: AsyncSession, sightings: Iterable[Sighting]) -> None:
    """Has the releases be known that events named, with their first and last arrival."""
    seen: dict[Named, tuple[int, int]] = {}
    for one in sightings:
        project_id = uuid_of(one.project_id)
        for version, at_us in one.arrivals.items():
            if version:
                first, last = seen.get((project_id, version), (at_us, at_us))
                seen[project_id, version] = min(first, at_us), max(last, at_us)
    await _note(session, seen)


async def note_arrivals(database: Database, seen: Mapping[Named, tuple[int, int]]) -> None:
    """Has releases be known that what is no error named, with their first and last arrival.

    Those of projects that are gone change nothing. May be called again with the same.
    """
    wanted = sorted({project_id for project_id, _ in seen})
    live: set[UUID] = set()
    async with database.session() as session:
        for some in parts(wanted):
            live |= set(await session.scalars(select(Project.id).where(Project.id.in_(some))))
        await _note(session, {named: us for named, us in seen.items() if named[0] in live})


async def find_releases(session: AsyncSession, wanted: Iterable[Named]) -> dict[Named, SeenRelease]:
    """Returns when those of the releases that are known were first seen."""
    found = {}
    for some in parts(sorted(set(wanted))):
        query = select(Release.project_id, Release.version, Release.first_seen_us).where(
            named_so(Release.project_id, Release.version, some)
        )
        for project_id, version, first_us in (await session.execute(query)).all():
            found[project_id, version] = SeenRelease(version, first_us)
    return found


async def newest_release(session: AsyncSession, project_id: UUID, like: str) -> str | None:
    """Returns the newest release of the package that `like` is of; `None` where there is none.

    Without `like`, the newest of all by their first event.
    """
    newest: SeenRelease | None = None
    for row in await _newest_rows(session, project_id):
        if like and package_of(row.version) != package_of(like):
            continue
        one = SeenRelease(row.version, row.first_seen_us)
        if newest is None or (bool(like) and is_newer(one, newest)):
            newest = one
    return newest.name if newest else None


async def list_releases(database: Database, project_id: ProjectId) -> list[ReleaseRow]:
    """Returns the releases of a project, the one that was seen first last."""
    key = as_uuid(project_id)
    async with database.reading() as session:
        rows = [] if key is None else await _newest_rows(session, key)
    return [release_row(row) for row in rows]


def release_row(row: Release) -> ReleaseRow:
    """Returns a row as the rest of the program knows it."""
    return ReleaseRow(
        version=row.version,
        first_seen_us=row.first_seen_us,
        last_seen_us=row.last_seen_us,
        released_us=row.released_us,
        ref=row.ref,
        url=row.url,
        environment=row.environment,
        status="archived" if row.status == "archived" else "open",
    )


async def _note(session: AsyncSession, seen: Mapping[Named, tuple[int, int]]) -> None:
    if seen:
        rows = [_seen_row(named, *moments) for named, moments in sorted(seen.items())]
        connection = await session.connection()
        await connection.execute(_see(session), rows)


async def _newest_rows(session: AsyncSession, project_id: UUID) -> Sequence[Release]:
    query = (
        select(Release)
        .where(Release.project_id == project_id)
        .order_by(Release.first_seen_us.desc(), Release.version)
        .limit(MOST_RELEASES)
    )
    return (await session.scalars(query)).all()


def _see(session: AsyncSession) -> Any:
    return _see_on(session.get_bind().dialect.name)


@cache
def _see_on(dialect: str) -> Any:
    """Returns the statement that makes a release known, or moves its moments."""
    statement = insert_on(dialect, Release)
    new, row = statement.excluded, Release
    earlier = new.first_seen_us < row.first_seen_us
    later = or_(row.last_seen_us.is_(None), new.last_seen_us > row.last_seen_us)
    return statement.on_conflict_do_update(
        index_elements=["project_id", "version"],
        set_={
            "first_seen_us": case((earlier, new.first_seen_us), else_=row.first_seen_us),
            "last_seen_us": case((later, new.last_seen_us), else_=row.last_seen_us),
        },
        where=or_(earlier, later),
    )


def _seen_row(named: Named, first_us: int, last_us: int) -> dict[str, Any]:
    project_id, version = named
    moments = {"first_seen_us": first_us, "last_seen_us": last_us, "released_us": None}
    words = {"ref": "", "url": "", "environment": "", "status": "open"}
    return {"project_id": project_id, "version": version} | moments | words
