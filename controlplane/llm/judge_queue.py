"""Which calls wait for which judge, who works on them, and what became of them.

A round of a judge ends in one transaction: the calls go, what the judge said of them is kept for
the log, the counts move. A crash before it leaves all as it was.
"""

import hashlib
import uuid
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.database import Database
from controlplane.llm.judge_models import (
    MAX_REASON_CHARS,
    JudgeDay,
    JudgeQueue,
    JudgeRow,
    JudgeWord,
)
from controlplane.llm.judge_troubles import note_round
from controlplane.llm.judges import judge_of
from controlplane.many_rows import insert_new, insert_of
from controlplane.models import Project
from controlplane.projects import context_of
from controlplane.rules import as_uuid
from schemas.llm.judges import CallRef, Counts, Figures, Judge
from schemas.projects import ProjectContext, ProjectId
from schemas.zones import HOUR_US

LEASE_US = 60 * 1_000_000
"""After which another process takes over a judge of whom nothing is heard."""
DAY_US = 24 * HOUR_US
KEPT_DAYS = 400
MOST_OF_ROW = 500
_calls = msgspec.msgpack.Decoder(list[CallRef]).decode


class Waiting(NamedTuple):
    """Calls that came for a judge together."""

    judge_id: str
    at_us: int
    calls: Sequence[CallRef]
    attempts: int = 0


class Queued(NamedTuple):
    """A row of the queue."""

    id: UUID
    at_us: int
    attempts: int
    calls: list[CallRef]


class Word(NamedTuple):
    """What is to go into the log: a score, or a call that a judge has made."""

    kind: str
    item_id: str
    body: bytes


class KeptWord(NamedTuple):
    """A word that is not in the log yet."""

    id: UUID
    project_id: ProjectId
    word: Word


class Taken(NamedTuple):
    """A judge who has something to do, for whoever took it."""

    judge: Judge
    project: ProjectContext
    failures: int


class Round(Struct, frozen=True, kw_only=True):
    """What came of one round of a judge."""

    now_us: int
    next_us: int
    done: Sequence[UUID] = ()
    """Rows of the queue that are seen to."""
    rest: Queued | None = None
    """A row of which only these calls are left."""
    again: Sequence[Waiting] = ()
    """Calls for the end of the queue."""
    words: Sequence[Word] = ()
    counts: Counts = Counts()
    failures: int = 0
    stopped: str = ""
    error: str = ""
    has_failed: bool | None = None
    """Whether nothing could be said of any call; `None` where that is not known."""


async def put_queue(database: Database, waiting: Sequence[Waiting]) -> None:
    """Has calls wait for their judges; those of a row that is known change nothing."""
    wanted = sorted({one.judge_id for one in waiting})
    if not wanted:
        return
    async with database.session() as session:
        there = await hold_judges(session, wanted)
        await queue_calls(session, [one for one in waiting if one.judge_id in there])


async def hold_judges(session: AsyncSession, judge_ids: Collection[str]) -> set[str]:
    """Return which of these judges there are: nobody removes them before the transaction ends."""
    query = select(JudgeRow.id).where(JudgeRow.id.in_([as_uuid(one) for one in judge_ids]))
    found = await session.scalars(query.with_for_update(read=True, key_share=True))
    return {str(one) for one in found}


async def count_queued(database: Database) -> dict[str, int]:
    """Return how many calls wait for each judge that has some."""
    query = select(JudgeQueue.judge_id, func.sum(JudgeQueue.count)).group_by(JudgeQueue.judge_id)
    async with database.reading() as session:
        return {str(one): int(count) for one, count in await session.execute(query)}


async def take_judge(
    database: Database, owner: str, now_us: int, *, asks_model: bool, settle_us: int = 0
) -> Taken | None:
    """Take over for `owner` a judge for whom calls wait; `None` where there is none.

    Calls that came in the last `settle_us` do not count.
    """
    first = (
        select(JudgeRow)
        .join(Project, Project.id == JudgeRow.project_id)
        .where(
            JudgeRow.enabled,
            JudgeRow.asks_model == asks_model,
            JudgeRow.next_us <= now_us,
            Project.deleted_at.is_(None),
            select(JudgeQueue.id)
            .where(JudgeQueue.judge_id == JudgeRow.id, JudgeQueue.at_us <= now_us - settle_us)
            .exists(),
        )
        .order_by(JudgeRow.next_us)
        .limit(1)
    )
    async with database.reading() as session:  # nearly always there is none: lock nothing
        if await session.scalar(first) is None:
            return None
    async with database.session() as session:
        row = await session.scalar(first.with_for_update(skip_locked=True, of=JudgeRow))
        if row is None:
            return None
        project = await session.get_one(Project, row.project_id)
        row.owner, row.next_us = owner, now_us + LEASE_US
        return Taken(judge_of(row), context_of(project, key_id=None), row.failures)


