"""Incidents that monitors open of themselves, brought up to what they have to be."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.uptime.ids import new_id
from controlplane.uptime.models import Incident, Monitor
from controlplane.uptime.timelines import write_line
from schemas.uptime.incidents import Due

NOTES = {
    "recovered": "The monitor is up again",
    "paused": "The monitor was paused",
    "withdrawn": "Checks that came later say that the monitor was not down",
}


async def bring_up(
    session: AsyncSession, monitor_id: str, incidents: Sequence[Due], now_us: int, cause: str = ""
) -> None:
    """Makes and changes incidents of a monitor; those that end come first.

    `cause` is what the newest failed check says: the note of what opens now. It may be empty.
    """
    monitor = await session.get_one(Monitor, monitor_id)
    for wanted in incidents:
        row = None
        if wanted.incident_id is not None:
            row = await session.scalar(select(Incident).where(Incident.id == wanted.incident_id))
        if row is None:
            row = await _opened(session, monitor, wanted, now_us, cause)
        else:
            await _moved(session, row, wanted, now_us, cause)
        if wanted.resolved_us is not None and row.resolved_us != wanted.resolved_us:
            row.state, row.resolution = "resolved", wanted.resolution
            row.resolved_us = wanted.resolved_us
            notes = NOTES.get(wanted.resolution or "", "")
            await write_line(session, row, "resolved", wanted.resolved_us, notes=notes)
        await session.flush()


async def _opened(
    session: AsyncSession, monitor: Monitor, wanted: Due, now_us: int, cause: str
) -> Incident:
    row = Incident(
        id=new_id("inc"),
        project_id=monitor.project_id,
        monitor_id=monitor.id,
        origin="auto",
        title=f"{monitor.name} is down",
        severity="critical",
        state="triggered" if wanted.resolved_us is None else "resolved",
        started_us=wanted.started_us,
        external_ids="{}",
        reopened=wanted.reopened,
        created_us=now_us,
        updated_us=now_us,
    )
    session.add(row)
    await session.flush()
    await write_line(session, row, "triggered", wanted.started_us, notes=cause)
    return row


async def _moved(
    session: AsyncSession, row: Incident, wanted: Due, now_us: int, cause: str
) -> None:
    row.updated_us = now_us
    if row.started_us != wanted.started_us:
        row.started_us = wanted.started_us
        await write_line(session, row, "corrected", wanted.started_us)
    if wanted.resolved_us is None and row.resolved_us is not None:
        row.state, row.resolution, row.resolved_us = "triggered", None, None
        await write_line(session, row, "reopened", now_us, notes=cause)
    row.reopened = wanted.reopened
