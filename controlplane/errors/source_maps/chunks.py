"""Pieces of uploads, until they are put together: each belongs to the token that sent it."""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.database import Database
from controlplane.errors.source_maps.models import ArtifactChunk
from controlplane.many_rows import insert_new, parts

KEEP_US = 24 * 3600 * 1_000_000
"""How long a piece waits for the others."""


async def keep_chunks(
    database: Database, owner: str, chunks: Mapping[str, bytes], *, now_us: int, most_bytes: int
) -> None:
    """Keep pieces by their SHA-1; of an owner with too many the oldest go.

    Their sender learns that they are missing when it has them put together, and sends them again.
    """
    rows = [
        {
            "owner": owner,
            "checksum": checksum,
            "content": content,
            "size": len(content),
            "received_us": now_us,
        }
        for checksum, content in chunks.items()
    ]
    async with database.session() as session:
        await insert_new(session, ArtifactChunk, rows)
        await _drop_oldest(session, owner, most_bytes)


async def missing_chunks(database: Database, owner: str, checksums: Sequence[str]) -> list[str]:
    """Return those of the pieces that are not there."""
    found: set[str] = set()
    async with database.reading() as session:
        for some in parts(checksums):
            query = select(ArtifactChunk.checksum).where(
                ArtifactChunk.owner == owner, ArtifactChunk.checksum.in_(some)
            )
            found.update(await session.scalars(query))
    return [one for one in checksums if one not in found]


async def read_chunk(database: Database, owner: str, checksum: str) -> bytes | None:
    """Return a piece, `None` where it is gone."""
    async with database.reading() as session:
        query = select(ArtifactChunk.content).where(
            ArtifactChunk.owner == owner, ArtifactChunk.checksum == checksum
        )
        return await session.scalar(query)


async def forget_chunks(database: Database, owner: str, checksums: Collection[str]) -> None:
    """Drop pieces that are put together."""
    async with database.session() as session:
        for some in parts(sorted(checksums)):
            await session.execute(
                delete(ArtifactChunk).where(
                    ArtifactChunk.owner == owner, ArtifactChunk.checksum.in_(some)
                )
            )


async def expire_chunks(database: Database, now_us: int) -> None:
    """Drop pieces that waited too long."""
    async with database.session() as session:
        await session.execute(
            delete(ArtifactChunk).where(ArtifactChunk.received_us < now_us - KEEP_US)
        )


async def _drop_oldest(session: AsyncSession, owner: str, most_bytes: int) -> None:
    own = ArtifactChunk.owner == owner
    held = await session.scalar(select(func.sum(ArtifactChunk.size)).where(own)) or 0
    if held <= most_bytes:
        return
    query = select(ArtifactChunk.checksum, ArtifactChunk.size).where(own)
    oldest = (await session.execute(query.order_by(ArtifactChunk.received_us))).all()
    doomed = []
    for checksum, size in oldest:
        if held <= most_bytes:
            break
        doomed.append(checksum)
        held -= size
    for some in parts(doomed):
        await session.execute(delete(ArtifactChunk).where(own, ArtifactChunk.checksum.in_(some)))
