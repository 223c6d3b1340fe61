"""Bundles of source maps: begun, filled, finished, listed, removed."""

import time
from collections.abc import Sequence
from typing import Literal, NamedTuple
from uuid import UUID, uuid4

from msgspec import Struct
from sqlalchemy import Select, delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.database import Database
from controlplane.errors.source_maps.models import ArtifactBundle, ArtifactFile, ArtifactPart
from controlplane.failures import NotFound
from controlplane.lookups import live_project, locked_project
from controlplane.many_rows import table_of
from controlplane.rules import as_uuid
from schemas.errors.source_maps import PART_BYTES, Bundle, FileFacts
from schemas.projects import ProjectId

READING, OK, ERROR = "reading", "ok", "error"
TAKEN_OVER_US = 300 * 1_000_000
"""A bundle that is not finished by then was left by a process that died."""
MOST_BUNDLES = 200
"""Of a list."""
MOST_SCRIPTS = 5
DAY_US = 86_400 * 1_000_000
Begin = Literal["begun", "reading", "ok", "error"]


class Draft(Struct, frozen=True):
    """What an upload says of itself."""

    checksum: str
    release: str = ""
    dist: str = ""


class Begun(NamedTuple):
    """Whether a bundle is ours to fill, or how far it is."""

    state: Begin
    bundle_id: str = ""
    detail: str = ""


class NewFile(NamedTuple):
    """A file and its compressed bytes."""

    facts: FileFacts
    content: bytes


class Total(NamedTuple):
    """How much a project has."""

    bundles: int
    bytes: int


async def begin_bundle(
    database: Database, project_id: ProjectId, draft: Draft, *, now_us: int
) -> Begun:
    """Begin a bundle, unless the same one is there or on its way. Raises `NotFound`.

    One that failed before is begun anew: its sender may have raised a bound since.
    """
    async with database.session() as session:
        await locked_project(session, project_id)
        row = await session.scalar(_same(project_id, draft).with_for_update())
        if row is not None:
            if row.state == OK:
                return Begun("ok", str(row.id))
            if row.state == READING and row.uploaded_us > now_us - TAKEN_OVER_US:
                return Begun("reading", str(row.id))
            await session.execute(delete(ArtifactBundle).where(ArtifactBundle.id == row.id))
            session.expunge(row)
        bundle_id = uuid4()
        await session.execute(
            table_of(ArtifactBundle).insert(),
            {
                "id": bundle_id,
                "project_id": as_uuid(project_id),
                "checksum": draft.checksum,
                "release": draft.release,
                "dist": draft.dist,
                "state": READING,
                "detail": "",
                "files": 0,
                "bytes": 0,
                "uploaded_us": now_us,
                "used_us": None,
            },
        )
    return Begun("begun", str(bundle_id))


async def read_state(database: Database, project_id: ProjectId, draft: Draft) -> Begun | None:
    """Return how far a bundle is, `None` where it was never begun."""
    async with database.reading() as session:
        row = await session.scalar(_same(project_id, draft))
    if row is None or (row.state == READING and _is_left(row)):
        return None
    states: dict[str, Begin] = {OK: "ok", ERROR: "error"}
    return Begun(states.get(row.state, "reading"), str(row.id), row.detail)


async def add_files(
    database: Database, project_id: ProjectId, bundle_id: str, files: Sequence[NewFile]
) -> None:
    """Add files to a bundle that is being filled; nobody finds them before it is finished."""
    rows, pieces = [], []
    for facts, content in files:
        file_id = uuid4()
        rows.append(
            {
                "id": file_id,
                "bundle_id": UUID(bundle_id),
                "project_id": as_uuid(project_id),
                "kind": facts.kind,
                "debug_id": facts.debug_id,
                "url": facts.url,
                "source_map": facts.source_map,
                "size": facts.size,
                "problem": facts.problem,
            }
        )
        pieces += [
            {"file_id": file_id, "number": at, "content": content[first : first + PART_BYTES]}
            for at, first in enumerate(range(0, len(content), PART_BYTES))
        ]
    async with database.session() as session:
        if rows:
            await session.execute(table_of(ArtifactFile).insert(), rows)
        for one in pieces:  # one at a time: a statement of many would hold them twice
            await session.execute(table_of(ArtifactPart).insert(), one)


async def finish_bundle(
    database: Database, project_id: ProjectId, bundle_id: str, *, most_bytes: int
) -> list[str]:
    """Have a bundle be found from now on; return the bundles that had to go for it, by their ids.

    Those go that were not used for the longest time.
    """
    async with database.session() as session:
        await locked_project(session, project_id)
        row = await session.get(ArtifactBundle, UUID(bundle_id))
        if row is None:
            raise NotFound("The upload was removed while it was put together: send it again")
        own = ArtifactFile.bundle_id == row.id
        row.files = await session.scalar(select(func.count()).where(own)) or 0
        query = (
            select(func.sum(func.length(ArtifactPart.content)))
            .join(ArtifactFile, ArtifactFile.id == ArtifactPart.file_id)
            .where(own)
        )
        row.bytes = int(await session.scalar(query) or 0)
        row.state, row.uploaded_us = OK, time.time_ns() // 1000
        await session.flush()
        return await _make_space(session, row, most_bytes)


