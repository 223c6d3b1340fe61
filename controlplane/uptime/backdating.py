"""Monitors and incidents of a time before they were made here: the demo's past.

Nothing else changes what was noted when.
"""

import uuid
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.database import Database
from controlplane.rules import as_uuid
from controlplane.uptime.models import (
    Incident,
    IncidentEvent,
    Monitor,
    MonitorMaintenance,
    MonitorPause,
    UptimeEvent,
)
from controlplane.uptime.monitors import read_policies
from schemas.projects import ProjectId
from schemas.uptime.incidents import EventKind


class PastLine(NamedTuple):
    """What was said of an incident, at a moment."""

    kind: EventKind
    at_us: int
    author: str
    notes: str
    public_note: str = ""


async def backdate_monitor(database: Database, monitor_id: str, created_us: int) -> None:
    """Has a monitor, with the windows that it has now, be made then. It has one revision."""
    async with database.session() as session:
        row = await session.get_one(Monitor, monitor_id)
        row.created_us = row.updated_us = created_us
        first = msgspec.structs.replace(read_policies(row.policies)[0], from_us=created_us)
        row.policies = msgspec.json.encode([first]).decode()
        of = MonitorMaintenance
        in_force = of.monitor_id == monitor_id
        await session.execute(update(of).where(in_force).values(from_us=created_us))


async def backdate_pause(database: Database, monitor_id: str, from_us: int) -> None:
    """Has the pause of a monitor begin then."""
    of = MonitorPause
    change = update(of).where(of.monitor_id == monitor_id).values(from_us=from_us)
    async with database.session() as session:
        await session.execute(change)


async def backdate_incidents(
    database: Database, project_id: ProjectId, monitor_id: str, delay_us: int
) -> list[str]:
    """Has a monitor's incidents be noted a little after they happened.

    Returns their ids, the newest first.
    """
    of = Incident
    query = select(of).where(of.monitor_id == monitor_id, of.project_id == as_uuid(project_id))
    async with database.session() as session:
        rows = list(await session.scalars(query.order_by(of.started_us.desc())))
        for row in rows:
            row.created_us = row.started_us + delay_us
            row.updated_us = (row.resolved_us or row.started_us) + delay_us
            line = IncidentEvent
            shift = update(line).where(line.incident_id == row.id)
            await session.execute(shift.values(noted_us=line.at_us + delay_us))
        event = UptimeEvent
        past = update(event).where(event.monitor_id == monitor_id)
        # Nobody is called for what is long over.
        told = {"is_paged": True, "is_hooked": True}
        await session.execute(past.values(noted_us=event.at_us + delay_us, **told))
        return [row.id for row in rows]


async def tell_past(
    database: Database, incident_id: str, assignee: str, lines: Sequence[PastLine]
) -> None:
    """Adds lines to a timeline where they belong; who acknowledged it then has it."""
    async with database.session() as session:
        row = await session.get_one(Incident, incident_id)
        row.assignee = assignee
        for line in lines:
            session.add(_line(incident_id, line))
            if line.kind == "acknowledged":
                row.acknowledged_us = line.at_us
                row.state = "acknowledged" if row.state == "triggered" else row.state
        await session.flush()
        await _number(session, incident_id)


def _line(incident_id: str, line: PastLine) -> IncidentEvent:
    return IncidentEvent(
        id=uuid.uuid4(),
        incident_id=incident_id,
        number=0,
        at_us=line.at_us,
        noted_us=line.at_us,
        kind=line.kind,
        author=line.author,
        notes=line.notes,
        public_note=line.public_note,
    )


async def _number(session: AsyncSession, incident_id: str) -> None:
    of = IncidentEvent
    query = select(of).where(of.incident_id == incident_id)
    ordered = query.order_by(of.noted_us, of.at_us, of.number)
    for number, line in enumerate(list(await session.scalars(ordered)), start=1):
        line.number = number
