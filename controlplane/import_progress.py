"""How far imports of other servers' data have come."""

from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import select

from controlplane.database import Database
from controlplane.models import ImportProgress


class Position(NamedTuple):
    """A place in a source, and the id of what stood there."""

    place: int = 0
    item_id: str = ""


async def known_position(database: Database, source: str, part: str, log_id: str) -> Position:
    """Return how far a part of a source has come into a log; the start where none of it has."""
    async with database.reading() as session:
        found = await session.execute(
            select(ImportProgress.position, ImportProgress.item_id).where(
                ImportProgress.source == source,
                ImportProgress.part == part,
                ImportProgress.log_id == log_id,
            )
        )
        row = found.one_or_none()
    return Position() if row is None else Position(*row)


async def know_position(
    database: Database, source: str, part: str, log_id: str, position: Position
) -> None:
    """Write down how far a part of a source has come."""
    async with database.session() as session:
        await session.merge(
            ImportProgress(
                source=source,
                part=part,
                log_id=log_id,
                position=position.place,
                item_id=position.item_id,
                updated_at=datetime.now(UTC),
            )
        )
