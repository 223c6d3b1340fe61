"""The items of an annotation queue: added once each, and listed."""

import hashlib
import time
import uuid
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.database import Database
from controlplane.failures import BadRequest, Conflict, NotFound
from controlplane.llm.queue_models import ItemRow
from controlplane.llm.queues import queue_row
from controlplane.rules import as_uuid
from schemas.ids import canonical_id
from schemas.llm.annotation import MAX_ADDED, MAX_ITEMS, SentTarget
from schemas.llm.scores import SHORT_SPAN_CHARS
from schemas.llm.targets import target_of
from schemas.projects import ProjectId


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


class Added(NamedTuple):
    """What came of adding."""

    added: int
    already: int
    """That were in the queue before, or came twice."""


async def add_items(
    database: Database, project_id: ProjectId, queue_id: str, sent: Sequence[SentTarget]
) -> Added:
    """Add what is not in the queue yet, at its end, in order; twice is once.

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
        await _insert(session, queue.id, (last or 0) + 1, new.items())
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
    return Item(str(row.id), row.number, target, row.added_us, row.reviews, needed)


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


async def _insert(
    session: AsyncSession, queue_id: uuid.UUID, first: int, new: Iterable[tuple[str, Target]]
) -> None:
    now_us = time.time_ns() // 1000
    rows = [
        {
            **one._asdict(),
            **{"id": uuid.uuid4(), "queue_id": queue_id, "number": number, "target": key},
            **{"added_us": now_us, "reviews": 0},
        }
        for number, (key, one) in enumerate(new, first)
    ]
    if rows:
        await session.execute(insert(ItemRow), rows)
