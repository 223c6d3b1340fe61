"""What budgets tell, once: thresholds that were reached, with the messages of the outbox.

A row stands for each budget, window, entity and threshold of which people were told. It is written
in the transaction that puts the messages out, under a lock of the budget: whoever looks again,
after a crash or in another process, finds it.
"""

import hashlib
import uuid
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Literal, NamedTuple, cast
from uuid import UUID

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.database import Database
from controlplane.llm.budget_models import BudgetAlertRow, BudgetChannel, BudgetRow
from controlplane.lookups import live_project
from controlplane.many_rows import parts
from controlplane.outbox import Outgoing, new_message_id, put_out
from controlplane.rules import as_uuid
from schemas.answers import Number
from schemas.llm.budgets import Budget, BudgetAlert, Measure
from schemas.messages import Message
from schemas.projects import ProjectId
from schemas.times import iso_ms

MOST_TOLD = 1000
Kind = Literal["threshold", "anomaly"]


class Reached(NamedTuple):
    """That so much was spent for an entity: at least a threshold, in percent."""

    entity: str
    threshold: int
    spent: Decimal
    amount: Decimal
    """Of the budget; of an anomaly what is usual."""

    @property
    def key(self) -> tuple[str, int]:
        """What it is told once of."""
        return hashlib.sha256(self.entity.encode()).hexdigest(), self.threshold


class Telling(NamedTuple):
    """Of which budget and window something is told."""

    project_id: ProjectId
    budget: Budget
    kind: Kind
    window_us: int
    """What the rows of now are kept under."""
    since_us: int
    """What has a row of this window or a later one is not told again."""


async def tell(
    database: Database,
    telling: Telling,
    reached: Sequence[Reached],
    message_of: Callable[[Sequence[Reached]], Message],
    now_us: int,
) -> Mapping[tuple[str, int], int] | None:
    """Tells what nobody was told of, in one message to each channel of the budget.

    Of several thresholds of an entity the message tells the greatest. Returns the windows under
    which all of these are kept; where the budget was changed meanwhile `None`, and tells nothing.
    """
    async with database.session() as session:
        if not await _lock(session, telling.budget):
            return None
        known = await _known(session, telling, [one.key for one in reached])
        new = [one for one in reached if one.key not in known]
        if new:
            told = _greatest(new)
            await session.execute(insert(BudgetAlertRow), _rows(telling, new, told, now_us))
            await _put_out(session, telling, message_of(told), now_us)
        return known | {one.key: telling.window_us for one in new}


async def list_alerts(database: Database, project_id: ProjectId, limit: int) -> list[BudgetAlert]:
    """Returns what people of a project were told, the newest first; raises `NotFound`."""
    query = (
        select(BudgetAlertRow, BudgetRow.name)
        .join(BudgetRow, BudgetRow.id == BudgetAlertRow.budget_id)
        .where(BudgetAlertRow.project_id == as_uuid(project_id), BudgetAlertRow.is_told)
        .order_by(BudgetAlertRow.at_us.desc(), BudgetAlertRow.id)
        .limit(min(limit, MOST_TOLD))
    )
    async with database.reading() as session:
        await live_project(session, project_id)
        return [_alert(row, name) for row, name in (await session.execute(query)).all()]


async def forget_alerts(database: Database, before_us: int) -> None:
    """Deletes what was told before then; no window is as long as these are kept."""
    async with database.session() as session:
        await session.execute(delete(BudgetAlertRow).where(BudgetAlertRow.at_us < before_us))


async def _lock(session: AsyncSession, budget: Budget) -> bool:
    query = select(BudgetRow.id).where(
        BudgetRow.id == as_uuid(budget.id),
        BudgetRow.enabled,
        BudgetRow.revision == budget.revision,
    )
    return await session.scalar(query.with_for_update()) is not None


async def _known(
    session: AsyncSession, telling: Telling, keys: Sequence[tuple[str, int]]
) -> dict[tuple[str, int], int]:
    row, known = BudgetAlertRow, {}
    for some in parts(sorted({entity for entity, _ in keys})):
        query = select(row.entity_key, row.threshold, row.window_us).where(
            row.budget_id == as_uuid(telling.budget.id),
            row.revision == telling.budget.revision,
            row.kind == telling.kind,
            row.window_us >= telling.since_us,
            row.entity_key.in_(some),
        )
        for entity, threshold, window_us in (await session.execute(query)).all():
            known[entity, threshold] = window_us
    return known


def _greatest(reached: Sequence[Reached]) -> list[Reached]:
    """Returns of each entity its greatest threshold, those who spent most first."""
    found: dict[str, Reached] = {}
    for one in reached:
        if one.entity not in found or found[one.entity].threshold < one.threshold:
            found[one.entity] = one
    return sorted(found.values(), key=lambda one: (-one.spent, one.entity))


def _rows(
    telling: Telling, new: Sequence[Reached], told: Sequence[Reached], now_us: int
) -> list[dict[str, object]]:
    shown = set(told)
    return [
        {
            "id": uuid.uuid4(),
            "project_id": as_uuid(telling.project_id),
            "budget_id": as_uuid(telling.budget.id),
            "revision": telling.budget.revision,
            "kind": telling.kind,
            "window_us": telling.window_us,
            "entity_key": one.key[0],
            "threshold": one.threshold,
            "entity": one.entity or telling.budget.value,
            "measure": telling.budget.measure,
            "spent": f"{one.spent:f}",
            "amount": f"{one.amount:f}",
            "is_told": one in shown,
            "at_us": now_us,
        }
        for one in new
    ]


async def _put_out(session: AsyncSession, telling: Telling, message: Message, now_us: int) -> None:
    budget_id, said = UUID(telling.budget.id), uuid.uuid4()
    links = select(BudgetChannel.channel_id).where(BudgetChannel.budget_id == budget_id)
    messages = [
        Outgoing(
            id=new_message_id(),
            project_id=UUID(telling.project_id),
            source="budgets",
            key=f"budget/{said}/{channel_id}",
            message=message,
            channel_id=channel_id,
        )
        for channel_id in await session.scalars(links)
    ]
    await put_out(session, messages, now_us)


def _alert(row: BudgetAlertRow, name: str) -> BudgetAlert:
    return BudgetAlert(
        id=str(row.id),
        budget_id=str(row.budget_id),
        budget=name,
        kind=cast("Kind", row.kind),
        entity=row.entity,
        threshold=row.threshold if row.kind == "threshold" else None,
        measure=cast("Measure", row.measure),
        spent=_number(row.spent),
        amount=_number(row.amount),
        window_start=iso_ms(row.window_us),
        at=iso_ms(row.at_us),
    )


def _number(text: str) -> Number:
    value = float(text)
    return int(value) if value.is_integer() else value
