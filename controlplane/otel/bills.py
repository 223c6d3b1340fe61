"""How far the bills of calls were corrected: taken over by one process, and saved by it."""

from typing import Any

import msgspec
from sqlalchemy import exists, select, update
from sqlalchemy.orm import undefer

from controlplane.database import Database
from controlplane.erasure_models import PersonErasure
from controlplane.models import BillProgress, RepriceRun
from controlplane.rewriting import TurnTaken, take_turn
from schemas.llm.reprices import OPEN
from schemas.otel.bills import Held, Progress

OTHERS = (
    exists().where(PersonErasure.state == "running"),
    exists().where(RepriceRun.state.in_(OPEN), RepriceRun.changes.is_not(None)),
)
"""What may be in the middle of writing stored calls anew."""


async def take_bills(database: Database, owner: str) -> Held:
    """Take the bills over for `owner`. Whoever had them is told so by its next save."""
    query = select(BillProgress).options(undefer(BillProgress.changes)).with_for_update()
    async with database.session() as session:
        row = (await session.scalars(query)).one()
        row.owner = owner
        return Held(msgspec.json.decode(row.progress, type=Progress), row.changes)


async def begin_chunk(
    database: Database, owner: str, progress: Progress, changes: bytes, *, turn: int
) -> bool:
    """Make a chunk durable that is pending from now on; tell whether the bills are the owner's.

    `turn` was read before the calls were. Raises `TurnTaken` where these may have changed since.
    """
    async with database.session() as session:
        await take_turn(session, turn)
        for other in OTHERS:
            if await session.scalar(select(other)):
                raise TurnTaken("Stored calls are being priced anew, or a person is being erased")
        values = {"progress": msgspec.json.encode(progress), "changes": changes}
        return await session.scalar(_mine(owner, values)) is not None


async def save_bills(database: Database, owner: str, progress: Progress) -> bool:
    """Write how far it is; tell whether the bills are the owner's still."""
    values: dict[str, Any] = {"progress": msgspec.json.encode(progress)}
    if progress.pending is None:
        values["changes"] = None
    async with database.session() as session:
        return await session.scalar(_mine(owner, values)) is not None


def _mine(owner: str, values: dict[str, Any]) -> Any:
    query = update(BillProgress).where(BillProgress.owner == owner).values(**values)
    return query.returning(BillProgress.singleton)
