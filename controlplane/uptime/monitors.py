"""Monitors of a project: made, listed, changed, paused, removed."""

import asyncio
import time
import uuid
from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import msgspec
from sqlalchemy import ColumnElement, Row, Text, bindparam, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.failures import Conflict, NotFound
from controlplane.lookups import live_project, locked_project
from controlplane.models import Project
from controlplane.rules import as_uuid
from controlplane.uptime import models
from controlplane.uptime.checked import changed, read_config
from controlplane.uptime.heartbeats import begin_anew, keep_heartbeat
from controlplane.uptime.ids import new_id
from controlplane.uptime.timelines import resolve_paused
from schemas.projects import ProjectId
from schemas.uptime.maintenance import MaintenanceWindow
from schemas.uptime.monitors import Monitor, MonitorConfig, policy_of, target_ppm_of
from schemas.uptime.states import MonitorHistory, Policy, State
from schemas.uptime.targets import MonitorId

MAX_MONITORS = 10_000
MAX_REVISIONS = 500
"""The oldest ones are forgotten: their checks are read by the oldest that is known."""
FIRST = msgspec.msgpack.encode(MonitorHistory())
WITH_STATES = select(models.Monitor, models.MonitorState).join(
    models.MonitorState, models.MonitorState.monitor_id == models.Monitor.id
)
FOUND = (
    WITH_STATES.join(Project, Project.id == models.Monitor.project_id)
    .where(Project.deleted_at.is_(None), Project.id == bindparam("of_project"))
    .where(models.Monitor.id == bindparam("monitor", type_=Text))
)
"""Made once: to put it together takes longer than to ask it. As text: PostgreSQL would cut a longer
id to the column's length, and find another monitor."""
LOCKED = (models.Monitor, models.MonitorState)
read_policies = msgspec.json.Decoder(list[Policy]).decode


class Place(NamedTuple):
    """Where a page ends."""

    created_us: int
    row_id: str


async def add_monitor(
    database: Database,
    vault: Vault,
    project_id: ProjectId,
    fields: dict[str, Any],
    *,
    monitor_id: MonitorId | None = None,
) -> Monitor:
    """Makes a monitor; with `monitor_id` it has that id, of which checks may be stored already.

    Raises `BadRequest`, `Conflict`, `NotFound`.
    """
    config = read_config(fields)
    now_us = time.time_ns() // 1000
    monitor_id = MonitorId(new_id("mon")) if monitor_id is None else monitor_id
    policies = [policy_of(config, 1, now_us, resumed=False)]
    async with database.session() as session:
        project = await locked_project(session, project_id)
        await _check_count(session, project)
        row = models.Monitor(
            id=monitor_id,
            project_id=project.id,
            name=config.name,
            sealed_config=_sealed(vault, monitor_id, config),
            policies=msgspec.json.encode(policies).decode(),
            revision=1,
            paused=False,
            created_us=now_us,
            updated_us=now_us,
        )
        _copy_plain(row, config)
        state = models.MonitorState(
            monitor_id=monitor_id, version=0, history=FIRST, state="unknown", is_late=False
        )
        session.add(row)
        await session.flush()
        session.add(state)
        await keep_heartbeat(session, vault, row, config, now_us)
        await _set_windows(session, monitor_id, config.maintenance_windows, now_us)
    return _monitor(vault, row, state)


async def list_monitors(
    database: Database,
    vault: Vault,
    project_id: ProjectId,
    *,
    limit: int,
    beyond: Place | None = None,
) -> list[Monitor]:
    """Returns monitors of a live project, the oldest first; raises `NotFound`."""
    of = models.Monitor
    query = WITH_STATES.where(of.project_id == as_uuid(project_id))
    if beyond is not None:
        query = query.where(
            (of.created_us > beyond.created_us)
            | ((of.created_us == beyond.created_us) & (of.id > beyond.row_id))
        )
    async with database.reading() as session:
        await live_project(session, project_id)
        rows = (await session.execute(query.order_by(of.created_us, of.id).limit(limit))).all()
    return await asyncio.to_thread(_monitors, vault, rows)


