"""Who owns a partition of a shared log, and how far its records are stored.

A worker claims a partition, declares each block before it writes it and completes it afterwards.
Every claim begins a new epoch, and only the latest may write: a worker that was paused while its
partition went to another is refused when it wakes. Every call is one short transaction, on disk
when it returns, and may be repeated when its answer was lost. All of them raise `Unavailable` for
what passes.
"""

from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import case, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import CursorResult
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.elements import ColumnElement

from controlplane.database import Database
from controlplane.failures import NotOwner
from controlplane.models import OwnedPartition
from schemas.checkpoints import Intent, Progress

NOTHING_STORED = -1


class Ownership(NamedTuple):
    """One partition as it is now."""

    owner: str
    epoch: int
    """To be given with every call of this owner."""
    progress: Progress


class PartitionProgress:
    """The progress of every partition, in the control plane's database; share it freely."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(self, log_id: str, topic: str, partition: int, owner: str) -> Ownership:
        """Make the caller the partition's owner; the owner of before is refused from now on.

        A repeated claim begins one more epoch, and only the last one returned counts.
        """
        insert = sqlite.insert if self._database.is_sqlite else postgresql.insert
        new = insert(OwnedPartition).values(
            log_id=log_id,
            topic=topic,
            partition=partition,
            stored_through=NOTHING_STORED,
            owner=owner,
            owner_epoch=1,
            updated_at=datetime.now(UTC),
        )
        statement = new.on_conflict_do_update(
            index_elements=["log_id", "topic", "partition"],
            set_={
                "owner": new.excluded.owner,
                "owner_epoch": OwnedPartition.owner_epoch + 1,
                "updated_at": new.excluded.updated_at,
            },
        )
        async with self._database.session() as session:
            row = (await session.execute(statement.returning(OwnedPartition))).scalar_one()
        return _ownership(row)

    async def declare(
        self, log_id: str, topic: str, partition: int, epoch: int, pending: Intent
    ) -> None:
        """Make durable what is about to be written; raises `NotOwner`."""
        await self._write(
            _Place(log_id, topic, partition),
            epoch,
            {
                "pending_first": pending.first,
                "pending_last": pending.last,
                "pending_apart": pending.by_parts,
                "pending_epoch": pending.epoch,
            },
        )

    async def complete(
        self, log_id: str, topic: str, partition: int, epoch: int, stored_through: int
    ) -> None:
        """Mark everything through this offset as stored; raises `NotOwner`.

        Never goes back, and forgets a pending block only if it ends within what is stored.
        """
        row = OwnedPartition
        is_done = row.pending_last <= stored_through
        further = case(
            (row.stored_through < stored_through, stored_through), else_=row.stored_through
        )
        await self._write(
            _Place(log_id, topic, partition),
            epoch,
            {
                "stored_through": further,
                "pending_first": case((is_done, None), else_=row.pending_first),
                "pending_last": case((is_done, None), else_=row.pending_last),
                "pending_apart": case((is_done, None), else_=row.pending_apart),
                "pending_epoch": case((is_done, None), else_=row.pending_epoch),
            },
        )

    async def check(self, log_id: str, topic: str, partition: int, epoch: int) -> None:
        """Raise `NotOwner` when the epoch is not in force; writes nothing."""
        async with self._database.reading() as session:
            await _refuse_others(session, _Place(log_id, topic, partition), epoch)

    async def read(self, log_id: str, topic: str) -> dict[int, Ownership]:
        """Return every partition of a topic that was ever claimed, by its number."""
        query = (
            select(OwnedPartition)
            .where(OwnedPartition.log_id == log_id, OwnedPartition.topic == topic)
            .order_by(OwnedPartition.partition)
        )
        async with self._database.reading() as session:
            rows = (await session.scalars(query)).all()
        return {row.partition: _ownership(row) for row in rows}

    async def _write(self, place: "_Place", epoch: int, values: dict[str, Any]) -> None:
        statement = (
            update(OwnedPartition)
            .where(*place.condition(), OwnedPartition.owner_epoch == epoch)
            .values(**values, updated_at=datetime.now(UTC))
            .execution_options(synchronize_session=False)
        )
        async with self._database.session() as session:
            result = await session.execute(statement)
            assert isinstance(result, CursorResult)
            if result.rowcount == 0:
                await _refuse_others(session, place, epoch)


class _Place(NamedTuple):
    log_id: str
    topic: str
    partition: int

    def condition(self) -> tuple[ColumnElement[bool], ...]:
        row = OwnedPartition
        return (
            row.log_id == self.log_id,
            row.topic == self.topic,
            row.partition == self.partition,
        )


async def _refuse_others(session: AsyncSession, place: _Place, epoch: int) -> None:
    query = select(OwnedPartition.owner_epoch, OwnedPartition.owner).where(*place.condition())
    row = (await session.execute(query)).one_or_none()
    if row is not None and row.owner_epoch == epoch:
        return
    now = "nobody has claimed it" if row is None else f"now {row.owner_epoch}, of {row.owner}"
    raise NotOwner(
        f"partition {place.partition} of {place.topic} (log {place.log_id}) was held in epoch"
        f" {epoch}, {now}"
    )


def _ownership(row: OwnedPartition) -> Ownership:
    pending = None
    if row.pending_first is not None and row.pending_last is not None:
        by_parts = bool(row.pending_apart)
        pending = Intent(row.pending_first, row.pending_last, by_parts, row.pending_epoch or "")
    return Ownership(row.owner, row.owner_epoch, Progress(row.stored_through, pending))
