"""What heartbeat monitors have beside: a ping URL, a schedule, what was heard of them."""

import secrets
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import msgspec
from sqlalchemy import or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.crypto import Vault, hash_token
from controlplane.database import Database
from controlplane.failures import Conflict
from controlplane.models import Project
from controlplane.rules import as_uuid
from controlplane.uptime.models import Heartbeat, Monitor, MonitorState
from schemas.projects import ProjectId
from schemas.uptime.heartbeats import Expectation
from schemas.uptime.monitors import MonitorConfig
from schemas.uptime.targets import MonitorId

SECRET_BYTES = 24
AT_ONCE = 500
_expectation = msgspec.json.Decoder(Expectation).decode


class Heard(NamedTuple):
    """What checks of a block tell of a heartbeat. Times are microseconds since 1970 UTC."""

    heard_us: int
    """When the newest run began."""
    slot_us: int
    """The newest slot."""
    started_us: int | None
    """The newest start; `None` where there was none."""


class Waited(NamedTuple):
    """A heartbeat of which something may be missing."""

    monitor_id: MonitorId
    project_id: ProjectId
    expectation: Expectation
    since_us: int
    heard_us: int | None
    started_us: int | None
    ended_us: int | None
    """The newest slot of a check that said how a run was."""


async def keep_heartbeat(
    session: AsyncSession, vault: Vault, monitor: Monitor, config: MonitorConfig, since_us: int
) -> None:
    """Has a heartbeat's row say what its configuration does. Raises `Conflict` for a taken slug."""
    if config.type != "heartbeat":
        return
    row = await session.get(Heartbeat, monitor.id)
    wanted = expectation_of(config)
    if row is None:
        row = _new(vault, monitor)
        row.since_us = since_us
        session.add(row)
    elif _due_by(_expectation(row.schedule)) != _due_by(wanted):
        row.since_us = since_us
    row.schedule = msgspec.json.encode(wanted).decode()
    row.slug, row.environment = config.slug or None, config.environment
    row.look_at_us = 0
    try:
        await session.flush()
    except IntegrityError as error:
        raise Conflict(
            f"slug: another monitor has {config.slug!r} of {config.environment!r} already"
        ) from error


async def begin_anew(session: AsyncSession, monitor_id: str, now_us: int) -> None:
    """Forgets what was heard of a heartbeat, after a pause: its next word is the first."""
    values = {"heard_us": None, "started_us": None, "since_us": now_us, "look_at_us": 0}
    of = update(Heartbeat).where(Heartbeat.monitor_id == monitor_id).values(values)
    await session.execute(of.execution_options(synchronize_session=False))


async def ping_secrets(
    database: Database, vault: Vault, project_id: ProjectId, monitor_ids: Collection[str]
) -> dict[str, str]:
    """Returns what stands in the ping URLs of some heartbeats of a project."""
    of = Heartbeat
    query = select(of.monitor_id, of.sealed_secret).where(
        of.project_id == as_uuid(project_id), of.monitor_id.in_(sorted(monitor_ids))
    )
    async with database.reading() as session:
        rows = (await session.execute(query)).all()
    return {
        monitor_id: vault.unseal(sealed, bound_to=f"heartbeat/{monitor_id}")
        for monitor_id, sealed in rows
    }


async def note_heard(database: Database, project_id: ProjectId, heard: Mapping[str, Heard]) -> None:
    """Notes what was heard of a project's monitors; those that are no heartbeats are left out.

    A repeat, or what is older than is known, changes nothing.
    """
    of, wanted = Heartbeat, sorted(heard)
    async with database.reading() as session:
        found: list[str] = []
        for first in range(0, len(wanted), AT_ONCE):
            some = wanted[first : first + AT_ONCE]
            query = select(of.monitor_id).where(
                of.monitor_id.in_(some), of.project_id == as_uuid(project_id)
            )
            found += await session.scalars(query)
    if not found:
        return
    async with database.session() as session:
        for monitor_id in sorted(found):
            await _note(session, monitor_id, heard[monitor_id])


async def list_waited(database: Database, now_us: int, limit: int) -> list[Waited]:
    """Returns heartbeats of live projects that have to be looked at, those that wait longest."""
    of, state = Heartbeat, MonitorState
    query = (
        select(of, state.last_us)
        .join(Monitor, Monitor.id == of.monitor_id)
        .join(state, state.monitor_id == of.monitor_id)
        .join(Project, Project.id == of.project_id)
        .where(Project.deleted_at.is_(None), Monitor.paused.is_(False), of.look_at_us <= now_us)
        .order_by(of.look_at_us, of.monitor_id)
        .limit(limit)
    )
    async with database.reading() as session:
        rows = (await session.execute(query)).all()
    return [
        Waited(
            MonitorId(row.monitor_id),
            ProjectId(str(row.project_id)),
            _expectation(row.schedule),
            row.since_us,
            row.heard_us,
            row.started_us,
            last_us,
        )
        for row, last_us in rows
    ]


async def look_later(database: Database, moments: Mapping[str, int]) -> None:
    """Says until when some heartbeats need not be looked at."""
    if not moments:
        return
    async with database.session() as session:
        for monitor_id, at_us in sorted(moments.items()):
            of = update(Heartbeat).where(Heartbeat.monitor_id == monitor_id)
            await session.execute(
                of.values(look_at_us=at_us).execution_options(synchronize_session=False)
            )


def expectation_of(config: MonitorConfig) -> Expectation:
    """Returns when runs of a heartbeat are due."""
    return Expectation(
        config.interval_seconds,
        config.cron,
        config.timezone,
        config.grace_seconds,
        config.max_runtime_seconds,
    )


def _due_by(one: Expectation) -> Sequence[object]:
    return (one.cron, one.timezone) if one.cron else (one.interval_s,)


def _new(vault: Vault, monitor: Monitor) -> Heartbeat:
    plain = secrets.token_urlsafe(SECRET_BYTES)
    return Heartbeat(
        monitor_id=monitor.id,
        project_id=monitor.project_id,
        secret_hash=hash_token(plain),
        sealed_secret=vault.seal(plain, bound_to=f"heartbeat/{monitor.id}"),
        is_upserted=False,
    )


async def _note(session: AsyncSession, monitor_id: str, heard: Heard) -> None:
    of = Heartbeat
    mine = of.monitor_id == monitor_id
    # What was said before a pause ended is not the first word after it.
    counts = or_(of.heard_us.is_not(None), of.since_us < heard.slot_us)
    later = or_(of.heard_us.is_(None), of.heard_us < heard.heard_us)
    statement = update(of).where(mine, counts, later).values(heard_us=heard.heard_us)
    await session.execute(statement.execution_options(synchronize_session=False))
    if heard.started_us is not None:
        later = or_(of.started_us.is_(None), of.started_us < heard.started_us)
        started = update(of).where(mine, of.since_us < heard.started_us, later)
        await session.execute(
            started.values(started_us=heard.started_us).execution_options(synchronize_session=False)
        )