async def get_monitor(
    database: Database, vault: Vault, project_id: ProjectId, monitor_id: str
) -> Monitor:
    """Returns a monitor of a live project; raises `NotFound`."""
    async with database.reading() as session:
        row, state = await _find(session, project_id, monitor_id)
    return _monitor(vault, row, state)


async def list_due(
    database: Database, vault: Vault, project_id: ProjectId | None = None
) -> list[Monitor]:
    """Returns every monitor that is not paused, of one live project or of all: for probers."""
    query = WITH_STATES.join(Project, Project.id == models.Monitor.project_id)
    query = query.where(*_is_due(project_id)).order_by(models.Monitor.id)
    async with database.reading() as session:
        rows = (await session.execute(query)).all()
    return await asyncio.to_thread(_monitors, vault, rows)


async def mark_of_due(database: Database, project_id: ProjectId | None = None) -> tuple[Any, ...]:
    """Returns what is another one whenever `list_due` is, and costs little to ask for."""
    of = models.Monitor
    query = select(func.count(), func.max(of.updated_us), func.sum(of.revision))
    query = query.join(Project, Project.id == of.project_id).where(*_is_due(project_id))
    async with database.reading() as session:
        return tuple((await session.execute(query)).one())


def _is_due(project_id: ProjectId | None) -> list[ColumnElement[bool]]:
    rules: list[ColumnElement[bool]] = [
        Project.deleted_at.is_(None),
        models.Monitor.paused.is_(False),
    ]
    return rules if project_id is None else [*rules, Project.id == as_uuid(project_id)]


async def change_monitor(
    database: Database, vault: Vault, of: tuple[ProjectId, str], fields: dict[str, Any]
) -> Monitor:
    """Changes some fields of a monitor: a new revision. Raises `BadRequest`, `NotFound`."""
    now_us = time.time_ns() // 1000
    async with database.session() as session:
        row, state = await _find(session, *of, is_locked=True)
        config = changed(open_config(vault, row), fields)
        row.name, row.ack_ttl_s = config.name, config.ack_ttl_seconds
        row.sealed_config = _sealed(vault, row.id, config)
        _copy_plain(row, config)
        _revise(row, config, now_us, resumed=False)
        await keep_heartbeat(session, vault, row, config, now_us)
        await _set_windows(session, row.id, config.maintenance_windows, now_us)
    return _monitor(vault, row, state)


async def pause_monitor(database: Database, vault: Vault, of: tuple[ProjectId, str]) -> Monitor:
    """Ends the checks of a monitor until it is resumed; a repeat changes nothing.

    Its open incident is resolved. Raises `NotFound`.
    """
    now_us = time.time_ns() // 1000
    async with database.session() as session:
        row, state = await _find(session, *of, is_locked=True)
        if not row.paused:
            row.paused, row.updated_us = True, now_us
            pause = models.MonitorPause(id=uuid.uuid4(), monitor_id=row.id, from_us=now_us)
            session.add(pause)
            await resolve_paused(session, row.id, now_us)
    return _monitor(vault, row, state)


async def resume_monitor(database: Database, vault: Vault, of: tuple[ProjectId, str]) -> Monitor:
    """Has a monitor checked again; what was known before the pause does not count any more."""
    now_us = time.time_ns() // 1000
    async with database.session() as session:
        row, state = await _find(session, *of, is_locked=True)
        if row.paused:
            row.paused = False
            _revise(row, open_config(vault, row), now_us, resumed=True)
            await begin_anew(session, row.id, now_us)
            pauses = models.MonitorPause
            is_open = (pauses.monitor_id == row.id) & pauses.until_us.is_(None)
            await session.execute(update(pauses).where(is_open).values(until_us=now_us))
    return _monitor(vault, row, state)


