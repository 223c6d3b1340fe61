"""How a monitor was on each of some ranges of time, as days of a zone. Pure.

Times are microseconds since 1970 UTC.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Literal, NamedTuple

from schemas.times import from_us
from schemas.uptime.measures import Measured, Overlays, measure
from schemas.uptime.states import Flip
from schemas.uptime.stretches import Stretch
from schemas.zones import DAY_US, clock_of

MOST_DAYS = 366
Worst = Literal["down", "degraded", "up", "maintenance", "paused", "unknown", "before"]


class Day(NamedTuple):
    """A day of a zone: 23 to 25 hours, shorter where it has not ended."""

    day: date
    bounds: Stretch


class DayBar(NamedTuple):
    """How a monitor was on one day."""

    day: date
    measured: Measured

    @property
    def worst(self) -> Worst:
        """The worst state that it was in; what does not count is named where nothing counts."""
        of = self.measured
        held: tuple[tuple[Worst, int], ...] = (
            ("down", of.down_us),
            ("degraded", of.degraded_us),
            ("up", of.up_us),
            ("unknown", of.unknown_us),
            ("maintenance", of.maintenance_us),
            ("paused", of.paused_us),
        )
        return next((state for state, length_us in held if length_us), "before")


def last_days(time_zone: str, days: int, now_us: int) -> list[Day]:
    """Returns the last days of a known zone, in order; today ends now."""
    clock = clock_of(time_zone, now_us - (days + 2) * DAY_US, now_us + 2 * DAY_US)
    found = []
    for local_us in clock.days(now_us - (days + 1) * DAY_US, now_us)[-days:]:
        end_us = min(clock.first_of(local_us + DAY_US), now_us)
        found.append(Day(from_us(local_us).date(), Stretch(clock.first_of(local_us), end_us)))
    return found


def day_bars(
    days: Sequence[Day], created_us: int, flips: Sequence[Flip], overlays: Overlays
) -> list[DayBar]:
    """Measures each day. Flips and overlays are in order, and of the whole time."""
    measures = measure_each([day.bounds for day in days], created_us, flips, overlays)
    return [DayBar(day.day, found) for day, found in zip(days, measures, strict=True)]


def measure_each(
    ranges: Sequence[Stretch], created_us: int, flips: Sequence[Flip], overlays: Overlays
) -> Iterator[Measured]:
    """Measures some ranges as `measure` does, and looks for each at what concerns it alone."""
    moments = [flip.at_us for flip in flips]
    for bounds in ranges:
        first = max(bisect_right(moments, bounds.start_us) - 1, 0)
        last = max(bisect_left(moments, bounds.end_us), first + 1)
        some = Overlays(
            maintenance=_meeting(overlays.maintenance, bounds),
            paused=_meeting(overlays.paused, bounds),
            excluded=_meeting(overlays.excluded, bounds),
        )
        yield measure(bounds, created_us, flips[first:last], some)


def _meeting(stretches: Sequence[Stretch], bounds: Stretch) -> tuple[Stretch, ...]:
    first = bisect_right(stretches, bounds.start_us, key=lambda one: one.end_us)
    last = bisect_left(stretches, bounds.end_us, key=lambda one: one.start_us)
    return tuple(stretches[first:last])
