"""Scripts and maps of projects: found by debug id or by release and address, and read."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Select, func, or_, select, update

from controlplane.database import Database
from controlplane.errors.source_maps.bundles import OK
from controlplane.errors.source_maps.models import ArtifactBundle, ArtifactFile, ArtifactPart
from controlplane.many_rows import named_so, parts
from controlplane.rules import as_uuid
from schemas.errors.source_maps import FileFacts, StoredFile
from schemas.projects import ProjectId

TOUCH_US = 86_400 * 1_000_000
"""A bundle's last use is noted once a day."""
MOST_FILES = 10_000
NEAREST = 500
"""Addresses of a release that near ones are looked for among."""

Named = tuple[ProjectId, str]
"""A project and a debug id."""


class Holding(NamedTuple):
    """How much a project has, and when the newest came: as long as both stay, nothing is new."""

    bundles: int
    newest_us: int


class Among(NamedTuple):
    """What a release has where an address is not among it."""

    urls: tuple[str, ...]
    dists: tuple[str, ...]
    """Others of the same release."""
    releases: tuple[str, ...]
    """The newest releases that have files, where this one has none."""


async def list_holdings(database: Database) -> dict[ProjectId, Holding]:
    """Return which projects have source maps at all."""
    query = (
        select(ArtifactBundle.project_id, func.count(), func.max(ArtifactBundle.uploaded_us))
        .where(ArtifactBundle.state == OK)
        .group_by(ArtifactBundle.project_id)
    )
    async with database.reading() as session:
        rows = (await session.execute(query)).all()
    return {ProjectId(str(project)): Holding(count, newest) for project, count, newest in rows}


async def find_by_debug_ids(
    database: Database, wanted: Collection[Named]
) -> dict[Named, list[StoredFile]]:
    """Return the files with these debug ids, the newest first."""
    keys = [(key, debug_id) for one, debug_id in wanted if (key := as_uuid(one)) is not None]
    found: dict[Named, list[StoredFile]] = {}
    async with database.reading() as session:
        for some in parts(sorted(keys)):
            query = _files().where(named_so(ArtifactFile.project_id, ArtifactFile.debug_id, some))
            for row in (await session.execute(query.limit(MOST_FILES))).all():
                named = ProjectId(str(row[0].project_id)), str(row[0].debug_id)
                found.setdefault(named, []).append(_stored(row))
    return found


async def find_by_urls(
    database: Database, project_id: ProjectId, release: tuple[str, str], urls: Collection[str]
) -> list[StoredFile]:
    """Return the files of a release and dist with these addresses, the newest first."""
    found: list[StoredFile] = []
    async with database.reading() as session:
        for some in parts(sorted(urls)):
            query = _files().where(
                ArtifactBundle.project_id == as_uuid(project_id),
                ArtifactBundle.release == release[0],
                ArtifactBundle.dist == release[1],
                ArtifactFile.url.in_(some),
            )
            found += map(_stored, (await session.execute(query.limit(MOST_FILES))).all())
    return found


async def look_around(database: Database, project_id: ProjectId, release: tuple[str, str]) -> Among:
    """Return what there is near a release that lacks an address."""
    own = (ArtifactBundle.project_id == as_uuid(project_id)) & (ArtifactBundle.state == OK)
    named = own & (ArtifactBundle.release == release[0])
    urls = (
        select(ArtifactFile.url)
        .join(ArtifactBundle, ArtifactBundle.id == ArtifactFile.bundle_id)
        .where(named, ArtifactBundle.dist == release[1], ArtifactFile.kind == "minified")
        .distinct()
        .limit(NEAREST)
    )
    dists = select(ArtifactBundle.dist).where(named).distinct().limit(20)
    releases = (
        select(ArtifactBundle.release)
        .where(own, ArtifactBundle.release != "")
        .group_by(ArtifactBundle.release)
        .order_by(func.max(ArtifactBundle.uploaded_us).desc())
        .limit(5)
    )
    async with database.reading() as session:
        return Among(
            tuple(await session.scalars(urls)),
            tuple(one for one in await session.scalars(dists) if one != release[1]),
            tuple(await session.scalars(releases)),
        )


async def read_content(database: Database, project_id: ProjectId, file_id: str) -> bytes | None:
    """Return the compressed bytes of a file; `None` where it was removed meanwhile."""
    query = (
        select(ArtifactPart.content)
        .join(ArtifactFile, ArtifactFile.id == ArtifactPart.file_id)
        .where(ArtifactFile.id == as_uuid(file_id), ArtifactFile.project_id == as_uuid(project_id))
        .order_by(ArtifactPart.number)
    )
    async with database.reading() as session:
        found = list(await session.scalars(query))
    return b"".join(found) if found else None


async def note_uses(database: Database, bundle_ids: Iterable[str], now_us: int) -> None:
    """Note that bundles are in use, where the last note is older than a day."""
    used = ArtifactBundle.used_us
    for some in parts(sorted(UUID(one) for one in set(bundle_ids))):
        stale = ArtifactBundle.id.in_(some) & or_(used.is_(None), used < now_us - TOUCH_US)
        async with database.reading() as session:
            found = list(await session.scalars(select(ArtifactBundle.id).where(stale)))
        if found:  # no write for nothing: on SQLite it takes the lock of the file
            async with database.session() as session:
                await session.execute(
                    update(ArtifactBundle)
                    .where(ArtifactBundle.id.in_(found))
                    .values(used_us=now_us)
                )


def newest_by_url(files: Sequence[StoredFile]) -> Mapping[str, StoredFile]:
    """Return the newest file of each address."""
    return {one.facts.url: one for one in reversed(files)}


def _files() -> Select[ArtifactFile, str, str, int]:
    return (
        select(
            ArtifactFile, ArtifactBundle.release, ArtifactBundle.dist, ArtifactBundle.uploaded_us
        )
        .join(ArtifactBundle, ArtifactBundle.id == ArtifactFile.bundle_id)
        .where(ArtifactBundle.state == OK)
        .order_by(ArtifactBundle.uploaded_us.desc(), ArtifactFile.id)
    )


def _stored(row: Any) -> StoredFile:
    file, release, dist, uploaded_us = row
    facts = FileFacts(
        "minified" if file.kind == "minified" else "map",
        file.debug_id,
        file.url,
        file.source_map,
        file.size,
        file.problem,
    )
    return StoredFile(str(file.id), str(file.bundle_id), facts, release, dist, uploaded_us)
