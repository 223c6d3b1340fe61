"""Incidents that open and end, a pager with a clock that is set, and what is in the outbox."""

import uuid
from typing import Any

import msgspec
from sqlalchemy import select

from alerts.uptime.pager import Pager
from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.outbox_models import AlertOutbox
from controlplane.uptime.incidents import IncidentForm, handle_incident
from controlplane.uptime.models import Incident, UptimeEvent
from controlplane.uptime.monitors import add_monitor
from processors.uptime.following import note_checks
from schemas.projects import ProjectId
from schemas.uptime.monitors import Monitor
from schemas.uptime.states import Seen

SECOND_US = 1_000_000
STEP_US = 30 * SECOND_US
A, B = "json://one.example/a", "json://two.example/b"
FIELDS: dict[str, Any] = {
    "name": "Shop",
    "type": "http",
    "url": "https://shop.example",
    "interval_seconds": 30,
    "notifications": [A],
}


class World:
    """A project with monitors, and whoever pages."""

    def __init__(self, database: Database, vault: Vault, project_id: ProjectId) -> None:
        self.database, self.vault, self.project_id = database, vault, project_id
        self.us = 0
        self._slots: dict[str, int] = {}

    async def monitor(self, **more: Any) -> Monitor:
        return await add_monitor(self.database, self.vault, self.project_id, FIELDS | more)

    async def see(self, monitor: Monitor, outcome: str, message: str = "") -> None:
        """Has two checks see it so, and say so: enough for a change of state."""
        first = self._slots.get(monitor.monitor_id, monitor.created_us)
        checks = [Seen(first + n * STEP_US, 0, outcome, 1) for n in range(2)]  # type: ignore[arg-type]  # an outcome
        self._slots[monitor.monitor_id] = first + 2 * STEP_US
        mine = monitor.monitor_id
        causes = {mine: {outcome: message}}
        await note_checks(self.database, self.project_id, {mine: {"default": checks}}, causes)

    async def act(self, state: str, **more: Any) -> str:
        form = IncidentForm(state=state, **more)  # type: ignore[arg-type]  # one of its states
        handled = await handle_incident(self.database, self.project_id, form, "Ann")
        return handled.incident.incident_id

    async def page(self, seconds: float = 2.0) -> None:
        """Looks so long after the newest event."""
        query = select(UptimeEvent.noted_us).order_by(UptimeEvent.noted_us.desc()).limit(1)
        async with self.database.reading() as session:
            newest = await session.scalar(query)
        self.us = (newest or 0) + int(seconds * SECOND_US)
        await self.look()

    async def wait(self, seconds: float) -> None:
        """Looks so long after the last look."""
        self.us += int(seconds * SECOND_US)
        await self.look()

    async def look(self) -> None:
        await Pager(self.database, self.vault, lambda: self.us).work()

    async def incident(self) -> Incident:
        async with self.database.reading() as session:
            of = Incident.project_id == uuid.UUID(self.project_id)
            row = await session.scalar(select(Incident).where(of))
        assert row is not None
        return row

    async def messages(self) -> list[AlertOutbox]:
        of = AlertOutbox
        query = select(of).where(of.project_id == uuid.UUID(self.project_id))
        async with self.database.reading() as session:
            return list(await session.scalars(query.order_by(of.created_us, of.target)))

    async def sent(self) -> list[tuple[str, str]]:
        """Returns to whom what was sent: scheme or channel, and the event's type."""
        return [
            (
                row.target.partition("://")[0],
                msgspec.json.decode(row.payload)["body"]["event_type"].removeprefix("incident."),
            )
            for row in await self.messages()
        ]