async def remove_monitor(database: Database, project_id: ProjectId, monitor_id: str) -> None:
    """Removes a monitor with its history; its incidents stay. Raises `NotFound`."""
    async with database.session() as session:
        row, _ = await _find(session, project_id, monitor_id, is_locked=True)
        await session.delete(row)


async def _check_count(session: AsyncSession, project: Project) -> None:
    of_project = models.Monitor.project_id == project.id
    if (await session.scalar(select(func.count()).where(of_project)) or 0) >= MAX_MONITORS:
        raise Conflict(f"A project has at most {MAX_MONITORS} monitors: remove some first")


async def _find(
    session: AsyncSession, project_id: ProjectId, monitor_id: str, *, is_locked: bool = False
) -> tuple[models.Monitor, models.MonitorState]:
    query = FOUND.with_for_update(of=LOCKED) if is_locked else FOUND
    values = {"of_project": as_uuid(project_id), "monitor": monitor_id}
    row = (await session.execute(query, values)).one_or_none() if "\0" not in monitor_id else None
    if row is None:
        raise NotFound("Monitor not found")
    return row[0], row[1]


def _revise(row: models.Monitor, config: MonitorConfig, now_us: int, *, resumed: bool) -> None:
    row.revision += 1
    row.updated_us = now_us
    policies = read_policies(row.policies)
    policies.append(policy_of(config, row.revision, now_us, resumed=resumed))
    row.policies = msgspec.json.encode(policies[-MAX_REVISIONS:]).decode()


async def _set_windows(
    session: AsyncSession, monitor_id: str, windows: Sequence[MaintenanceWindow], now_us: int
) -> None:
    """Has these windows in force from now on; what was in force before stays known."""
    of = models.MonitorMaintenance
    in_force = (of.monitor_id == monitor_id) & of.until_us.is_(None)
    wanted = [msgspec.json.encode(window).decode() for window in windows]
    for row in await session.scalars(select(of).where(in_force)):
        if row.spec in wanted:
            wanted.remove(row.spec)
        else:
            row.until_us = now_us
    session.add_all(
        [of(id=uuid.uuid4(), monitor_id=monitor_id, spec=spec, from_us=now_us) for spec in wanted]
    )


def _copy_plain(row: models.Monitor, config: MonitorConfig) -> None:
    """Keeps what is asked for by who cannot open configurations."""
    row.target_ppm, row.latency_alerts = target_ppm_of(config), config.latency_alerts
    row.ack_ttl_s = config.ack_ttl_seconds


def _monitors(
    vault: Vault, rows: Sequence[Row[models.Monitor, models.MonitorState]]
) -> list[Monitor]:
    """Opens rows: of ten thousand it takes a fifth of a second, so in a thread of its own."""
    return [_monitor(vault, row[0], row[1]) for row in rows]


def _monitor(vault: Vault, row: models.Monitor, state: models.MonitorState) -> Monitor:
    policies = read_policies(row.policies)
    return Monitor(
        monitor_id=MonitorId(row.id),
        project_id=ProjectId(str(row.project_id)),
        config=open_config(vault, row),
        revision=row.revision,
        paused=row.paused,
        state=cast("State", state.state),
        since_us=state.since_us,
        last_us=state.last_us,
        silence_us=policies[-1].silence_us,
        resumed_us=max((one.from_us for one in policies if one.resumed), default=None),
        created_us=row.created_us,
        updated_us=row.updated_us,
    )


def _sealed(vault: Vault, monitor_id: str, config: MonitorConfig) -> bytes:
    return vault.seal(msgspec.json.encode(config).decode(), bound_to=f"monitor/{monitor_id}")


def open_config(vault: Vault, row: models.Monitor) -> MonitorConfig:
    """Opens the configuration of a monitor; raises `UnsealError`."""
    plain = vault.unseal(row.sealed_config, bound_to=f"monitor/{row.id}")
    return msgspec.json.decode(plain, type=MonitorConfig)