async def hold_judge(database: Database, judge_id: str, owner: str, now_us: int) -> None:
    """Keep a judge for longer, as long as it is the owner's."""
    mine = (JudgeRow.id == as_uuid(judge_id), JudgeRow.owner == owner)
    async with database.session() as session:
        held = update(JudgeRow).where(*mine).values(next_us=now_us + LEASE_US)
        await session.execute(held)


async def read_queue(
    database: Database, judge_id: str, most: int, *, before_us: int
) -> list[Queued]:
    """Return the rows whose turn it is, that came before: of `most` calls or a little more."""
    of = JudgeQueue
    theirs = (of.judge_id == as_uuid(judge_id), of.at_us <= before_us)
    query = select(of).where(*theirs).order_by(of.turn_us, of.id)
    found: list[Queued] = []
    async with database.reading() as session:
        for row in await session.scalars(query.limit(most)):
            found.append(Queued(row.id, row.at_us, row.attempts, _calls(row.calls)))
            if sum(len(one.calls) for one in found) >= most:
                break
    return found


async def end_round(database: Database, judge_id: str, owner: str, ended: Round) -> bool:
    """Make what came of a round durable; tells whether the judge was the owner's still."""
    async with database.session() as session:
        row = await session.get(JudgeRow, as_uuid(judge_id), with_for_update=True)
        if row is None or row.owner != owner:
            return False
        row.owner, row.next_us = "", ended.next_us
        row.failures = ended.failures
        row.stopped = _stored(ended.stopped)
        note_round(row, ended.has_failed, ended.counts.failed, ended.now_us)
        if ended.error:
            row.error, row.error_us = _stored(ended.error), ended.now_us
        if ended.done:
            await session.execute(delete(JudgeQueue).where(JudgeQueue.id.in_(ended.done)))
        if ended.rest is not None:
            left = await session.get_one(JudgeQueue, ended.rest.id)
            left.count = len(ended.rest.calls)
            left.calls = msgspec.msgpack.encode(ended.rest.calls)
        await queue_calls(session, ended.again, turn_us=ended.now_us)
        await keep_words(session, row.project_id, ended.words, ended.now_us)
        await count_up(session, row.id, ended.counts, ended.now_us)
        return True


async def note_asked(
    database: Database, judge: Judge, words: Sequence[Word], counts: Counts, now_us: int
) -> None:
    """Keep what a judge asked outside of its rounds; nothing where the judge is gone."""
    async with database.session() as session:
        query = select(JudgeRow.id).where(JudgeRow.id == as_uuid(judge.id))
        found = await session.scalar(query.with_for_update(read=True, key_share=True))
        if found is not None:
            of_project = as_uuid(judge.project_id)
            assert of_project is not None
            await keep_words(session, of_project, words, now_us)
            await count_up(session, found, counts, now_us)


async def keep_words(
    session: AsyncSession, project_id: UUID, words: Sequence[Word], now_us: int
) -> None:
    """Keep words until they are in the log."""
    session.add_all(
        JudgeWord(
            id=uuid.uuid4(),
            project_id=project_id,
            at_us=now_us,
            kind=one.kind,
            item_id=one.item_id,
            body=one.body,
        )
        for one in words
    )
    await session.flush()


async def list_words(database: Database, limit: int) -> list[KeptWord]:
    """Return words that are not in the log yet, the oldest first."""
    of = JudgeWord
    async with database.reading() as session:
        rows = await session.scalars(select(of).order_by(of.at_us, of.id).limit(limit))
        return [
            KeptWord(row.id, ProjectId(str(row.project_id)), Word(row.kind, row.item_id, row.body))
            for row in rows
        ]


async def drop_words(database: Database, ids: Sequence[UUID]) -> None:
    """Forget words that are in the log."""
    async with database.session() as session:
        await session.execute(delete(JudgeWord).where(JudgeWord.id.in_(ids)))


