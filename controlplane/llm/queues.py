"""Annotation queues of a project: listed, made, changed, removed, and how far each is."""

import time
import uuid
from typing import NamedTuple

import msgspec
from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.database import Database
from controlplane.failures import BadRequest, Conflict, NotFound
from controlplane.llm.queue_models import CLAIMED, DONE, ItemRow, QueueRow, ReviewRow
from controlplane.lookups import live_project, locked_project
from controlplane.models import User
from controlplane.rules import as_uuid
from schemas.issues import RuleBroken
from schemas.llm.annotation import MAX_QUEUES, Queue, QueueChange, QueueForm, checked_queue
from schemas.projects import ProjectId

MOST_PEOPLE = 1_000
"""That are told of a queue, those who did most first."""


class Progress(NamedTuple):
    """How far a queue is."""

    items: int = 0
    done: int = 0
    """Items that need nobody any more."""
    reviews: int = 0
    """How often somebody was done with an item."""


class PersonsShare(NamedTuple):
    """What one person did of a queue."""

    user_id: str
    name: str
    """Empty of one whose account is gone; what they are called of one who never had any."""
    email: str
    done: int
    skipped: int


class Stand(NamedTuple):
    """A queue with how far it is."""

    queue: Queue
    progress: Progress


async def list_queues(database: Database, project_id: ProjectId) -> list[Stand]:
    """Return the queues of a live project by name, with how far they are; raises `NotFound`."""
    query = select(QueueRow).where(QueueRow.project_id == as_uuid(project_id))
    async with database.reading() as session:
        await live_project(session, project_id)
        rows = (await session.scalars(query.order_by(QueueRow.name))).all()
        return [Stand(queue_of(row), await _progress(session, row)) for row in rows]


async def find_queue(database: Database, project_id: ProjectId, queue_id: str) -> Stand:
    """Return a queue with how far it is; raises `NotFound`."""
    async with database.reading() as session:
        await live_project(session, project_id)
        row = await queue_row(session, project_id, queue_id)
        return Stand(queue_of(row), await _progress(session, row))


async def people_of(database: Database, queue_id: str) -> list[PersonsShare]:
    """Return what each person did of a queue of the caller's project, who did most first."""
    done = func.sum(case((ReviewRow.state == DONE, 1), else_=0))
    skipped = func.count() - done
    name = func.coalesce(User.name, func.max(ReviewRow.called))
    query = (
        select(ReviewRow.user_id, name, User.email, done, skipped)
        .outerjoin(User, User.id == ReviewRow.user_id)
        .where(ReviewRow.queue_id == as_uuid(queue_id), ReviewRow.state != CLAIMED)
        .group_by(ReviewRow.user_id, User.name, User.email)
        .order_by(done.desc(), ReviewRow.user_id)
        .limit(MOST_PEOPLE)
    )
    async with database.reading() as session:
        rows = (await session.execute(query)).all()
    return [
        PersonsShare(str(user), name or "", email or "", int(did), int(left))
        for user, name, email, did, left in rows
    ]


async def add_queue(database: Database, project_id: ProjectId, form: QueueForm) -> Queue:
    """Make a queue. Raises `BadRequest`, `NotFound`, and `Conflict` for a name that is taken, or
    where there are too many."""
    form = _checked(form)
    async with database.session() as session:
        project = await locked_project(session, project_id)
        of_project = QueueRow.project_id == project.id
        if (await session.scalar(select(func.count()).where(of_project)) or 0) >= MAX_QUEUES:
            raise Conflict(f"A project has at most {MAX_QUEUES} queues: remove some first")
        now_us = time.time_ns() // 1000
        row = QueueRow(id=uuid.uuid4(), project_id=project.id, created_us=now_us)
        await _fill(session, row, form)
        session.add(row)
        return queue_of(row)


async def change_queue(
    database: Database, project_id: ProjectId, queue_id: str, change: QueueChange | QueueForm
) -> Queue:
    """Change a queue, or put what a form says in its place. Raises as `add_queue`.

    What was said before stays as it is.
    """
    async with database.session() as session:
        await locked_project(session, project_id)
        row = await queue_row(session, project_id, queue_id)
        wanted = change.of(queue_of(row).form) if isinstance(change, QueueChange) else change
        await _fill(session, row, _checked(wanted))
        return queue_of(row)


async def remove_queue(database: Database, project_id: ProjectId, queue_id: str) -> None:
    """Remove a queue with its items; what was said stays in the store. Raises `NotFound`."""
    async with database.session() as session:
        await locked_project(session, project_id)
        await session.delete(await queue_row(session, project_id, queue_id))


async def queue_row(
    session: AsyncSession, project_id: ProjectId, queue_id: str, *, locked: bool = False
) -> QueueRow:
    """Return the row of a queue; `locked` lets nobody else change it until the transaction ends.

    Raises `NotFound`.
    """
    wanted = as_uuid(queue_id)
    query = select(QueueRow).where(
        QueueRow.id == wanted, QueueRow.project_id == as_uuid(project_id)
    )
    row = await session.scalar(query.with_for_update() if locked else query) if wanted else None
    if row is None:
        raise NotFound("Queue not found")
    return row


def queue_of(row: QueueRow) -> Queue:
    """Return what a row says."""
    form = msgspec.json.decode(row.form, type=QueueForm)
    fields = {name: getattr(form, name) for name in QueueForm.__struct_fields__}
    return Queue(**fields, id=str(row.id), created_us=row.created_us)


def _checked(form: QueueForm) -> QueueForm:
    try:
        return checked_queue(form)
    except RuleBroken as error:
        raise BadRequest(f"{'.'.join(map(str, error.path))}: {error}") from error


async def _fill(session: AsyncSession, row: QueueRow, form: QueueForm) -> None:
    taken = select(QueueRow.id).where(
        QueueRow.project_id == row.project_id, QueueRow.name == form.name, QueueRow.id != row.id
    )
    if await session.scalar(taken) is not None:
        raise Conflict("A queue of this name is there already")
    row.name, row.reviewers = form.name, form.reviewers
    row.form = msgspec.json.encode(form).decode()


async def _progress(session: AsyncSession, row: QueueRow) -> Progress:
    done = func.sum(case((ItemRow.reviews >= row.reviewers, 1), else_=0))
    query = select(func.count(), done, func.sum(ItemRow.reviews)).where(ItemRow.queue_id == row.id)
    items, finished, reviews = (await session.execute(query)).one()
    return Progress(items, int(finished or 0), int(reviews or 0))
