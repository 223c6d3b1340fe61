"""The items of an annotation queue: added once each, listed, removed."""

import hashlib
import time
import uuid
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.database import Database
from controlplane.failures import BadRequest, Conflict, Forbidden, NotFound
from controlplane.llm.queue_models import ItemRow
from controlplane.llm.queues import queue_row
from controlplane.rules import as_uuid
from schemas.ids import canonical_id
from schemas.llm.annotation import MAX_ADDED, MAX_ITEMS, SentTarget
from schemas.llm.scores import SHORT_SPAN_CHARS
from schemas.llm.targets import target_of
from schemas.projects import ProjectId, UserId


class Target(NamedTuple):
    """What an item is about, in one spelling; what is unset is the empty text."""

    trace_id: str = ""
    span_id: str = ""
    session_id: str = ""


class Item(NamedTuple):
    """One item as it is kept."""

    id: str
    number: int
    target: Target
    added_us: int
    reviews: int
    needed: int
    """How many people are to look at it."""
    added_by: UserId | None
    """`None` where an API key added it, or nobody knows."""


class Added(NamedTuple):
    """What came of adding."""

    added: int
    already: int
    """That were in the queue before, or came twice."""


async def add_items(
    database: Database,
    project_id: ProjectId,
    queue_id: str,
    sent: Sequence[SentTarget],
    *,
    by: UserId | None,
) -> Added:
    """Add what is not in the queue yet, at its end, in order; twice is once.

    `by` may remove it again; `None` is an API key.

    Raises `BadRequest`, `NotFound`, and `Conflict` where the queue would be too long: then nothing
    is added.
    """
    if not 1 <= len(sent) <= MAX_ADDED:
        raise BadRequest(f"items: expected 1 to {MAX_ADDED}")
    targets = {_hash(one): one for one in map(_target, sent)}
    async with database.session() as session:
        queue = await queue_row(session, project_id, queue_id, locked=True)
        held = select(ItemRow.target).where(
            ItemRow.queue_id == queue.id, ItemRow.target.in_(list(targets))
        )
        known = set(await session.scalars(held))
        new = {key: one for key, one in targets.items() if key not in known}
        sums = select(func.count(), func.max(ItemRow.number)).where(ItemRow.queue_id == queue.id)
        count, last = (await session.execute(sums)).one()
        if count + len(new) > MAX_ITEMS:
            raise Conflict(f"A queue has at most {MAX_ITEMS:,} items, and this one has {count:,}")
        rows = _rows(queue.id, by, (last or 0) + 1, new.items())
        if rows:
            await session.execute(insert(ItemRow), rows)
    return Added(len(new), len(sent) - len(new))


async def list_items(
    database: Database, project_id: ProjectId, queue_id: str, *, limit: int, after: int = 0
) -> list[Item]:
    """Return items in their order, behind a number; raises `NotFound`."""
    async with database.reading() as session:
        queue = await queue_row(session, project_id, queue_id)
        query = select(ItemRow).where(ItemRow.queue_id == queue.id, ItemRow.number > after)
        rows = await session.scalars(query.order_by(ItemRow.number).limit(limit))
        return [item_of(row, queue.reviewers) for row in rows]


async def items_named(
    database: Database, project_id: ProjectId, queue_id: str, item_ids: Iterable[str]
) -> dict[str, Item]:
    """Return some items by their ids; those that are not there are left out. Raises `NotFound`."""
    wanted = [found for one in item_ids if (found := as_uuid(one))]
    async with database.reading() as session:
        queue = await queue_row(session, project_id, queue_id)
        query = select(ItemRow).where(ItemRow.queue_id == queue.id, ItemRow.id.in_(wanted))
        rows = await session.scalars(query)
        return {str(row.id): item_of(row, queue.reviewers) for row in rows}


async def find_item(
    database: Database, project_id: ProjectId, queue_id: str, item_id: str
) -> Item | None:
    """Return an item, `None` where it is not there. Raises `NotFound` where the queue is not."""
    found = await items_named(database, project_id, queue_id, [item_id])
    return found.get(str(as_uuid(item_id)))


async def remove_item(
    database: Database,
    project_id: ProjectId,
    queue_id: str,
    item_id: str,
    *,
    only_of: UserId | None,
) -> bool:
    """Remove an item with who looked at it; what they said stays. Tells whether it was there.

    With `only_of` one that this person added; `Forbidden` for any other. Raises `NotFound` where
    the queue is not there, or the id is none that an item ever had.
    """
    wanted = as_uuid(item_id)
    async with database.session() as session:
        queue = await queue_row(session, project_id, queue_id, locked=True)
        if wanted is None:
            raise NotFound("Item not found")
        row = await session.get(ItemRow, wanted)
        if row is None or row.queue_id != queue.id:
            return False
        check_remover(item_of(row, queue.reviewers), only_of)
        await session.delete(row)
    return True


def check_remover(item: Item | None, only_of: UserId | None) -> None:
    """Raise `Forbidden` for an item that another person, or a program, has added."""
    if item is not None and only_of is not None and item.added_by != only_of:
        raise Forbidden("Forbidden: admins remove items, and who has added them")


async def item_row(session: AsyncSession, queue_id: uuid.UUID, item_id: str) -> ItemRow:
    """Return the row of an item; raises `NotFound`."""
    wanted = as_uuid(item_id)
    row = await session.get(ItemRow, wanted) if wanted else None
    if row is None or row.queue_id != queue_id:
        raise NotFound("Item not found")
    return row


def item_of(row: ItemRow, needed: int) -> Item:
    """Return what a row says."""
    target = Target(row.trace_id, row.span_id, row.session_id)
    added_by = None if row.added_by is None else UserId(str(row.added_by))
    return Item(str(row.id), row.number, target, row.added_us, row.reviews, needed, added_by)


def _target(sent: SentTarget) -> Target:
    trace, span = target_of(sent.trace_id or "", sent.span_id or "")
    session = canonical_id(sent.session_id or "")
    if bool(trace or span) == bool(session):
        raise BadRequest("items: expected either trace_id, or span_id, or session_id of each")
    if span and not trace and len(span) <= SHORT_SPAN_CHARS:
        raise BadRequest("items: expected trace_id too: another trace may have such a span_id")
    found = Target(trace, span, session)
    if any("\0" in text for text in found):
        raise BadRequest("items: expected ids without NUL")
    return found


def _hash(target: Target) -> str:
    return hashlib.sha256("\0".join(target).encode()).hexdigest()


def _rows(
    queue_id: uuid.UUID, by: UserId | None, first: int, new: Iterable[tuple[str, Target]]
) -> list[dict[str, Any]]:
    now_us, added_by = time.time_ns() // 1000, None if by is None else as_uuid(by)
    return [
        {
            **one._asdict(),
            **{"id": uuid.uuid4(), "queue_id": queue_id, "number": number, "target": key},
            **{"added_us": now_us, "added_by": added_by, "reviews": 0},
        }
        for number, (key, one) in enumerate(new, first)
    ]
