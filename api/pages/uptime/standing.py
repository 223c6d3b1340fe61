"""How monitors are: the state that people see, and the lines of the list."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from api.auth import AnyRequest, services
from api.pages.parts.charts import spark
from api.pages.parts.texts import lasting, uptime
from api.pages.uptime.wanted import MOODS, place_of
from api.pages.viewer import Viewer
from api.reads import reader_of
from api.uptime.monitors import shown_state
from clickhouse.uptime.glances import LastCheck, last_checks, latency_courses
from controlplane.uptime.courses import Course, read_courses
from controlplane.uptime.windows import stretches_of_window
from schemas.uptime.days import Day, DayBar, day_bars, last_days
from schemas.uptime.flapping import changes_of, is_flapping
from schemas.uptime.measures import Measured, measure
from schemas.uptime.monitors import Monitor
from schemas.uptime.stretches import Stretch, is_in
from schemas.zones import DAY_US

SPARK_PARTS = 24
DAYS = 90
WINDOWS: Mapping[str, int] = {
    "24 hours": DAY_US,
    "7 days": 7 * DAY_US,
    "30 days": 30 * DAY_US,
    "90 days": 90 * DAY_US,
}
BAR_STEP = 4
"""From one bar to the next; a bar is one less wide."""
DAY_MOODS: Mapping[str, str] = {
    "down": "down",
    "degraded": "degraded",
    "up": "ok",
    "maintenance": "paused",
    "paused": "paused",
    "unknown": "unknown",
}
NOTHING_COUNTS: Mapping[str, str] = {
    "unknown": "nothing is known",
    "maintenance": "maintenance all day",
    "paused": "paused",
}
NOT_MADE = "It was not made yet"
AHEAD_US = 300_000_000
"""How far a slot may lie before us: see `schemas.uptime.checks`."""


class Bar(NamedTuple):
    """One day of a monitor."""

    x: int
    width: int
    mood: str
    title: str


class History(NamedTuple):
    """How a monitor was: by day, and over the windows that people ask about."""

    bars: list[Bar]
    uptime: Mapping[str, Measured]
    """By `WINDOWS`."""
    since_us: int | None
    """When it became what it is."""
    is_flapping: bool
    """Whether it changes too often."""


class Line(NamedTuple):
    """A monitor as the list shows it."""

    monitor: Monitor
    state: str
    mood: str
    place: str
    last: LastCheck | None
    spark: str
    mean_ms: float | None
    """Over the last hour that has a check."""
    history: History


def now_us() -> int:
    """Returns the time, in microseconds since 1970 UTC."""
    return time.time_ns() // 1000


def state_of(monitor: Monitor, at_us: int) -> str:
    """Returns the state that people see."""
    return shown_state(monitor, at_us, in_maintenance=is_in_maintenance(monitor, at_us))


def is_in_maintenance(monitor: Monitor, at_us: int) -> bool:
    """Tells whether a window of a monitor is open. Its windows are worked out for whole days."""
    first_us = at_us - at_us % DAY_US
    return any(
        is_in(stretches_of_window(window, first_us, first_us + DAY_US), at_us)
        for window in monitor.config.maintenance_windows
    )


async def lines_of(
    request: AnyRequest, viewer: Viewer, monitors: Sequence[tuple[Monitor, str]], at_us: int
) -> list[Line]:
    """Returns the lines of monitors with their states, in one query for each figure."""
    ids = [monitor.monitor_id for monitor, _ in monitors]
    day = Stretch(at_us - DAY_US, at_us)
    ahead = day._replace(end_us=at_us + AHEAD_US)
    async with reader_of(request, viewer.project).turn() as store:
        last, courses, histories = await asyncio.gather(
            last_checks(store, viewer.project, ids, ahead),
            latency_courses(store, viewer.project, ids, day, parts=SPARK_PARTS),
            histories_of(request, viewer, [monitor for monitor, _ in monitors], at_us),
        )
    return [
        _line(
            (one, state, histories[one.monitor_id]),
            last.get(one.monitor_id),
            courses.get(one.monitor_id, ()),
        )
        for one, state in monitors
    ]


async def histories_of(
    request: AnyRequest, viewer: Viewer, monitors: Sequence[Monitor], at_us: int
) -> dict[str, History]:
    """Returns how monitors were over the last 90 days, by three statements for all of them."""
    days = last_days(viewer.project.time_zone, DAYS, at_us)
    bounds = Stretch(min(days[0].bounds.start_us, at_us - max(WINDOWS.values())), at_us)
    courses = await read_courses(services(request).database, monitors, bounds)

    def worked_out() -> dict[str, History]:
        return {
            one.monitor_id: history_of(one, courses[one.monitor_id], days, at_us)
            for one in monitors
        }

    # In a thread: a hundred monitors are some thousand days.
    return await asyncio.to_thread(worked_out)


def history_of(monitor: Monitor, course: Course, days: Sequence[Day], at_us: int) -> History:
    """Returns how a monitor was, by days of `last_days` and over `WINDOWS`."""
    bars = day_bars(days, monitor.created_us, course.flips, course.overlays)
    uptime = {
        title: measure(
            Stretch(at_us - length_us, at_us), monitor.created_us, course.flips, course.overlays
        )
        for title, length_us in WINDOWS.items()
    }
    since_us = course.flips[-1].at_us if course.flips else None
    left_out = (*course.overlays.maintenance, *course.overlays.paused)
    flapping = is_flapping(changes_of(course.flips, left_out), at_us)
    return History(_drawn(bars), uptime, since_us, flapping)


def _drawn(days: Sequence[DayBar]) -> list[Bar]:
    """Returns a bar for each day; those before it was made are one, for there is nothing to say."""
    unmade = next((place for place, bar in enumerate(days) if bar.worst != "before"), len(days))
    bars = [Bar(0, unmade * BAR_STEP - 1, "unmade", NOT_MADE)] if unmade else []
    return bars + [
        Bar(place * BAR_STEP, BAR_STEP - 1, DAY_MOODS[bar.worst], _told(bar))
        for place, bar in enumerate(days)
        if place >= unmade
    ]


def _told(bar: DayBar) -> str:
    """Returns what a day was like, in words."""
    of = bar.measured
    if of.uptime_pct is None:
        return f"{bar.day}: {NOTHING_COUNTS[bar.worst]}"
    text = f"{bar.day}: {uptime(of.uptime_pct)} up"
    if of.down_us:
        outages = "1 outage" if of.outages == 1 else f"{of.outages} outages"
        text += f", down {lasting(of.down_us / 1000)} in {outages}"
    if of.degraded_us:
        text += f", degraded {lasting(of.degraded_us / 1000)}"
    if of.maintenance_us:
        text += f", maintenance {lasting(of.maintenance_us / 1000)}"
    return text


def _line(
    of: tuple[Monitor, str, History], last: LastCheck | None, course: Sequence[float | None]
) -> Line:
    monitor, state, history = of
    known = [one for one in course if one is not None]
    return Line(
        monitor=monitor,
        state=state,
        mood=MOODS.get(state, "unknown"),
        place=place_of(monitor),
        last=last,
        spark=spark(course),
        mean_ms=known[-1] if known else None,
        history=history,
    )
