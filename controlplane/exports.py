"""Scheduled exports: set by admins, taken by one process at a time, told of when they fail."""

from typing import Any

import msgspec
from msgspec import Raw, Struct
from sqlalchemy import delete, select, update
from sqlalchemy.engine import CursorResult
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.database import Database
from controlplane.export_models import MAX_ERROR_CHARS, ExportSchedule
from controlplane.lookups import locked_project
from controlplane.models import Project
from controlplane.outbox import Outgoing, new_message_id, put_out
from controlplane.outbox_models import AlertChannel
from controlplane.rules import as_uuid
from schemas.exports import Plan, Schedule
from schemas.messages import Message
from schemas.projects import ProjectId
from schemas.times import iso_ms

LEASE_US = 10 * 60 * 1_000_000
"""After which another process takes over a run of which nothing is heard."""


class Ended(Struct, frozen=True, kw_only=True):
    """How a run ended."""

    now_us: int
    next_us: int
    rows: int
    bytes: int
    error: str = ""
    """Empty where all went well."""


async def find_schedule(database: Database, project_id: ProjectId) -> Schedule | None:
    """Return how a project is exported, `None` where it is not."""
    async with database.reading() as session:
        row = await session.get(ExportSchedule, as_uuid(project_id))
        return None if row is None else _schedule(row)


async def set_schedule(
    database: Database, project_id: ProjectId, plan: Plan, *, now_us: int
) -> None:
    """Set how a project is exported; it begins at once. Raises `NotFound`.

    Where the plan changes, it begins from the first row again: files of another format, of another
    length of time or of another place have nothing.
    """
    async with database.session() as session:
        project = await locked_project(session, project_id)
        row = await session.get(ExportSchedule, project.id)
        if row is not None and _plan(row) == plan:
            row.next_us = now_us if not row.owner else row.next_us
            return
        if row is not None:
            await session.delete(row)
            await session.flush()
        session.add(
            ExportSchedule(
                project_id=project.id,
                every=plan.every,
                format=plan.format,
                place=plan.place,
                next_us=now_us,
                owner="",
                done_before_us=0,
                rows=0,
                bytes=0,
                failures=0,
                error="",
            )
        )


async def remove_schedule(database: Database, project_id: ProjectId) -> None:
    """End the exports of a project; what is written stays. A run ends before its next file."""
    async with database.session() as session:
        of_project = ExportSchedule.project_id == as_uuid(project_id)
        await session.execute(delete(ExportSchedule).where(of_project))


async def take_schedule(database: Database, owner: str, now_us: int) -> Schedule | None:
    """Take over for `owner` the one that has been due longest; `None` where none is."""
    first = (
        select(ExportSchedule)
        .join(Project, Project.id == ExportSchedule.project_id)
        .where(ExportSchedule.next_us <= now_us, Project.deleted_at.is_(None))
        .order_by(ExportSchedule.next_us)
        .limit(1)
    )
    async with database.reading() as session:  # nearly always there is none: lock nothing
        if await session.scalar(first) is None:
            return None
    async with database.session() as session:
        row = await session.scalar(first.with_for_update(skip_locked=True, of=ExportSchedule))
        if row is None:
            return None
        row.owner, row.started_us, row.next_us = owner, now_us, now_us + LEASE_US
        return _schedule(row)


async def hold_schedule(database: Database, project_id: ProjectId, owner: str, now_us: int) -> bool:
    """Keep one for longer; tells whether it is the owner's still."""
    return await _write(database, project_id, owner, next_us=now_us + LEASE_US)


async def know_done(database: Database, project_id: ProjectId, owner: str, before_us: int) -> bool:
    """Note that all that came before a moment is written; tells whether it is the owner's still."""
    return await _write(database, project_id, owner, done_before_us=before_us)


async def end_schedule(database: Database, project_id: ProjectId, owner: str, ended: Ended) -> None:
    """Note how a run ended. The first failure of several is told to the project's channels."""
    async with database.session() as session:
        row = await session.get(ExportSchedule, as_uuid(project_id), with_for_update=True)
        if row is None or row.owner != owner:
            return
        row.owner, row.ended_us, row.next_us = "", ended.now_us, ended.next_us
        row.rows, row.bytes = ended.rows, ended.bytes
        row.error = ended.error[:MAX_ERROR_CHARS]
        row.failures = row.failures + 1 if ended.error else 0
        if row.failures == 1:
            await _tell(session, row, ended.now_us)


async def _write(database: Database, project_id: ProjectId, owner: str, **values: Any) -> bool:
    mine = (ExportSchedule.project_id == as_uuid(project_id), ExportSchedule.owner == owner)
    async with database.session() as session:
        result = await session.execute(update(ExportSchedule).where(*mine).values(**values))
        assert isinstance(result, CursorResult)
        return bool(result.rowcount)


async def _tell(session: AsyncSession, row: ExportSchedule, now_us: int) -> None:
    name = await session.scalar(select(Project.name).where(Project.id == row.project_id))
    subject = f"{name}: the export of the {row.every} failed"
    body = {"project_id": str(row.project_id), "project_name": name, "error": row.error}
    message = Message(
        subject=subject,
        text=f"{subject}\n\n{row.error}\n\nIt is tried again. What is written stays.",
        summary=f"{subject}: {row.error}"[:300],
        at=iso_ms(now_us),
        incident_key=f"exports/{row.project_id}",
        body=Raw(msgspec.json.encode(body)),
    )
    of_project = AlertChannel.project_id == row.project_id
    outgoing = [
        Outgoing(
            id=new_message_id(),
            project_id=row.project_id,
            source="exports",
            key=f"exports/{row.project_id}/{row.started_us}/{channel.id}",
            message=message,
            channel_id=channel.id,
            target_kind=channel.kind,
            target=channel.target,
        )
        for channel in await session.scalars(select(AlertChannel).where(of_project))
    ]
    await put_out(session, outgoing, now_us)


def _plan(row: ExportSchedule) -> Plan:
    values = {"every": row.every, "format": row.format, "place": row.place}
    return msgspec.convert(values, Plan)


def _schedule(row: ExportSchedule) -> Schedule:
    return Schedule(
        project_id=ProjectId(str(row.project_id)),
        plan=_plan(row),
        next_us=row.next_us,
        done_before_us=row.done_before_us,
        started_us=row.started_us,
        ended_us=row.ended_us,
        rows=row.rows,
        bytes=row.bytes,
        failures=row.failures,
        error=row.error,
        is_running=bool(row.owner),
    )
