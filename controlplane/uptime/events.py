"""Events of monitors and incidents: written with what happened, in the same transaction.

Two readers take each event once, each at its own pace: paging (`is_paged`) and webhooks
(`is_hooked`). Who takes one turns the mark in the transaction that keeps what follows from it.
"""

import uuid
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import delete, insert
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.database import Database
from controlplane.uptime.models import UptimeEvent
from schemas.uptime.events import EventType

STEPS_OF_MONITORS = frozenset({"monitor.up", "monitor.degraded", "monitor.down"})
"""Paging has nothing to do with these: incidents follow from them."""


async def note_event(
    session: AsyncSession,
    *,
    project_id: UUID,
    type: EventType,
    at_us: int,
    now_us: int,
    monitor_id: str | None = None,
    incident_id: str | None = None,
    quiet: bool = False,
    details: Mapping[str, Any] = {},
) -> UUID:
    """Writes an event in the caller's transaction, and returns its id.

    `at_us` is when it was so, `now_us` when it is known. `quiet` is what happens in maintenance:
    nobody is paged for it. The rows that it names must have been flushed.
    """
    event_id = uuid.uuid4()
    values = {
        "id": event_id,
        "project_id": project_id,
        "monitor_id": monitor_id,
        "incident_id": incident_id,
        "type": type,
        "at_us": at_us,
        "noted_us": now_us,
        "is_quiet": quiet,
        "details": msgspec.json.encode(details).decode(),
        "is_paged": type in STEPS_OF_MONITORS,
        "is_hooked": False,
    }
    await session.execute(insert(UptimeEvent).values(values))
    return event_id


async def forget_events(database: Database, before_us: int) -> None:
    """Deletes events that were noted before then."""
    async with database.session() as session:
        await session.execute(delete(UptimeEvent).where(UptimeEvent.noted_us < before_us))
