"""How far imports of other servers' data have come."""

from datetime import UTC, datetime

from sqlalchemy import select

from controlplane.database import Database
from controlplane.models import ImportProgress


async def known_position(database: Database, source: str, part: str, log_id: str) -> int:
    """Return how far a part of a source has come into a log; 0 where none of it has."""
    async with database.reading() as session:
        found = await session.scalar(
            select(ImportProgress.position).where(
                ImportProgress.source == source,
                ImportProgress.part == part,
                ImportProgress.log_id == log_id,
            )
        )
    return found or 0


async def know_position(
    database: Database, source: str, part: str, log_id: str, *, position: int
) -> None:
    """Write down how far a part of a source has come."""
    async with database.session() as session:
        await session.merge(
            ImportProgress(
                source=source,
                part=part,
                log_id=log_id,
                position=position,
                updated_at=datetime.now(UTC),
            )
        )
