"""Incidents as people handle them: triggered, acknowledged, resolved, listed."""

import time
from typing import Annotated, Literal, NamedTuple, cast

import msgspec
from msgspec import Meta, Struct
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.database import Database
from controlplane.failures import BadRequest, Conflict, NotFound
from controlplane.lookups import live_project
from controlplane.models import Project
from controlplane.rules import as_uuid
from controlplane.uptime import models
from controlplane.uptime.ids import new_id
from controlplane.uptime.timelines import hold_state, write_line
from schemas.projects import ProjectId
from schemas.uptime.incidents import (
    Incident,
    IncidentEvent,
    IncidentState,
    Resolution,
    Severity,
)
from schemas.uptime.targets import MonitorId

Short = Annotated[str, Meta(min_length=1, max_length=200)]


class IncidentForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new incident (`triggered`), or what is done with one."""

    state: IncidentState
    incident_id: Annotated[str, Meta(max_length=40)] | None = None
    monitor_id: Annotated[str, Meta(max_length=40)] | None = None
    title: Annotated[str, Meta(min_length=1, max_length=300)] | None = None
    severity: Severity = "major"
    assignee: Annotated[str, Meta(max_length=254)] | None = None
    notes: Annotated[str, Meta(max_length=4000)] = ""
    public_note: Annotated[str, Meta(max_length=2000)] = ""
    """What everybody may read of it, on the public status pages."""
    external_ids: Annotated[dict[Short, Short], Meta(max_length=20)] = {}
    """Of tickets elsewhere, as `pagerduty` and `jira`."""
    escalation_policy: Annotated[str, Meta(max_length=100)] | None = None
    """Of a new incident: in place of its monitor's."""


class Place(NamedTuple):
    """Where a page ends."""

    created_us: int
    row_id: str


class Handled(NamedTuple):
    """An incident, and whether anything of it is new."""

    incident: Incident
    is_new: bool
    is_changed: bool


async def handle_incident(
    database: Database, project_id: ProjectId, form: IncidentForm, author: str
) -> Handled:
    """Triggers an incident, or moves one on; what it is already changes nothing.

    Raises `BadRequest`, `Conflict` for a step that its state does not allow, `NotFound`.
    """
    texts = [form.title or "", form.notes, form.public_note, form.assignee or ""]
    texts += [*form.external_ids, *form.external_ids.values(), form.escalation_policy or ""]
    if any("\0" in text for text in texts):
        raise BadRequest("A text holds the character NUL")
    now_us = time.time_ns() // 1000
    async with database.session() as session:
        project = await live_project(session, project_id)
        if form.incident_id is None:
            row = await _triggered(session, project, form, (author, now_us))
            return Handled(incident_of(row), is_new=True, is_changed=True)
        row = await _held(session, project_id, form.incident_id)
        is_changed = await _move(session, row, form, (author, now_us))
    return Handled(incident_of(row), is_new=False, is_changed=is_changed)


async def list_incidents(
    database: Database,
    project_id: ProjectId,
    *,
    state: IncidentState | None,
    monitor_id: str | None,
    limit: int,
    beyond: Place | None,
) -> list[Incident]:
    """Returns incidents of a live project, the newest first; raises `NotFound`."""
    of = models.Incident
    query = select(of).where(of.project_id == as_uuid(project_id))
    query = query if state is None else query.where(of.state == state)
    query = query if monitor_id is None else query.where(of.monitor_id == monitor_id)
    if beyond is not None:
        query = query.where(
            (of.created_us < beyond.created_us)
            | ((of.created_us == beyond.created_us) & (of.id < beyond.row_id))
        )
    query = query.order_by(of.created_us.desc(), of.id.desc()).limit(limit)
    async with database.reading() as session:
        await live_project(session, project_id)
        return [incident_of(row) for row in await session.scalars(query)]


async def get_incident(
    database: Database, project_id: ProjectId, incident_id: str
) -> tuple[Incident, list[IncidentEvent]]:
    """Returns an incident and its timeline; raises `NotFound`."""
    of = models.IncidentEvent
    async with database.reading() as session:
        row = await find_incident(session, project_id, incident_id)
        lines = await session.scalars(
            select(of).where(of.incident_id == row.id).order_by(of.number).limit(1000)
        )
        events = [
            IncidentEvent(
                cast("Literal['noted']", line.kind),
                line.at_us,
                line.noted_us,
                line.author,
                line.notes,
                line.public_note,
            )
            for line in lines
        ]
    return incident_of(row), events


