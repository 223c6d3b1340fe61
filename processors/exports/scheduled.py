"""Runs scheduled exports, in one process of an installation.

Only stretches that are over are written, so no file is written twice. Each table goes on behind
what is there, as `sluice export` does.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import structlog
from msgspec import Struct
from msgspec.structs import replace

from clickhouse.client import Warehouse
from clickhouse.exports.registry import EXPORTED
from controlplane.database import Database
from controlplane.exports import Ended, end_schedule, hold_schedule, know_done, take_schedule
from processors.exports.slices import DAY, HOUR, SETTLED, Slice, slices_of
from processors.exports.stored import Stored, us_of
from processors.exports.targets import S3Access, Target, TargetFailed, target_of
from processors.exports.writing import Run, SourceBusy, Told
from schemas.exports import Place, Schedule
from schemas.projects import ProjectContext, ProjectId
from schemas.settings import Settings

RETRY = timedelta(minutes=1)
LONGEST_RETRY = timedelta(hours=1)
NO_PLACE: Mapping[Place, str] = {
    "folder": "this server writes to no folder: SLUICE_EXPORT_FOLDER is not set",
    "s3": "this server writes to no bucket: SLUICE_EXPORT_S3_URL is not set",
}

log = structlog.get_logger(__name__)


class NotOurs(Exception):
    """Raised when the schedule was ended, or another process has taken it over."""


class Places(Struct, frozen=True):
    """Where the operator lets scheduled exports go. A project has a place of its own in each."""

    folder: str = ""
    s3_url: str = ""
    access: S3Access = S3Access()

    @property
    def open(self) -> tuple[Place, ...]:
        """Those that there are."""
        given: tuple[tuple[Place, str], ...] = (("folder", self.folder), ("s3", self.s3_url))
        return tuple(place for place, address in given if address)

    def target(self, place: Place, project_id: ProjectId) -> Target:
        """Returns where a project's files go. Raises `TargetFailed`."""
        address = self.folder if place == "folder" else self.s3_url
        if not address:
            raise TargetFailed(NO_PLACE[place])
        if place == "folder":
            return target_of(str(Path(address) / project_id), self.access)
        return target_of(f"{address.rstrip('/')}/{project_id}", self.access)


def places_of(settings: Settings) -> Places:
    """Returns what the settings allow."""
    access = S3Access(
        settings.export_s3_endpoint,
        settings.export_s3_region,
        settings.export_s3_access_key,
        settings.export_s3_secret_key,
    )
    return Places(settings.export_folder, settings.export_s3_url, access)


class Schedules:
    """Works on what is due."""

    def __init__(
        self,
        database: Database,
        warehouse: Warehouse,
        places: Places,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        *,
        wait_s: float = 1.0,
    ) -> None:
        self._database = database
        self._warehouse = warehouse
        self._places = places
        self._clock = clock
        self._wait_s = wait_s
        self._owner = str(uuid4())
        self._written = Sums()

    async def work(self) -> None:
        """Looks once for a schedule that is due, and runs it. May be stopped at any moment."""
        taken = await take_schedule(self._database, self._owner, us_of(self._clock()))
        if taken is None:
            return
        self._written = Sums()
        error = ""
        try:
            await self._run(taken)
        except NotOurs:
            log.info("export given up", project_id=taken.project_id)
            return
        except (SourceBusy, TargetFailed) as failure:
            error = str(failure) or type(failure).__name__
            log.warning("export failed", project_id=taken.project_id, reason=error)
        now = self._clock()
        again = _due(taken, now) if not error else now + _pause(taken.failures)
        ended = Ended(
            now_us=us_of(now),
            next_us=us_of(again),
            rows=self._written.rows,
            bytes=self._written.bytes,
            error=error,
        )
        await end_schedule(self._database, taken.project_id, self._owner, ended)

    async def _run(self, taken: Schedule) -> None:
        target = self._places.target(taken.plan.place, taken.project_id)
        source = Stored(self._warehouse, ProjectContext(taken.project_id))
        before_us = us_of(over_before(taken, self._clock()))

        async def tell(told: Told) -> None:
            if not told.was_there:
                self._written = self._written.more(told)
            await self._still_ours(taken)

        run = Run(
            source=source,
            target=target,
            format=taken.plan.format,
            clock=self._clock,
            tell=tell,
            wait_s=self._wait_s,
        )
        for table in EXPORTED:
            days = await source.days(table, taken.done_before_us, before_us)
            slices = slices_of(table, days, taken.plan.every)
            await run.write([one for one in slices if _is_due(one, taken, before_us)])
            await self._still_ours(taken)
        if not await know_done(self._database, taken.project_id, self._owner, before_us):
            raise NotOurs

    async def _still_ours(self, taken: Schedule) -> None:
        now_us = us_of(self._clock())
        if not await hold_schedule(self._database, taken.project_id, self._owner, now_us):
            raise NotOurs


class Sums(Struct, frozen=True):
    """What a run has written."""

    rows: int = 0
    bytes: int = 0

    def more(self, told: Told) -> "Sums":
        """Returns the sums with one file more."""
        return replace(self, rows=self.rows + told.rows, bytes=self.bytes + told.bytes)


def over_before(taken: Schedule, now: datetime) -> datetime:
    """Returns before which no stretch gets any more rows."""
    return _start(taken, now - SETTLED)


def _start(taken: Schedule, moment: datetime) -> datetime:
    hour = moment.replace(minute=0, second=0, microsecond=0)
    return hour.replace(hour=0) if taken.plan.every == "day" else hour


def _due(taken: Schedule, now: datetime) -> datetime:
    """Returns when the next stretch is over."""
    step = DAY if taken.plan.every == "day" else HOUR
    return over_before(taken, now) + step + SETTLED


def _is_due(one: Slice, taken: Schedule, before_us: int) -> bool:
    return us_of(one.before) <= before_us and us_of(one.first) >= taken.done_before_us


def _pause(failures: int) -> timedelta:
    return min(RETRY * (1 << min(failures, 10)), LONGEST_RETRY)
