"""Whose turn it is to write stored calls anew: bills, prices and erasures read rows and then write
what follows from them. So each begins only if no other has begun since it read.

The turn is a number in `bill_progress`. Who wants to write reads it, then the rows, and then takes
the turn in the transaction that makes its own work durable.
"""

from sqlalchemy import exists, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.database import Database
from controlplane.failures import ControlPlaneError
from controlplane.models import BillProgress


class TurnTaken(ControlPlaneError):
    """Raised when somebody else writes stored calls anew, or has since: read them again."""


async def current_turn(database: Database) -> int:
    """Return the turn. What is read of stored calls afterwards holds as long as it is the same."""
    async with database.reading() as session:
        return (await session.scalars(select(BillProgress.turn))).one()


async def take_turn(session: AsyncSession, seen: int | None = None) -> None:
    """Take the turn that was `seen`, or any. Nobody else does until the transaction ends.

    Raises `TurnTaken` where it is another, and where a change of bills is half done.
    """
    query = update(BillProgress).where(BillProgress.changes.is_(None))
    if seen is not None:
        query = query.where(BillProgress.turn == seen)
    query = query.values(turn=BillProgress.turn + 1)
    if await session.scalar(query.returning(BillProgress.turn)) is None:
        raise TurnTaken("Stored calls are written anew by somebody else")


async def is_billing(session: AsyncSession) -> bool:
    """Tell whether a change of bills is half done."""
    query = select(exists().where(BillProgress.changes.is_not(None)))
    return bool(await session.scalar(query))
