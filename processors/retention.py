"""When what is too old is deleted, and when not: a clock that jumped must not delete everything.

The control plane keeps the last day that retention was sure of. A clock that is far ahead of it may
be wrong, or the machine was off: nobody can tell the one from the other. So nothing is deleted for
its age until a person says that the date is right (`sluice retention confirm`).
"""

from datetime import date, datetime, timedelta

import structlog

from clickhouse.client import Warehouse
from clickhouse.retention import FIRST_DAY, Expiry, Keeping, newest_day
from controlplane.database import Database
from controlplane.projects import list_retentions
from controlplane.retention import (
    forget_purged_projects,
    know_day,
    known_day,
    list_purged_projects,
)
from controlplane.retention_policies import list_policies
from controlplane.sessions import purge_expired_sessions
from eventlog.sqlite_log import SqliteLog
from processors.purge import PurgedLog
from processors.thinning import NO_KEEPERS, SETTLE_S, Cutting, Keepers, Thinning
from schemas import metrics
from schemas.retention import window_days
from schemas.settings import Settings

MAX_AHEAD_DAYS = 7
"""How far the clock may be ahead of the last day known: so much too early rows go at worst."""
RUN_LIMIT_S = 600.0
"""For the statements of one run; the next goes on where it stopped."""
THIN_LIMIT_S = 600.0
"""The same for what is thinned by rules, behind it."""
DAY_MS = 86_400_000
LATE_DAYS = 1
"""Keys go on working for minutes after their project was deleted."""

log = structlog.get_logger(__name__)


def is_too_far(today: date, known: date) -> bool:
    """Tells whether the clock says a day that needs a person's word."""
    return (today - known).days > MAX_AHEAD_DAYS


class Retention:
    """Deletes rows for their age, and those of purged projects that arrive late; one a process."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        warehouse: Warehouse,
        *,
        settle_s: float = SETTLE_S,
        keepers: Keepers = NO_KEEPERS,
    ) -> None:
        self._settings = settings
        self._database = database
        self._warehouse = warehouse
        self._settle_s = settle_s
        self._keepers = keepers
        """By kind, what has to be kept of rows before they go."""
        self._expiry = Expiry(warehouse)
        self._thinning = Thinning(database, warehouse, settle_s=settle_s, keepers=keepers)

    async def run(self, now: datetime) -> Keeping:
        """Looks once, and deletes from the store what is due; `now` must be in UTC.

        Returns by what it went: the log has to follow. Ends sessions that are over as well.
        """
        is_held = await self._is_held(now)
        keeping = await self._keeping(now, is_held=is_held)
        watcher = Cutting(
            self._database, now.date(), settle_s=self._settle_s, keepers=self._keepers
        )
        is_whole = await self._expiry.run(keeping, limit_s=RUN_LIMIT_S, watcher=watcher)
        if not is_whole or not await self._thinning.run(keeping, limit_s=THIN_LIMIT_S):
            log.info("retention goes on with the next run")
        await purge_expired_sessions(self._database)
        if not is_held:
            await self._forget_purged(now)
        return keeping

    async def _keeping(self, now: datetime, *, is_held: bool) -> Keeping:
        now_us = int(now.timestamp() * 1_000_000)
        held = await list_policies(self._database)
        return Keeping(
            today=None if is_held else now.date(),
            default_days=self._settings.kept_days,
            own_days=await list_retentions(self._database),
            purged=await list_purged_projects(self._database),
            policies={project_id: one.in_force(now_us) for project_id, one in held.items()},
            sums_days=self._settings.retention_sums_days,
            window_days=window_days(self._settings.dedup_window_hours),
        )

    async def _is_held(self, now: datetime) -> bool:
        """Tells whether the clock is too far ahead of the last day known; else makes it known."""
        today, known = now.date(), await known_day(self._database)
        if known is None:
            known = min(today, await newest_day(self._warehouse) or today)
            await know_day(self._database, known)
        is_held = is_too_far(today, known)
        metrics.RETENTION_HELD_DAYS.set((today - known).days if is_held else 0)
        if is_held:
            log.error(
                "nothing is deleted for its age: the clock may be wrong",
                today=str(today),
                last_day_known=str(known),
                remedy=f"if it is right: sluice retention confirm {today}",
            )
        elif today > known:
            await know_day(self._database, today)
        return is_held

    async def _forget_purged(self, now: datetime) -> None:
        """Forgets purged projects of which whatever still arrives is too old to be kept."""
        longest = max(self._settings.kept_days, self._settings.retention_sums_days)
        days = min(longest + LATE_DAYS, (now.date() - FIRST_DAY).days)
        await forget_purged_projects(self._database, now - timedelta(days=days))


async def retain(event_log: SqliteLog, retention: Retention, now: datetime) -> None:
    """Drops what is older than retention from store and log, and sessions that ended.

    Days are counted in UTC, of which `now` must be.
    """
    keeping = await retention.run(now)
    if keeping.purged:
        await event_log.purge_dead_letters(keeping.purged)
    if keeping.today is not None:
        own_keep_ms = {project_id: days * DAY_MS for project_id, days in keeping.own_days.items()}
        await event_log.expire(int(now.timestamp() * 1000), own_keep_ms)


async def retain_shared(event_log: PurgedLog, retention: Retention, now: datetime) -> None:
    """The same for a worker: Kafka drops dead letters for their age, but not those of a project."""
    keeping = await retention.run(now)
    if keeping.purged:
        await event_log.purge_dead_letters(keeping.purged)
