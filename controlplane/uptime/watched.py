"""Monitors as periodic work needs them: without configurations, which not every process opens."""

from typing import cast

from msgspec import Struct
from sqlalchemy import Row, Select, select

from controlplane.database import Database
from controlplane.models import Project
from controlplane.uptime.models import Monitor, MonitorState
from controlplane.uptime.monitors import read_policies
from schemas.projects import ProjectId
from schemas.uptime.states import State
from schemas.uptime.targets import MonitorId

AT_ONCE = 500


class Watched(Struct, frozen=True, kw_only=True):
    """A monitor of a live project."""

    monitor_id: MonitorId
    project_id: ProjectId
    time_zone: str
    """Of the project."""
    name: str
    paused: bool
    state: State
    last_us: int | None
    silence_us: int
    interval_us: int
    resumed_us: int | None
    target_ppm: int
    latency_alerts: bool
    created_us: int


async def list_watched(database: Database, *, after: str = "") -> list[Watched]:
    """Returns the next monitors in the order of their ids, `AT_ONCE` at most."""
    query = _watched().where(Monitor.id > after).order_by(Monitor.id).limit(AT_ONCE)
    async with database.reading() as session:
        return [_read(row) for row in await session.execute(query)]


async def find_watched(database: Database, monitor_ids: list[str]) -> list[Watched]:
    """Returns some monitors, `AT_ONCE` at most; unknown ones are left out."""
    query = _watched().where(Monitor.id.in_(monitor_ids)).order_by(Monitor.id)
    async with database.reading() as session:
        return [_read(row) for row in await session.execute(query)]


def _watched() -> Select[Monitor, MonitorState, str]:
    return (
        select(Monitor, MonitorState, Project.time_zone)
        .join(MonitorState, MonitorState.monitor_id == Monitor.id)
        .join(Project, Project.id == Monitor.project_id)
        .where(Project.deleted_at.is_(None))
    )


def _read(row: Row[Monitor, MonitorState, str]) -> Watched:
    monitor, state, time_zone = row
    policies = read_policies(monitor.policies)
    return Watched(
        monitor_id=MonitorId(monitor.id),
        project_id=ProjectId(str(monitor.project_id)),
        time_zone=time_zone,
        name=monitor.name,
        paused=monitor.paused,
        state=cast("State", state.state),
        last_us=state.last_us,
        silence_us=policies[-1].silence_us,
        interval_us=policies[-1].interval_us,
        resumed_us=max((one.from_us for one in policies if one.resumed), default=None),
        target_ppm=monitor.target_ppm,
        latency_alerts=monitor.latency_alerts,
        created_us=monitor.created_us,
    )
