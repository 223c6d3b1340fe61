"""Whose check a ping is, answered from memory for most requests."""

import re
import time
from collections.abc import Callable

import msgspec
from sqlalchemy import Row, Select, select

from controlplane.crypto import Vault, hash_token
from controlplane.database import Database
from controlplane.key_cache import USUAL, CacheBounds, KeyCache
from controlplane.models import Project
from controlplane.projects import context_of
from controlplane.uptime.models import Heartbeat, Monitor, MonitorState
from schemas.projects import ProjectContext, ProjectId
from schemas.uptime.heartbeats import HeartbeatTarget
from schemas.uptime.monitors import MonitorConfig
from schemas.uptime.targets import MonitorId

SECRET = re.compile(r"[\w-]{20,64}", re.ASCII)
_config = msgspec.json.Decoder(MonitorConfig).decode
Found = Row[Heartbeat, Monitor, Project, int | None]


class Pinged(msgspec.Struct, frozen=True):
    """Where a ping belongs."""

    project: ProjectContext
    """Its `key_id` is the monitor's: each URL has a rate limit of its own."""
    target: HeartbeatTarget


class PingUrls:
    """The ping URLs that this process has seen; one per process."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        bounds: CacheBounds = USUAL,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._vault = vault
        self._known = KeyCache(self._load, bounds, clock)

    async def find(self, secret: str) -> Pinged | None:
        """Return whose URL has this secret, `None` where nobody's has; raises `Unavailable`."""
        if SECRET.fullmatch(secret) is None:
            return None
        return await self._known.find(hash_token(secret))

    def forget_project(self, project_id: ProjectId) -> None:
        """Drop what is known of a project's URLs; call it after deleting it."""
        self._known.forget_those(lambda one: one.target.project_id == project_id)

    async def _load(self, secret_hash: str) -> Pinged | None:
        query = heartbeats().where(Heartbeat.secret_hash == secret_hash)
        async with self._database.reading() as session:
            row = (await session.execute(query)).one_or_none()
        return None if row is None else pinged(self._vault, row)


def heartbeats() -> Select[Heartbeat, Monitor, Project, int | None]:
    """Returns the query of heartbeats of live projects that `pinged` reads."""
    return (
        select(Heartbeat, Monitor, Project, MonitorState.last_us)
        .join(Monitor, Monitor.id == Heartbeat.monitor_id)
        .join(MonitorState, MonitorState.monitor_id == Monitor.id)
        .join(Project, Project.id == Monitor.project_id)
        .where(Project.deleted_at.is_(None))
    )


def pinged(vault: Vault, row: Found) -> Pinged:
    """Returns where what is said of a heartbeat belongs."""
    heartbeat, monitor, project, ended_us = row.tuple()
    config = _config(vault.unseal(monitor.sealed_config, bound_to=f"monitor/{monitor.id}"))
    started_us = heartbeat.started_us
    if started_us is not None and ended_us is not None and ended_us >= started_us:
        started_us = None
    target = HeartbeatTarget(
        ProjectId(str(monitor.project_id)),
        MonitorId(monitor.id),
        config.regions[0],
        monitor.revision,
        config.degraded_after_ms,
        started_us,
        heartbeat.since_us,
    )
    return Pinged(context_of(project, key_id=f"heartbeat/{monitor.id}"), target)
