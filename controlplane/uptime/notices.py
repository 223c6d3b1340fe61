"""What is noted of a monitor once, whoever looks: an event is written by who opens its notice.

A notice is open until it is over, and there is one open of a kind and period. So of any number of
processes that see the same, one writes the event.
"""

import uuid
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from sqlalchemy import delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.database import Database
from controlplane.uptime.events import note_event
from controlplane.uptime.models import Monitor, MonitorFlip, MonitorState
from controlplane.uptime.notice_models import MonitorNotice
from controlplane.uptime.watched import Watched
from schemas.uptime.events import EventType
from schemas.uptime.states import OF_MONITOR


class Notice(NamedTuple):
    """What is noted; `period` is which of its kind."""

    kind: EventType
    period: str


class Noted(NamedTuple):
    """What the event of a notice says."""

    at_us: int
    now_us: int
    is_quiet: bool
    details: Mapping[str, Any]


async def open_notice(database: Database, of: Watched, notice: Notice, noted: Noted) -> bool:
    """Writes the event unless the notice is open; tells whether it did."""
    async with database.session() as session:
        # A monitor that is gone by now has nothing noted of it.
        query = select(Monitor.project_id).where(Monitor.id == of.monitor_id).with_for_update()
        project_id = await session.scalar(query)
        if project_id is None or not await _opened(session, of, notice, noted):
            return False
        await note_event(
            session,
            project_id=project_id,
            type=notice.kind,
            at_us=noted.at_us,
            now_us=noted.now_us,
            monitor_id=of.monitor_id,
            quiet=noted.is_quiet,
            details=noted.details,
        )
    return True


async def end_notice(database: Database, monitor_id: str, notice: Notice, now_us: int) -> None:
    """Has a notice be over: the next one is an event again. A repeat changes nothing."""
    of = MonitorNotice
    async with database.session() as session:
        await session.execute(
            update(of)
            .where(of.monitor_id == monitor_id, of.kind == notice.kind)
            .where(of.period == notice.period, of.ended_us.is_(None))
            .values(ended_us=now_us)
        )


async def open_notices(database: Database, kind: EventType) -> set[tuple[str, str]]:
    """Returns the open notices of a kind, as monitor and period."""
    of = MonitorNotice
    query = select(of.monitor_id, of.period).where(of.kind == kind, of.ended_us.is_(None))
    async with database.reading() as session:
        return {(row[0], row[1]) for row in await session.execute(query)}


async def forget_notices(database: Database, before_us: int) -> None:
    """Removes notices that were over before a moment, and breaches that began before it."""
    of = MonitorNotice
    async with database.session() as session:
        is_old = of.ended_us.is_not(None) | (of.kind == "sla.breached")
        await session.execute(delete(of).where(is_old, of.began_us < before_us))


async def list_fallen(database: Database, since_us: int) -> list[str]:
    """Returns the monitors that are down, or have gone down since a moment."""
    fallen = select(MonitorFlip.monitor_id).where(
        MonitorFlip.region == OF_MONITOR, MonitorFlip.after == "down", MonitorFlip.at_us >= since_us
    )
    down = select(MonitorState.monitor_id).where(MonitorState.state == "down")
    async with database.reading() as session:
        found: Collection[str] = set(await session.scalars(fallen.union(down)))
    return sorted(found)


async def list_timed(database: Database) -> list[str]:
    """Returns the monitors of which unusual latency is told."""
    query = select(Monitor.id).where(Monitor.latency_alerts.is_(True), Monitor.paused.is_(False))
    async with database.reading() as session:
        return sorted(await session.scalars(query))


async def _opened(session: AsyncSession, of: Watched, notice: Notice, noted: Noted) -> bool:
    row = {
        "id": uuid.uuid4(),
        "monitor_id": of.monitor_id,
        "kind": notice.kind,
        "period": notice.period,
        "began_us": noted.at_us,
    }
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    new = (sqlite.insert if is_sqlite else postgresql.insert)(MonitorNotice)
    statement = new.values(row).on_conflict_do_nothing()
    return await session.scalar(statement.returning(MonitorNotice.id)) is not None