async def figures_of(database: Database, project_id: ProjectId, now_us: int) -> dict[str, Figures]:
    """Return how each judge of a project fares."""
    of_project = JudgeRow.project_id == as_uuid(project_id)
    waits = select(
        JudgeQueue.judge_id, func.sum(JudgeQueue.count), func.min(JudgeQueue.at_us)
    ).join(JudgeRow, JudgeRow.id == JudgeQueue.judge_id)
    first = now_us // DAY_US - 31
    days = select(JudgeDay).join(JudgeRow, JudgeRow.id == JudgeDay.judge_id)
    async with database.reading() as session:
        judges = list(await session.scalars(select(JudgeRow).where(of_project)))
        grouped = waits.where(of_project).group_by(JudgeQueue.judge_id)
        queued = {one: (int(count), at) for one, count, at in await session.execute(grouped)}
        rows = list(await session.scalars(days.where(of_project, JudgeDay.day >= first)))
    found = {}
    for row in judges:
        count, at_us = queued.get(row.id, (0, now_us))
        own = [one for one in rows if one.judge_id == row.id]
        spent = spent_of(own, now_us)
        found[str(row.id)] = Figures(
            *spent,
            queued=count,
            lag_us=max(0, now_us - at_us),
            stopped=row.stopped,
            error=row.error,
            error_us=row.error_us,
            failing_us=row.failing_us,
            told_us=row.told_us,
        )
    return found


async def read_spent(
    database: Database, judge_id: str, now_us: int
) -> tuple[Counts, Counts, Counts]:
    """Return what became of a judge's calls today, this month and in 30 days."""
    query = select(JudgeDay).where(
        JudgeDay.judge_id == as_uuid(judge_id), JudgeDay.day >= now_us // DAY_US - 31
    )
    async with database.reading() as session:
        return spent_of(list(await session.scalars(query)), now_us)


def spent_of(days: Sequence[JudgeDay], now_us: int) -> tuple[Counts, Counts, Counts]:
    """Return what the days of a judge come to: today, this month and in 30 days, UTC."""
    today = now_us // DAY_US
    first = today - _day_of_month(now_us) + 1
    sums = []
    for since in (today, first, today - 29):
        total = Counts()
        for one in days:
            if one.day >= since:
                names = Counts.__struct_fields__
                total = total.plus(Counts(*(getattr(one, name) for name in names)))
        sums.append(total)
    return sums[0], sums[1], sums[2]


async def forget_days(database: Database, now_us: int) -> None:
    """Drop the counts of days that nobody asks for."""
    async with database.session() as session:
        old = JudgeDay.day < now_us // DAY_US - KEPT_DAYS
        await session.execute(delete(JudgeDay).where(old))


async def queue_calls(
    session: AsyncSession, waiting: Sequence[Waiting], turn_us: int | None = None
) -> None:
    """Put calls into the queue: at their time, or at the turn that is given."""
    rows = [
        {
            "id": uuid.uuid4(),
            "judge_id": as_uuid(one.judge_id),
            "block": _block(some, one.attempts),
            "at_us": one.at_us,
            "turn_us": one.at_us if turn_us is None else turn_us,
            "attempts": one.attempts,
            "count": len(some),
            "calls": msgspec.msgpack.encode(some),
        }
        for one in waiting
        for first in range(0, len(one.calls), MOST_OF_ROW)
        if (some := one.calls[first : first + MOST_OF_ROW])
    ]
    await insert_new(session, JudgeQueue, rows)


async def count_up(session: AsyncSession, judge_id: UUID, counts: Counts, now_us: int) -> None:
    """Add to what became of calls of a judge on the day of now."""
    if counts == Counts():
        return
    of = JudgeDay
    values = {name: getattr(counts, name) for name in Counts.__struct_fields__}
    statement = insert_of(session, of).values(judge_id=judge_id, day=now_us // DAY_US, **values)
    added = {name: getattr(of, name) + value for name, value in values.items()}
    await session.execute(
        statement.on_conflict_do_update(index_elements=["judge_id", "day"], set_=added)
    )


def _block(calls: Sequence[CallRef], attempts: int) -> str:
    said = msgspec.msgpack.encode([attempts, *calls])
    return hashlib.blake2b(said, digest_size=32).hexdigest()


def _stored(reason: str) -> str:
    return reason.replace("\0", "")[:MAX_REASON_CHARS]


def _day_of_month(now_us: int) -> int:
    return datetime.fromtimestamp(now_us / 1e6, UTC).day
