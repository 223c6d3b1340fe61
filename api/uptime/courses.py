"""How a monitor was over time: by day, and as a series of how long its checks took."""

import time
from typing import Annotated

from litestar import Response, get
from litestar.params import FromPath
from msgspec import Meta, Struct

from api.auth import AnyRequest, services
from api.declared import takes
from api.parameters import invalid, read, values_of
from api.reads import reader_of
from api.rows import one
from api.uptime.bodies import asked
from api.uptime.holders import monitored_project
from api.uptime.lengths import read_length_us
from clickhouse.client import Warehouse
from clickhouse.uptime.series import Point, read_series
from controlplane.uptime.courses import read_day_bars
from controlplane.uptime.monitors import get_monitor
from schemas.projects import ProjectContext
from schemas.times import iso_ms
from schemas.uptime.answers import DayAnswer, DaysAnswer, SeriesAnswer, SeriesPoint
from schemas.uptime.days import MOST_DAYS, DayBar, last_days
from schemas.uptime.measures import SECOND_US
from schemas.uptime.stretches import Stretch
from schemas.zones import MAX_NAME_CHARS, UnknownZone, check_zone

MOST_STEPS = 1500
USUAL_STEPS = 300
STEPS = ("1m", "5m", "15m", "1h", "6h", "1d")


ZoneName = Annotated[str, Meta(max_length=MAX_NAME_CHARS)]


class DaysQuery(Struct, frozen=True, kw_only=True):
    """How many days, today among them, by which zone's clocks; by default the project's."""

    timezone: ZoneName | None = None
    days: Annotated[int, Meta(ge=1, le=MOST_DAYS)] = 90


class SeriesQuery(Struct, frozen=True, kw_only=True):
    """Over which time, and how long its steps are."""

    window: Annotated[str, Meta(max_length=10)] = "24h"
    step: Annotated[str, Meta(max_length=10)] | None = None


@get(
    "/monitors/{monitor_id:str}/days",
    summary="List the days of a monitor",
    opt={**takes(DaysQuery), **asked(DaysAnswer)},
)
async def get_days(request: AnyRequest, monitor_id: FromPath[str]) -> DaysAnswer:
    """Return uptime, downtime and worst state of each of the last days, the oldest first."""
    project, _ = await monitored_project(request)
    query = read(values_of(request), DaysQuery)
    zone = zone_named(query.timezone, project)
    known = services(request)
    monitor = await get_monitor(known.database, known.vault, project.project_id, monitor_id)
    days = last_days(zone, query.days, time.time_ns() // 1000)
    bars = (await read_day_bars(known.database, [monitor], days))[monitor.monitor_id]
    return DaysAnswer(monitor.monitor_id, zone, [day_answer(bar) for bar in bars])


@get(
    "/monitors/{monitor_id:str}/series",
    summary="Show how long checks took over time",
    opt={**takes(SeriesQuery), **asked(SeriesAnswer)},
)
async def get_series(request: AnyRequest, monitor_id: FromPath[str]) -> Response[bytes]:
    """Return percentiles of each phase, and counts of outcomes, for each step of a window."""
    project, _ = await monitored_project(request)
    query = read(values_of(request), SeriesQuery)
    length_us = read_length_us("window", query.window)
    step_us = _step_us(query.step, length_us)
    known = services(request)
    monitor = await get_monitor(known.database, known.vault, project.project_id, monitor_id)
    now_us = time.time_ns() // 1000
    bounds = Stretch(now_us - length_us, now_us)
    asked_for = [monitor.monitor_id]

    async def ask(warehouse: Warehouse) -> SeriesAnswer:
        found = await read_series(warehouse, project, asked_for, bounds, step_us)
        points = [_point(point) for point in found[monitor.monitor_id]]
        length_s, step_s = length_us // SECOND_US, step_us // SECOND_US
        return SeriesAnswer(monitor.monitor_id, length_s, step_s, points)

    return await one(reader_of(request, project), ask)


def zone_named(name: str | None, project: ProjectContext) -> str:
    """Return the zone of a query, else the project's. Raises `InvalidParameters`."""
    if name is None:
        return project.time_zone
    try:
        return check_zone(name)
    except UnknownZone as error:
        raise invalid("timezone", str(error)) from error


def day_answer(bar: DayBar) -> DayAnswer:
    """Return what is told of a day."""
    of = bar.measured
    return DayAnswer(
        day=bar.day.isoformat(),
        state=bar.worst,
        uptime_pct=of.uptime_pct,
        coverage_pct=of.coverage_pct,
        downtime_s=of.down_us / SECOND_US,
        outages=of.outages,
    )


def _step_us(text: str | None, length_us: int) -> int:
    if text is None:
        usual = (read_length_us("step", step) for step in STEPS)
        return next(step_us for step_us in usual if length_us // step_us <= USUAL_STEPS)
    step_us = read_length_us("step", text)
    if length_us // step_us > MOST_STEPS:
        raise invalid("step", f"Expected at most {MOST_STEPS} steps: a longer one")
    return step_us


def _point(point: Point) -> SeriesPoint:
    return SeriesPoint(
        at=iso_ms(point.at_us),
        ok=point.ok,
        degraded=point.degraded,
        failed=point.failed,
        inconclusive=point.inconclusive,
        phases_ms={phase: times._asdict() for phase, times in point.phases.items()},
    )


HANDLERS = (get_days, get_series)
