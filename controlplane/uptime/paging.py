"""Who is told of what happens: events become messages of the outbox, each in one transaction.

One look takes the events of one project that nobody has taken, and the steps of its policies that
are due. What follows from them (messages, who had which, the next step) is written with the marks
of the events, so that a crash leaves all of it or nothing.
"""

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple, cast
from uuid import UUID

import msgspec
from sqlalchemy import bindparam, func, select, update

from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.lookups import locked_project
from controlplane.models import Project
from controlplane.uptime.models import UNPAGED, Incident, IncidentPaging, UptimeEvent
from controlplane.uptime.paging_steps import Look
from controlplane.uptime.paging_writes import Words, write_wants
from schemas.uptime.events import EventType
from schemas.uptime.notices import Warned

AT_ONCE = 1000
"""Events in one look of all projects; more wait for the next one."""
OF_A_PROJECT = 200
"""Events of one project in one look: they are one transaction, and take about two seconds."""
INCIDENT = "incident."
_WAITING = (
    select(
        *(UptimeEvent.id, UptimeEvent.project_id, UptimeEvent.type, UptimeEvent.noted_us),
        func.row_number()
        .over(partition_by=UptimeEvent.project_id, order_by=UptimeEvent.noted_us)
        .label("place"),
    )
    .join(Project, Project.id == UptimeEvent.project_id)
    .where(UNPAGED, Project.deleted_at.is_(None))
    .subquery()
)
WAITING = (
    select(_WAITING)
    .where(_WAITING.c.place <= bindparam("of_a_project"))
    .order_by(_WAITING.c.place, _WAITING.c.noted_us)
    .limit(bindparam("at_once"))
)
DUE = (
    select(Incident.project_id)
    .join(IncidentPaging, IncidentPaging.incident_id == Incident.id)
    .join(Project, Project.id == Incident.project_id)
    .where(IncidentPaging.next_us <= bindparam("now_us"), Project.deleted_at.is_(None))
    .distinct()
)
"""Made once: they are asked every second, and to put them together takes longer."""


class Waiting(NamedTuple):
    """An event that nobody has taken yet."""

    event_id: UUID
    project_id: UUID
    type: EventType
    noted_us: int


async def list_waiting(database: Database) -> list[Waiting]:
    """Returns events of live projects that nobody has taken, of each project the oldest first.

    One that has very many keeps no other waiting.
    """
    values = {"of_a_project": OF_A_PROJECT, "at_once": AT_ONCE}
    async with database.reading() as session:
        return [
            Waiting(row[0], row[1], cast("EventType", row[2]), row[3])
            for row in (await session.execute(WAITING, values)).all()
        ]


async def count_lately(
    database: Database, project_id: UUID, types: Collection[EventType], since_us: int
) -> int:
    """Returns how many incidents of a project had such an event since a moment."""
    of = UptimeEvent
    query = (
        select(of.incident_id)
        .where(of.project_id == project_id, of.noted_us >= since_us, of.type.in_(types))
        .distinct()
        .limit(AT_ONCE)
    )
    async with database.reading() as session:
        return len(list(await session.scalars(query)))


async def list_due(database: Database, now_us: int) -> list[UUID]:
    """Returns live projects with an incident of which somebody has to be told by now."""
    async with database.reading() as session:
        return list(await session.scalars(DUE, {"now_us": now_us}))


async def page(
    database: Database,
    vault: Vault,
    project_id: UUID,
    event_ids: Sequence[UUID],
    *,
    words: Words,
    now_us: int,
) -> int:
    """Takes events and due steps of a project, and returns how many messages follow from them.

    What another process has taken meanwhile is left alone.
    """
    async with database.session() as session:
        # Of several processes one looks at a time: two events of an incident are taken in order.
        await locked_project(session, str(project_id))
        take = (
            update(UptimeEvent)
            .where(UptimeEvent.id.in_(event_ids), UNPAGED)
            .values(is_paged=True)
            .returning(UptimeEvent)
            .execution_options(synchronize_session=False)
        )
        taken = list(await session.scalars(take)) if event_ids else []
        taken.sort(key=lambda one: (one.noted_us, one.at_us))
        look = Look(session, vault, project_id, now_us)
        by_incident: dict[str, list[str]] = {}
        for event in taken:
            if event.incident_id is not None and event.type.startswith(INCIDENT):
                steps = by_incident.setdefault(event.incident_id, [])
                steps.append(event.type.removeprefix(INCIDENT))
            elif not event.is_quiet:
                await look.warn(_warned(event))
        for incident_id, steps in by_incident.items():
            await look.follow(incident_id, steps)
        await look.take_due()
        return await write_wants(session, vault, look, words)


def _warned(event: UptimeEvent) -> Warned:
    details = msgspec.json.decode(event.details, type=dict[str, Any])
    return Warned(
        type=event.type,
        monitor_id=event.monitor_id,
        monitor_name="",
        text=str(details.get("message", "")),
        at_us=event.at_us,
        project_id=str(event.project_id),
        event_id=str(event.id),
    )
