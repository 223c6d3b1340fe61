"""Timelines of incidents: each change of one is a line, written with it. Within a transaction.

Each line is an event too, but for corrections of the past.
"""

import uuid
from collections.abc import Collection, Mapping
from typing import cast

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.uptime.events import note_event
from controlplane.uptime.models import Incident, IncidentEvent, MonitorState
from schemas.uptime.events import EventType
from schemas.uptime.incidents import EventKind

MAX_NOTES_CHARS = 4000
TOLD: Mapping[EventKind, EventType] = {
    "triggered": "incident.triggered",
    "acknowledged": "incident.acknowledged",
    "resolved": "incident.resolved",
    "reopened": "incident.reopened",
    "noted": "incident.noted",
}


async def write_line(
    session: AsyncSession,
    row: Incident,
    kind: EventKind,
    at_us: int,
    *,
    notes: str = "",
    author: str = "",
    public_note: str = "",
) -> None:
    """Adds a line, and notes its event; `row.updated_us` is when it is known."""
    of = IncidentEvent.incident_id == row.id
    last = await session.scalar(select(func.max(IncidentEvent.number)).where(of))
    line = IncidentEvent(
        id=uuid.uuid4(),
        incident_id=row.id,
        number=(last or 0) + 1,
        at_us=at_us,
        noted_us=row.updated_us,
        kind=kind,
        author=author,
        notes=notes,
        public_note=public_note,
    )
    session.add(line)
    await session.flush()
    if kind in TOLD:
        await _tell(session, row, line)


async def _tell(session: AsyncSession, row: Incident, line: IncidentEvent) -> None:
    await note_event(
        session,
        project_id=row.project_id,
        type=TOLD[cast("EventKind", line.kind)],
        at_us=line.at_us,
        now_us=line.noted_us,
        monitor_id=row.monitor_id,
        incident_id=row.id,
        details={
            "title": row.title,
            "severity": row.severity,
            "resolution": row.resolution,
            "author": line.author,
            "notes": line.notes,
        },
    )


async def read_causes(session: AsyncSession, incident_ids: Collection[str]) -> dict[str, str]:
    """Returns why incidents were opened last, by their ids; may be empty."""
    of = IncidentEvent
    query = (
        select(of.incident_id, of.notes)
        .where(of.incident_id.in_(incident_ids), of.kind.in_(("triggered", "reopened")))
        .order_by(of.number)
    )
    return {row[0]: row[1] for row in (await session.execute(query)).all()}


async def hold_state(session: AsyncSession, monitor_id: str | None) -> None:
    """Lets nobody else change a monitor's incidents until the transaction ends.

    Who has read them before sees that they are others now.
    """
    if monitor_id is not None:
        of = MonitorState.monitor_id == monitor_id
        change = update(MonitorState).where(of).values(version=MonitorState.version + 1)
        await session.execute(change.execution_options(synchronize_session=False))


async def resolve_paused(session: AsyncSession, monitor_id: str, now_us: int) -> None:
    """Resolves what a monitor has opened of itself, for it is paused."""
    await hold_state(session, monitor_id)
    query = select(Incident).where(
        Incident.monitor_id == monitor_id, Incident.origin == "auto", Incident.state != "resolved"
    )
    for row in await session.scalars(query):
        row.state, row.resolution = "resolved", "paused"
        row.resolved_us = row.updated_us = now_us
        await write_line(session, row, "resolved", now_us, notes="The monitor was paused")