async def _triggered(
    session: AsyncSession, project: Project, form: IncidentForm, by: tuple[str, int]
) -> models.Incident:
    if form.state != "triggered":
        raise BadRequest(f"incident_id: which incident is {form.state}?")
    monitor = None
    if form.monitor_id is not None:
        of = models.Monitor
        query = select(of).where(of.id == form.monitor_id, of.project_id == project.id)
        monitor = await session.scalar(query) if "\0" not in form.monitor_id else None
        if monitor is None:
            raise NotFound("Monitor not found")
    if monitor is None and form.title is None:
        raise BadRequest("title: an incident without monitor_id needs one")
    author, now_us = by
    row = models.Incident(
        id=new_id("inc"),
        project_id=project.id,
        monitor_id=None if monitor is None else monitor.id,
        origin="manual",
        title=form.title or f"{monitor.name if monitor else ''}: incident",
        severity=form.severity,
        state="triggered",
        started_us=now_us,
        assignee=form.assignee,
        external_ids=msgspec.json.encode(form.external_ids).decode(),
        reopened=0,
        escalation_policy=form.escalation_policy,
        created_us=now_us,
        updated_us=now_us,
    )
    session.add(row)
    await session.flush()
    told = {"notes": form.notes, "public_note": form.public_note}
    await write_line(session, row, "triggered", now_us, author=author, **told)
    return row


async def _move(
    session: AsyncSession, row: models.Incident, form: IncidentForm, by: tuple[str, int]
) -> bool:
    author, now_us = by
    same = form.state == row.state
    if not same and (row.state == "resolved" or form.state == "triggered"):
        raise Conflict(f"The incident is {row.state}: it cannot be {form.state}")
    known = msgspec.json.decode(row.external_ids, type=dict[str, str])
    external = known | form.external_ids
    told = {"notes": form.notes, "public_note": form.public_note}
    is_told = any(told.values()) or external != known or form.assignee not in (None, row.assignee)
    if same and not is_told:
        return False
    row.updated_us = now_us
    row.assignee = form.assignee or row.assignee
    row.external_ids = msgspec.json.encode(external).decode()
    row.state = form.state
    if not same and form.state == "acknowledged":
        row.acknowledged_us = now_us
    if not same and form.state == "resolved":
        row.resolved_us, row.resolution = now_us, "manual"
    kind = "noted" if same else form.state
    await write_line(session, row, kind, now_us, author=author, **told)
    return True


async def _held(session: AsyncSession, project_id: ProjectId, incident_id: str) -> models.Incident:
    """Returns an incident that nobody else changes meanwhile, not its monitor either."""
    row = await find_incident(session, project_id, incident_id)
    await hold_state(session, row.monitor_id)
    await session.refresh(row, with_for_update=True)
    return row


async def find_incident(
    session: AsyncSession, project_id: ProjectId, incident_id: str
) -> models.Incident:
    """Returns an incident of a project; raises `NotFound`."""
    project = await live_project(session, project_id)
    of = models.Incident
    query = select(of).where(of.id == incident_id, of.project_id == project.id)
    row = await session.scalar(query) if "\0" not in incident_id else None
    if row is None:
        raise NotFound("Incident not found")
    return row


def incident_of(row: models.Incident) -> Incident:
    """Returns an incident as it is told of."""
    return Incident(
        incident_id=row.id,
        project_id=ProjectId(str(row.project_id)),
        monitor_id=None if row.monitor_id is None else MonitorId(row.monitor_id),
        origin=cast("Literal['auto', 'manual']", row.origin),
        title=row.title,
        severity=cast("Severity", row.severity),
        state=cast("IncidentState", row.state),
        resolution=cast("Resolution | None", row.resolution),
        started_us=row.started_us,
        acknowledged_us=row.acknowledged_us,
        resolved_us=row.resolved_us,
        assignee=row.assignee,
        external_ids=msgspec.json.decode(row.external_ids, type=dict[str, str]),
        reopened=row.reopened,
        escalation_policy=row.escalation_policy,
        created_us=row.created_us,
        updated_us=row.updated_us,
    )
