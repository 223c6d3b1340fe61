"""Calls that are stored come to wait for their judges: once, whatever block is stored again.

How far a partition of the log was noted moves in the transaction that has its calls wait.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.database import Database
from controlplane.llm.judge_models import JudgeMark
from controlplane.llm.judge_queue import Waiting, count_up, hold_judges, queue_calls
from controlplane.many_rows import insert_of
from schemas.llm.judges import Counts


class Place(NamedTuple):
    """Where the items of a kind in one block end in the log."""

    log_id: str
    partition: int
    kind: str
    through: int
    """The offset of the last record."""


async def note_arrived(
    database: Database,
    place: Place,
    waiting: Sequence[Waiting],
    dropped: Mapping[str, int],
    now_us: int,
) -> bool:
    """Has the calls of a block wait, and counts those that are too many, by judge.

    Tells whether they are new: those of a block that was noted change nothing.
    """
    async with database.session() as session:
        if not await _move_mark(session, place):
            return False
        there = await hold_judges(session, {*dropped, *(one.judge_id for one in waiting)})
        await queue_calls(session, [one for one in waiting if one.judge_id in there])
        for judge_id in sorted(there & dropped.keys()):
            await count_up(session, UUID(judge_id), Counts(dropped=dropped[judge_id]), now_us)
        return True


async def _move_mark(session: AsyncSession, place: Place) -> bool:
    statement = insert_of(session, JudgeMark).values(
        log_id=place.log_id,
        log_partition=place.partition,
        kind=place.kind,
        through=place.through,
    )
    moved = statement.on_conflict_do_update(
        index_elements=["log_id", "log_partition", "kind"],
        set_={"through": place.through},
        where=JudgeMark.through < place.through,
    ).returning(JudgeMark.through)
    return (await session.execute(moved)).first() is not None
