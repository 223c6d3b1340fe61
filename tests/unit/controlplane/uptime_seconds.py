"""Monitors made up at random, and what counting every second of them gives."""

import random
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from schemas.uptime.maintenance import MaintenanceWindow
from schemas.uptime.measures import SECOND_US
from schemas.uptime.states import STATES, Flip, State
from schemas.uptime.stretches import Stretch

DAY_S = 86_400
WINDOWS = (
    MaintenanceWindow(starts_at="2026-03-28T23:30:00Z", ends_at="2026-03-29T02:00:00Z"),
    MaintenanceWindow(
        starts_at="2026-01-04T02:30",
        rrule="FREQ=WEEKLY;BYDAY=SU",
        duration_seconds=5400,
        timezone="Europe/Berlin",
    ),
    MaintenanceWindow(cron="15 2 * * *", duration_seconds=1200, timezone="America/New_York"),
    MaintenanceWindow(cron="0 3 1 * *", duration_seconds=7200, timezone="Australia/Lord_Howe"),
)


def flips_at(moments: list[tuple[int, State]]) -> list[Flip]:
    flips, before = [], "unknown"
    for at_s, after in moments:
        flips.append(Flip(at_s * SECOND_US, before, after))  # type: ignore[arg-type]
        before = after
    return flips


def random_moments(chance: random.Random, created_s: int, end_s: int) -> list[tuple[int, State]]:
    moments: list[tuple[int, State]] = []
    at_s = created_s + chance.randrange(600)
    while at_s < end_s:
        moments.append((at_s, chance.choice(STATES)))
        at_s += chance.choice([1, 30, 600, 7200, 3 * DAY_S])
    return moments


def count_seconds(
    start_s: int,
    end_s: int,
    created_s: int,
    moments: list[tuple[int, State]],
    windows: list[MaintenanceWindow],
    paused: list[Stretch],
) -> list[int]:
    """Gives every second its word: up, degraded, down, unknown, maintenance, paused, before."""
    words = ["up", "degraded", "down", "unknown", "maintenance", "paused", "before"]
    seconds = np.full(end_s - start_s, words.index("unknown"))

    def mark(from_s: int, to_s: int, word: str) -> None:
        seconds[max(from_s - start_s, 0) : max(to_s - start_s, 0)] = words.index(word)

    for (at_s, state), later in zip(moments, [*moments[1:], (end_s, "up")], strict=True):
        mark(at_s, later[0], state)
    for window in windows:
        for from_s, to_s in days_of(window, start_s, end_s):
            mark(from_s, to_s, "maintenance")
    for one in paused:
        mark(one.start_us // SECOND_US, one.end_us // SECOND_US, "paused")
    mark(start_s, created_s, "before")
    return [int(count) for count in np.bincount(seconds, minlength=len(words))]


def days_of(window: MaintenanceWindow, start_s: int, end_s: int) -> list[tuple[int, int]]:
    """Says when a window of `WINDOWS` is, day by day, without any library for rules."""
    if window.ends_at is not None:
        ends = (datetime.fromisoformat(str(text)) for text in (window.starts_at, window.ends_at))
        from_s, to_s = (int(end.timestamp()) for end in ends)
        return [(from_s, to_s)]
    hour, minute = {0: (2, 30), 1: (2, 15), 2: (3, 0)}[WINDOWS.index(window) - 1]
    zone = ZoneInfo(window.timezone)
    found = []
    day = datetime.fromtimestamp(start_s, zone).date() - timedelta(days=2)
    while day <= datetime.fromtimestamp(end_s, zone).date():
        is_due = {0: day.weekday() == 6, 1: True, 2: day.day == 1}[WINDOWS.index(window) - 1]
        if is_due:
            begin = datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone).timestamp()
            found.append((int(begin), int(begin) + (window.duration_seconds or 0)))
        day += timedelta(days=1)
    return found
