"""Ends of certificates and registrations that people are told of: each once for its monitor."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.database import Database
from controlplane.many_rows import insert_of
from controlplane.models import Project
from controlplane.uptime.events import note_event
from controlplane.uptime.expiry_models import MonitorExpiry
from controlplane.uptime.models import Monitor
from schemas.uptime.events import EventType
from schemas.zones import DAY_US

MOST_ENDS = 100
"""Of a monitor: what shows more certificates than that is not told of any more."""
KEPT_US = 30 * DAY_US
"""After its end, for checks that come late."""


class Ending(NamedTuple):
    """A certificate or registration that ends soon, as a check has seen it."""

    monitor_id: str
    ends_us: int
    is_domain: bool
    slot_us: int
    message: str


async def note_endings(
    database: Database, project_id: UUID, endings: Sequence[Ending], now_us: int
) -> None:
    """Notes an event for each end that is not known yet; monitors of others are left out."""
    by_end = {(one.monitor_id, one.ends_us): one for one in reversed(endings)}
    async with database.reading() as session:
        known = await _known(session, by_end)
        names = await _names(session, project_id, by_end)
    fresh = [one for end, one in by_end.items() if end not in known and one.monitor_id in names]
    if not fresh:
        return
    async with database.session() as session:
        for one in sorted(fresh):
            if await _is_first(session, one, now_us):
                await _note(session, project_id, one, names[one.monitor_id], now_us)


async def _known(
    session: AsyncSession, ends: dict[tuple[str, int], Ending]
) -> set[tuple[str, int]]:
    of = MonitorExpiry
    query = select(of.monitor_id, of.ends_us).where(of.monitor_id.in_({key[0] for key in ends}))
    return {(row[0], row[1]) for row in (await session.execute(query)).all()}


async def _names(
    session: AsyncSession, project_id: UUID, ends: dict[tuple[str, int], Ending]
) -> dict[str, str]:
    query = select(Monitor.id, Monitor.name).join(Project, Project.id == Monitor.project_id)
    query = query.where(
        Monitor.id.in_({key[0] for key in ends}),
        Monitor.project_id == project_id,
        Project.deleted_at.is_(None),
    )
    return {row[0]: row[1] for row in (await session.execute(query)).all()}


async def _is_first(session: AsyncSession, one: Ending, now_us: int) -> bool:
    of = MonitorExpiry
    old = (of.monitor_id == one.monitor_id) & (of.ends_us < now_us - KEPT_US)
    await session.execute(delete(of).where(old))
    count = select(func.count()).where(of.monitor_id == one.monitor_id)
    if (await session.scalar(count) or 0) >= MOST_ENDS:
        return False
    values = {"monitor_id": one.monitor_id, "ends_us": one.ends_us}
    added = insert_of(session, of).values(values).on_conflict_do_nothing()
    return await session.scalar(added.returning(of.monitor_id)) is not None


async def _note(
    session: AsyncSession, project_id: UUID, one: Ending, name: str, now_us: int
) -> None:
    kind: EventType = "domain.expiring" if one.is_domain else "certificate.expiring"
    await note_event(
        session,
        project_id=project_id,
        type=kind,
        at_us=one.slot_us,
        now_us=now_us,
        monitor_id=one.monitor_id,
        details={"ends_us": one.ends_us, "message": one.message, "monitor_name": name},
    )
