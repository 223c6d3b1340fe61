"""The windows of budgets: which stretch of time a spend is added up over. Pure, the clock comes in.

1. A rolling window is the last so many hours, up to now. It has no end.
2. A calendar window is the local day, week (from Monday) or month that now is in. It begins at the
   first moment at which the zone's clock shows its first midnight or a later time, and ends where
   the next one begins: where a clock is changed it is longer or shorter, and none is missing.
"""

from datetime import date, timedelta
from typing import Literal, NamedTuple

from schemas.times import from_us
from schemas.zones import DAY_US, HOUR_US, Clock, clock_of

WindowKind = Literal["rolling", "day", "week", "month"]


class Window(NamedTuple):
    """A stretch of time in microseconds since 1970 UTC."""

    start_us: int
    end_us: int | None
    """The first moment after it; `None` of a rolling one, which ends now."""

    def last_us(self, now_us: int) -> int:
        """Returns the last moment whose calls count."""
        return now_us if self.end_us is None else self.end_us - 1


def window_at(kind: WindowKind, hours: int, time_zone: str, now_us: int) -> Window:
    """Returns the window of a moment; `hours` is the length of a rolling one."""
    if kind == "rolling":
        return Window(now_us - hours * HOUR_US + 1, None)
    clock = clock_of(time_zone, now_us, now_us)
    today = _local_day(clock, now_us)
    first = _first_day(kind, today)
    start_us, end_us = _begins(clock, first), _begins(clock, _next(kind, first))
    # A day that the zone skipped as a whole begins where the one after it does.
    while end_us <= now_us:
        first = _next(kind, first)
        start_us, end_us = end_us, _begins(clock, _next(kind, first))
    return Window(start_us, end_us)


def _local_day(clock: Clock, now_us: int) -> date:
    return from_us(now_us + clock.offset_at(now_us)).date()


def _first_day(kind: WindowKind, day: date) -> date:
    if kind == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if kind == "month" else day


def _next(kind: WindowKind, first: date) -> date:
    if kind == "month":
        return (first + timedelta(days=31)).replace(day=1)
    return first + timedelta(days=7 if kind == "week" else 1)


def _begins(clock: Clock, day: date) -> int:
    return clock.first_of((day - date(1970, 1, 1)).days * DAY_US)
