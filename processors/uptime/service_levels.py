"""Breaches of service levels, and budgets that burn: looked for again and again, each told once."""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any, NamedTuple

import structlog

from controlplane.database import Database
from controlplane.uptime.courses import Course, read_courses
from controlplane.uptime.notices import (
    Noted,
    Notice,
    end_notice,
    forget_notices,
    list_fallen,
    open_notice,
    open_notices,
)
from controlplane.uptime.watched import AT_ONCE, Watched, find_watched
from schemas.uptime.days import measure_each
from schemas.uptime.measures import SECOND_US
from schemas.uptime.service_levels import (
    MonthReport,
    Promised,
    burn_rate,
    month_of,
    months_until,
    report_months,
)
from schemas.uptime.stretches import Stretch, is_in
from schemas.zones import DAY_US

EVERY_S = 60.0
LOOKED_BACK_US = 63 * DAY_US
"""This month and the one before, by any clock: a check that comes late may tell of that one."""
FORGOTTEN_US = 400 * DAY_US
MINUTE_US = 60 * SECOND_US

log = structlog.get_logger(__name__)


class Burn(NamedTuple):
    """A budget burns when it is used up so many times too fast, in a long and a short window."""

    name: str
    factor: float
    long_us: int
    short_us: int


BURNS = (
    # 2 % of a month's budget in an hour, and 5 % in six: Google's workbook of SRE, chapter 5.
    Burn("1h/5m", 14.4, 60 * MINUTE_US, 5 * MINUTE_US),
    Burn("6h/30m", 6.0, 360 * MINUTE_US, 30 * MINUTE_US),
)


class Burning(NamedTuple):
    """How fast a budget is used up now."""

    burn: Burn
    long: float | None
    short: float | None

    @property
    def has_begun(self) -> bool:
        """Whether both windows say so: it is much, and it goes on."""
        factor = self.burn.factor
        return (self.long or 0) >= factor and (self.short or 0) >= factor

    @property
    def is_over(self) -> bool:
        """Whether the long window says so: a target that comes and goes is told of once."""
        return (self.long or 0) < self.burn.factor


class Found(NamedTuple):
    """What a look at a monitor says."""

    breaches: list[MonthReport]
    burning: list[Burning]
    is_quiet: bool


class ServiceLevels:
    """Looks at monitors that were down; to be asked every `EVERY_S`, by any number of processes."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    async def work(self) -> None:
        """Looks once."""
        now_us = int(self._clock() * SECOND_US)
        known = {
            "sla.breached": await open_notices(self._database, "sla.breached"),
            "slo.burning": await open_notices(self._database, "slo.burning"),
        }
        fallen = set(await list_fallen(self._database, now_us - LOOKED_BACK_US))
        ids = sorted(fallen | {monitor_id for monitor_id, _ in known["slo.burning"]})
        for first in range(0, len(ids), AT_ONCE):
            monitors = await find_watched(self._database, ids[first : first + AT_ONCE])
            bounds = Stretch(now_us - LOOKED_BACK_US, now_us)
            courses = await read_courses(self._database, monitors, bounds)
            found = await asyncio.to_thread(_look, monitors, courses, now_us)
            for one in monitors:
                await self._note(one, found[one.monitor_id], known, now_us)
        await forget_notices(self._database, now_us - FORGOTTEN_US)

    async def _note(
        self, of: Watched, found: Found, known: Mapping[str, set[tuple[str, str]]], now_us: int
    ) -> None:
        for report in found.breaches:
            if (of.monitor_id, report.month.name) not in known["sla.breached"]:
                at_us = breached_at(report, now_us)
                noted = Noted(at_us, now_us, found.is_quiet, _of_breach(of, report))
                notice = Notice("sla.breached", report.month.name)
                if await open_notice(self._database, of, notice, noted):
                    log.info("service level breached", monitor_id=of.monitor_id)
        for one in found.burning:
            notice = Notice("slo.burning", one.burn.name)
            is_known = (of.monitor_id, one.burn.name) in known["slo.burning"]
            if one.is_over and is_known:
                await end_notice(self._database, of.monitor_id, notice, now_us)
            elif one.has_begun and not is_known:
                noted = Noted(now_us, now_us, found.is_quiet, _of_burn(of, one))
                await open_notice(self._database, of, notice, noted)


def breached_at(report: MonthReport, now_us: int) -> int:
    """Returns when the downtime of a month passed its budget."""
    left_us = report.budget_us
    for outage in report.outages:
        left_us -= outage.end_us - outage.start_us
        if left_us < 0:
            return outage.end_us + left_us
    return now_us


def _look(monitors: list[Watched], courses: Mapping[Any, Course], now_us: int) -> dict[str, Found]:
    return {
        one.monitor_id: Found(
            list(_breaches(one, courses[one.monitor_id], now_us)),
            list(_burning(one, courses[one.monitor_id], now_us)),
            is_in(courses[one.monitor_id].overlays.maintenance, now_us - 1),
        )
        for one in monitors
    }


def _breaches(of: Watched, course: Course, now_us: int) -> Iterator[MonthReport]:
    months = months_until(of.time_zone, month_of(of.time_zone, now_us), 2)
    promised = Promised(of.created_us, of.target_ppm, *course, ())
    for report in report_months(months, promised, now_us):
        if report.is_breached:
            yield report


def _burning(of: Watched, course: Course, now_us: int) -> Iterator[Burning]:
    for burn in BURNS:
        ranges = [Stretch(now_us - burn.long_us, now_us), Stretch(now_us - burn.short_us, now_us)]
        long, short = measure_each(ranges, of.created_us, *course)
        # Ten bad seconds of a monitor that is a minute old say nothing of an hour.
        is_known = long.counted_us * 2 >= burn.long_us
        rates = [burn_rate(one, of.target_ppm) if is_known else None for one in (long, short)]
        yield Burning(burn, *rates)


def _of_breach(of: Watched, report: MonthReport) -> dict[str, Any]:
    target = of.target_ppm / 10_000
    down, budget = _lasting(report.measured.down_us), _lasting(report.budget_us)
    return {
        "message": f"It was down for {down} in {report.month.name}; {target:g} % allow {budget}.",
        "month": report.month.name,
        "timezone": of.time_zone,
        "target_pct": of.target_ppm / 10_000,
        "uptime_pct": report.measured.uptime_pct,
        "downtime_s": report.measured.down_us / SECOND_US,
        "error_budget_s": report.budget_us / SECOND_US,
    }


def _lasting(us: int) -> str:
    """Returns a time for people, as `0:43:12`."""
    return str(timedelta(seconds=us // SECOND_US))


def _of_burn(of: Watched, found: Burning) -> dict[str, Any]:
    rate, hours = found.long or 0, found.burn.long_us // (60 * MINUTE_US)
    return {
        "message": f"It was down so much in the last {hours} h that its error budget is used up "
        f"{rate:.1f} times too fast; {found.burn.factor:g} times is told.",
        "windows": found.burn.name,
        "burn_rate": round(found.long or 0, 3),
        "threshold": found.burn.factor,
        "target_pct": of.target_ppm / 10_000,
    }