async def fail_bundle(
    database: Database, project_id: ProjectId, bundle_id: str, detail: str
) -> None:
    """Keep of a bundle that could not be taken why not, and none of its files."""
    key = UUID(bundle_id)
    async with database.session() as session:
        await session.execute(delete(ArtifactFile).where(ArtifactFile.bundle_id == key))
        row = await session.get(ArtifactBundle, key)
        if row is not None and row.project_id == as_uuid(project_id):
            row.state, row.detail = ERROR, detail


async def drop_bundle(database: Database, project_id: ProjectId, bundle_id: str) -> None:
    """Remove a bundle of a project with its files. Raises `NotFound`."""
    async with database.session() as session:
        await live_project(session, project_id)
        gone = await session.execute(
            delete(ArtifactBundle)
            .where(ArtifactBundle.id == as_uuid(bundle_id))
            .where(ArtifactBundle.project_id == as_uuid(project_id))
            .returning(ArtifactBundle.id)
        )
        if gone.first() is None:
            raise NotFound("There is no such upload: it may be removed already")


async def expire_bundles(database: Database, now_us: int, days: int) -> int:
    """Remove bundles that no event used for so many days, and what was never finished."""
    since = func.coalesce(ArtifactBundle.used_us, ArtifactBundle.uploaded_us)
    unused = since < now_us - days * DAY_US if days else since < 0
    left = (ArtifactBundle.state == READING) & (ArtifactBundle.uploaded_us < now_us - DAY_US)
    async with database.session() as session:
        gone = await session.execute(
            delete(ArtifactBundle).where(unused | left).returning(ArtifactBundle.id)
        )
        return len(gone.all())


async def total_of(database: Database, project_id: ProjectId) -> Total:
    """Return how much a project has."""
    query = select(func.count(), func.sum(ArtifactBundle.bytes)).where(
        ArtifactBundle.project_id == as_uuid(project_id), ArtifactBundle.state == OK
    )
    async with database.reading() as session:
        count, size = (await session.execute(query)).one()
    return Total(count, int(size or 0))


async def list_bundles(database: Database, project_id: ProjectId) -> list[Bundle]:
    """List the newest uploads of a project, `MOST_BUNDLES` at most."""
    query = (
        select(ArtifactBundle)
        .where(ArtifactBundle.project_id == as_uuid(project_id), ArtifactBundle.state != READING)
        .order_by(ArtifactBundle.uploaded_us.desc(), ArtifactBundle.id)
        .limit(MOST_BUNDLES)
    )
    async with database.reading() as session:
        rows = list(await session.scalars(query))
        files = await _glance(session, [row.id for row in rows])
    return [_shown(row, files.get(row.id, [])) for row in rows]


def _shown(row: ArtifactBundle, files: Sequence[ArtifactFile]) -> Bundle:
    scripts = [one.url for one in files if one.kind == "minified"]
    return Bundle(
        id=str(row.id),
        release=row.release,
        dist=row.dist,
        state=row.state,
        detail=row.detail,
        files=row.files,
        bytes=row.bytes,
        uploaded_us=row.uploaded_us,
        used_us=row.used_us,
        scripts=tuple(scripts[:MOST_SCRIPTS]),
        debug_ids=len({one.debug_id for one in files if one.debug_id}),
        problems=tuple(dict.fromkeys(f"{one.url}: {one.problem}" for one in files if one.problem))[
            :MOST_SCRIPTS
        ],
    )


async def _glance(
    session: AsyncSession, bundles: Sequence[UUID], at_most: int = 20_000
) -> dict[UUID, list[ArtifactFile]]:
    query = (
        select(ArtifactFile)
        .where(ArtifactFile.bundle_id.in_(bundles))
        .order_by(ArtifactFile.url)
        .limit(at_most)
    )
    found: dict[UUID, list[ArtifactFile]] = {}
    for one in await session.scalars(query):
        found.setdefault(one.bundle_id, []).append(one)
    return found


async def _make_space(session: AsyncSession, kept: ArtifactBundle, most_bytes: int) -> list[str]:
    others = (ArtifactBundle.project_id == kept.project_id) & (ArtifactBundle.id != kept.id)
    others &= ArtifactBundle.state == OK
    used = await session.scalar(select(func.sum(ArtifactBundle.bytes)).where(others)) or 0
    beyond = int(used) + kept.bytes - most_bytes
    if beyond <= 0:
        return []
    since = func.coalesce(ArtifactBundle.used_us, ArtifactBundle.uploaded_us)
    query = select(ArtifactBundle.id, ArtifactBundle.bytes).where(others).order_by(since)
    doomed = []
    for bundle_id, size in (await session.execute(query)).all():
        if beyond <= 0:
            break
        doomed.append(bundle_id)
        beyond -= size
    await session.execute(delete(ArtifactBundle).where(ArtifactBundle.id.in_(doomed)))
    return [str(one) for one in doomed]


def _same(project_id: ProjectId, draft: Draft) -> Select[ArtifactBundle]:
    return select(ArtifactBundle).where(
        ArtifactBundle.project_id == as_uuid(project_id),
        ArtifactBundle.checksum == draft.checksum,
        ArtifactBundle.release == draft.release,
        ArtifactBundle.dist == draft.dist,
    )


def _is_left(row: ArtifactBundle) -> bool:
    return row.uploaded_us < time.time_ns() // 1000 - TAKEN_OVER_US
