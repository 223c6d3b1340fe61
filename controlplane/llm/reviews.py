"""Who looks at which item of an annotation queue: claimed for a time, done, skipped.

Each change is conditional on what was there before: the same one twice changes nothing more.
"""

from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Select, and_, delete, func, or_, select, tuple_
from sqlalchemy.orm import aliased

from controlplane.database import Database
from controlplane.failures import Forbidden
from controlplane.llm.queue_items import Item, item_of, item_row
from controlplane.llm.queue_models import CLAIMED, DONE, SKIPPED, ItemRow, QueueRow, ReviewRow
from controlplane.llm.queues import queue_of, queue_row
from controlplane.rules import as_uuid
from schemas.llm.annotation import Queue
from schemas.projects import ProjectId, UserId

LEASE_US = 10 * 60 * 1_000_000
"""For how long an item is somebody's who opened it. What they save later counts too."""


class Person(NamedTuple):
    """Who is asked, in which queue, and when."""

    project_id: ProjectId
    queue_id: str
    user_id: UserId
    now_us: int
    called: str = ""
    """What a person is called who has no account here."""


class Review(NamedTuple):
    """An item as one person has it."""

    queue: Queue
    item: Item
    state: str
    """`claimed`, `done`, `skipped`, or the empty text where they never had it."""
    revision: int
    at_us: int


class Left(NamedTuple):
    """What is left of a queue for a person."""

    open: int
    """Items that they have not had, and that still need people."""
    done: int
    skipped: int


async def next_item(database: Database, person: Person) -> Review | None:
    """Claim the first item that a person has not had and that still needs somebody.

    Who has one claimed gets it again. `None` where nothing is left for them now. Raises `NotFound`.
    """
    user = _user(person)
    async with database.session() as session:
        queue = await queue_row(session, person.project_id, person.queue_id, locked=True)
        row = await session.scalar(_candidates(queue, user, person.now_us).limit(1))
        if row is None:
            return None
        held = await session.get(ReviewRow, (row.id, user))
        if held is None:
            held = _new(row, user, CLAIMED, person.now_us)
            session.add(held)
        held.until_us, held.at_us = person.now_us + LEASE_US, person.now_us
        return _review(queue, row, held)


async def find_review(database: Database, person: Person, item_id: str) -> Review:
    """Return an item as a person has it; raises `NotFound`."""
    async with database.reading() as session:
        queue = await queue_row(session, person.project_id, person.queue_id)
        row = await item_row(session, queue.id, item_id)
        return _review(queue, row, await session.get(ReviewRow, (row.id, _user(person))))


async def mark_done(database: Database, person: Person, item_id: str, revision: int) -> None:
    """Keep that what a person said as this `revision` is durable. Raises `NotFound`."""
    async with database.session() as session:
        queue = await queue_row(session, person.project_id, person.queue_id, locked=True)
        row = await item_row(session, queue.id, item_id)
        held = await session.get(ReviewRow, (row.id, _user(person)))
        if held is None:
            held = _new(row, _user(person), CLAIMED, person.now_us)
            held.called = person.called
            session.add(held)
        if held.revision != revision:
            return
        if held.state != DONE:
            row.reviews += 1
            held.state, held.at_us = DONE, person.now_us
        held.revision += 1


async def skip_item(database: Database, person: Person, item_id: str) -> None:
    """Keep that a person goes past an item that they are not done with. Raises `NotFound`."""
    async with database.session() as session:
        queue = await queue_row(session, person.project_id, person.queue_id, locked=True)
        row = await item_row(session, queue.id, item_id)
        held = await session.get(ReviewRow, (row.id, _user(person)))
        if held is None:
            session.add(_new(row, _user(person), SKIPPED, person.now_us))
        elif held.state == CLAIMED:
            held.state, held.at_us = SKIPPED, person.now_us


async def return_skipped(database: Database, person: Person) -> None:
    """Have a person meet again what they skipped. Raises `NotFound`."""
    async with database.session() as session:
        queue = await queue_row(session, person.project_id, person.queue_id, locked=True)
        await session.execute(
            delete(ReviewRow).where(
                ReviewRow.queue_id == queue.id,
                ReviewRow.user_id == _user(person),
                ReviewRow.state == SKIPPED,
            )
        )


async def item_before(database: Database, person: Person, item_id: str | None) -> str | None:
    """Return the item that a person was done with, or skipped, before another; `None` for none.

    Without `item_id`, and before one that they are at, it is the last. Raises `NotFound`.
    """
    user = _user(person)
    async with database.reading() as session:
        queue = await queue_row(session, person.project_id, person.queue_id)
        query = select(ReviewRow.item_id).where(
            ReviewRow.queue_id == queue.id, ReviewRow.user_id == user, ReviewRow.state != CLAIMED
        )
        wanted = as_uuid(item_id) if item_id else None
        at = await session.get(ReviewRow, (wanted, user)) if wanted else None
        if at is not None and at.state != CLAIMED:
            place = tuple_(ReviewRow.at_us, ReviewRow.item_id)
            query = query.where(place < tuple_(at.at_us, at.item_id))
        found = await session.scalar(
            query.order_by(ReviewRow.at_us.desc(), ReviewRow.item_id.desc()).limit(1)
        )
        return None if found is None else str(found)


async def left_for(database: Database, person: Person) -> Left:
    """Return what is left of a queue for a person. Raises `NotFound`."""
    user = _user(person)
    async with database.reading() as session:
        queue = await queue_row(session, person.project_id, person.queue_id)
        open_items = select(func.count()).select_from(
            _candidates(queue, user, person.now_us).order_by(None).subquery()
        )
        counts = select(ReviewRow.state, func.count()).where(
            ReviewRow.queue_id == queue.id, ReviewRow.user_id == user
        )
        rows = await session.execute(counts.group_by(ReviewRow.state))
        states = dict(iter(rows))
        left = int(await session.scalar(open_items) or 0)
    return Left(left, states.get(DONE, 0), states.get(SKIPPED, 0))


def _candidates(queue: QueueRow, user: UUID, now_us: int) -> Select[ItemRow]:
    """Returns the query for items that a person may claim, in their order."""
    own, other = aliased(ReviewRow), aliased(ReviewRow)
    others = (
        select(func.count())
        .where(
            other.item_id == ItemRow.id,
            other.user_id != user,
            or_(other.state == DONE, and_(other.state == CLAIMED, other.until_us > now_us)),
        )
        .scalar_subquery()
    )
    return (
        select(ItemRow)
        .outerjoin(own, and_(own.item_id == ItemRow.id, own.user_id == user))
        .where(
            ItemRow.queue_id == queue.id,
            ItemRow.reviews < queue.reviewers,
            or_(own.state.is_(None), own.state == CLAIMED),
            others < queue.reviewers,
        )
        .order_by(own.state.is_(None), ItemRow.number)
    )


def _user(person: Person) -> UUID:
    found = as_uuid(person.user_id)
    if found is None:
        raise Forbidden("Forbidden: only people who are signed in look at items")
    return found


def _new(row: ItemRow, user: UUID, state: str, now_us: int) -> ReviewRow:
    return ReviewRow(
        item_id=row.id,
        user_id=user,
        queue_id=row.queue_id,
        state=state,
        until_us=now_us,
        at_us=now_us,
        revision=0,
        called="",
    )


def _review(queue: QueueRow, row: ItemRow, held: ReviewRow | None) -> Review:
    item = item_of(row, queue.reviewers)
    if held is None:
        return Review(queue_of(queue), item, "", 0, 0)
    return Review(queue_of(queue), item, held.state, held.revision, held.at_us)
