"""Times of a monitor that people have voided: what it said then does not count."""

import time

from msgspec import Struct
from sqlalchemy import Text, func, select
from sqlalchemy import cast as as_type
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.database import Database
from controlplane.failures import BadRequest, Conflict, NotFound
from controlplane.lookups import live_project
from controlplane.uptime.ids import new_id
from controlplane.uptime.models import Monitor, MonitorExclusion
from schemas.projects import ProjectId
from schemas.uptime.stretches import Stretch
from schemas.zones import DAY_US

MAX_EXCLUSIONS = 500
MAX_LENGTH_US = 400 * DAY_US
MAX_REASON_CHARS = 1000


class Exclusion(Struct, frozen=True):
    """A voided time. Times are microseconds since 1970 UTC."""

    exclusion_id: str
    from_us: int
    until_us: int
    reason: str
    author: str
    """The name of the key of who has voided it."""
    created_us: int


async def add_exclusion(
    database: Database,
    of: tuple[ProjectId, str],
    when: Stretch,
    *,
    reason: str,
    author: str,
) -> Exclusion:
    """Voids a time that is over. Raises `BadRequest`, `Conflict`, `NotFound`."""
    now_us = time.time_ns() // 1000
    if not 0 < when.end_us - when.start_us <= MAX_LENGTH_US:
        raise BadRequest("to: expected a time after from, by at most 400 days")
    if when.end_us > now_us:
        raise BadRequest("to: what has not been cannot be voided; make a maintenance window")
    if not reason.strip() or len(reason) > MAX_REASON_CHARS or "\0" in reason:
        raise BadRequest(f"reason: expected 1 to {MAX_REASON_CHARS} characters")
    async with database.session() as session:
        monitor_id = await _monitor(session, of, is_locked=True)
        row = MonitorExclusion
        counted = select(func.count()).where(row.monitor_id == monitor_id)
        if (await session.scalar(counted) or 0) >= MAX_EXCLUSIONS:
            raise Conflict(f"A monitor has at most {MAX_EXCLUSIONS} exclusions: remove some first")
        made = MonitorExclusion(
            id=new_id("exc"),
            monitor_id=monitor_id,
            from_us=when.start_us,
            until_us=when.end_us,
            reason=reason.strip(),
            author=author,
            created_us=now_us,
        )
        session.add(made)
        await session.flush()
        return _exclusion(made)


async def list_exclusions(database: Database, of: tuple[ProjectId, str]) -> list[Exclusion]:
    """Returns the voided times of a monitor, the newest first; raises `NotFound`."""
    row = MonitorExclusion
    async with database.reading() as session:
        monitor_id = await _monitor(session, of)
        query = select(row).where(row.monitor_id == monitor_id)
        rows = await session.scalars(query.order_by(row.from_us.desc(), row.id))
        return [_exclusion(one) for one in rows]


async def remove_exclusion(
    database: Database, of: tuple[ProjectId, str], exclusion_id: str
) -> None:
    """Has a time count again. Raises `NotFound`."""
    row = MonitorExclusion
    async with database.session() as session:
        monitor_id = await _monitor(session, of)
        query = select(row).where(row.monitor_id == monitor_id, row.id == exclusion_id)
        found = await session.scalar(query) if "\0" not in exclusion_id else None
        if found is None:
            raise NotFound("Exclusion not found")
        await session.delete(found)


async def _monitor(
    session: AsyncSession, of: tuple[ProjectId, str], *, is_locked: bool = False
) -> str:
    project_id, monitor_id = of
    project = await live_project(session, project_id)
    query = select(Monitor.id).where(
        as_type(Monitor.id, Text) == monitor_id, Monitor.project_id == project.id
    )
    query = query.with_for_update() if is_locked else query
    found = await session.scalar(query) if "\0" not in monitor_id else None
    if found is None:
        raise NotFound("Monitor not found")
    return found


def _exclusion(row: MonitorExclusion) -> Exclusion:
    return Exclusion(row.id, row.from_us, row.until_us, row.reason, row.author, row.created_us)
