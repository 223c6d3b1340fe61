"""Runs scheduled exports, in one process of an installation.

Only stretches that are over are written. Each table goes on behind what is there, as `sluice
export` does; of two tables rows change later, which are written anew once a day.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import structlog
from msgspec import Struct

from clickhouse.client import Warehouse
from clickhouse.exports.registry import EXPORTED
from controlplane.database import Database
from controlplane.exports import Ended, end_schedule, hold_schedule, know_done, take_schedule
from processors.exports.slices import DAY, HOUR, SETTLED, Grain, Slice, slices_of
from processors.exports.stored import Stored, us_of
from processors.exports.targets import S3Access, Target, TargetFailed, target_of
from processors.exports.writing import Run, SourceBusy, Told
from schemas.exports import Place, Schedule
from schemas.projects import ProjectContext, ProjectId
from schemas.settings import Settings
from schemas.times import EPOCH, MICROSECOND

RETRY = timedelta(minutes=1)
LONGEST_RETRY = timedelta(hours=1)
MOST_AT_ONCE = 4
"""Runs of several projects, so that a long one keeps no other waiting. They share one reader."""
LOOK_S = 5.0
HOLD_EVERY_S = 60.0
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

    async def work(self) -> None:
        """Runs what is due, some at a time, until nothing is. May be stopped at any moment."""
        running: set[asyncio.Task[None]] = set()
        try:
            while await self._begin(running):
                done, running = await asyncio.wait(
                    running, timeout=LOOK_S, return_when=asyncio.FIRST_COMPLETED
                )
                for one in done:
                    one.result()
        finally:
            for one in running:
                one.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def _begin(self, running: set[asyncio.Task[None]]) -> bool:
        """Begins what is due, as long as there is place; tells whether anything runs."""
        while len(running) < MOST_AT_ONCE:
            taken = await take_schedule(self._database, self._owner, us_of(self._clock()))
            if taken is None:
                break
            running.add(asyncio.create_task(self._see_to(taken)))
        return bool(running)

    async def _see_to(self, taken: Schedule) -> None:
        written = Sums()
        error = ""
        run = asyncio.create_task(self._run(taken, written))
        keeping = asyncio.create_task(self._keep(taken))
        try:
            await asyncio.wait({run, keeping}, return_when=asyncio.FIRST_COMPLETED)
            if not run.done():
                log.info("export given up", project_id=taken.project_id)
                return
            run.result()
        except NotOurs:
            log.info("export given up", project_id=taken.project_id)
            return
        except (SourceBusy, TargetFailed) as failure:
            error = str(failure) or type(failure).__name__
            log.warning("export failed", project_id=taken.project_id, reason=error)
        except Exception as bug:
            # It must be told: else the page would say for ever that it runs.
            error = f"a bug of ours: {type(bug).__name__}"
            log.exception("export met a bug", project_id=taken.project_id)
        finally:
            for task in (run, keeping):
                task.cancel()
            await asyncio.gather(run, keeping, return_exceptions=True)
        now = self._clock()
        again = _due(taken, now) if not error else now + _pause(taken.failures)
        ended = Ended(
            now_us=us_of(now),
            next_us=us_of(again),
            rows=written.rows,
            bytes=written.bytes,
            error=error,
        )
        await end_schedule(self._database, taken.project_id, self._owner, ended)

    async def _keep(self, taken: Schedule) -> None:
        """Keeps others from taking it; returns when one has, or when it was ended."""
        while True:
            if not await self._is_ours(taken):
                return
            await asyncio.sleep(HOLD_EVERY_S)

    async def _run(self, taken: Schedule, written: "Sums") -> None:
        target = self._places.target(taken.plan.place, taken.project_id)
        source = Stored(self._warehouse, ProjectContext(taken.project_id))
        before = over_before(taken, self._clock())

        async def tell(told: Told) -> None:
            if not told.was_there:
                written.add(told)
            if not await self._is_ours(taken):
                raise NotOurs

        run = Run(
            source=source,
            target=target,
            format=taken.plan.format,
            clock=self._clock,
            tell=tell,
            wait_s=self._wait_s,
        )
        for table in EXPORTED:
            stretch = stretch_of(table, taken, before)
            if stretch is not None:
                days = await source.days(table, us_of(stretch.first), us_of(stretch.before))
                slices = slices_of(table, days, stretch.every)
                await run.write([one for one in slices if stretch.has(one)])
        if not await know_done(self._database, taken.project_id, self._owner, us_of(before)):
            raise NotOurs

    async def _is_ours(self, taken: Schedule) -> bool:
        now_us = us_of(self._clock())
        return await hold_schedule(self._database, taken.project_id, self._owner, now_us)


class Stretch(Struct, frozen=True):
    """Of when the rows of a table came that a run writes, and by what it is cut."""

    first: datetime
    before: datetime
    every: Grain

    def has(self, one: Slice) -> bool:
        """Whether all of a slice is in it."""
        return one.first >= self.first and one.before <= self.before


def stretch_of(table: str, taken: Schedule, before: datetime) -> Stretch | None:
    """Returns what is to be written of a table, `None` for nothing.

    Rows that change are written anew once a day, as whole days, for as long as they may.
    """
    first = EPOCH + taken.done_before_us * MICROSECOND
    changing = EXPORTED[table].changes_days
    if not changing:
        return Stretch(first, before, taken.plan.every)
    began, day = _midnight(first), _midnight(before)
    if began == day:
        return None
    return Stretch(max(EPOCH, began - changing * DAY), day, "day")


class Sums(Struct):
    """What a run has written."""

    rows: int = 0
    bytes: int = 0

    def add(self, told: Told) -> None:
        """Adds a file."""
        self.rows += told.rows
        self.bytes += told.bytes


def over_before(taken: Schedule, now: datetime) -> datetime:
    """Returns before which no stretch gets any more rows."""
    return _start(taken, now - SETTLED)


def _start(taken: Schedule, moment: datetime) -> datetime:
    hour = moment.replace(minute=0, second=0, microsecond=0)
    return _midnight(moment) if taken.plan.every == "day" else hour


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def _due(taken: Schedule, now: datetime) -> datetime:
    """Returns when the next stretch is over."""
    step = DAY if taken.plan.every == "day" else HOUR
    return over_before(taken, now) + step + SETTLED


def _pause(failures: int) -> timedelta:
    return min(RETRY * (1 << min(failures, 10)), LONGEST_RETRY)
