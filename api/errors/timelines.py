"""The course of an issue in hours, or in days of a clock, with those that have no events."""

from collections.abc import Sequence
from typing import Literal

from clickhouse.errors.issue_details import Hour
from schemas.errors.issue_answers import Timeline, TimelinePart
from schemas.times import from_us, iso_ms
from schemas.zones import DAY_US, HOUR_US, clock_of

MOST_PARTS = 24 * 100
"""Hours beyond become days."""


def timeline_of(
    hours: Sequence[Hour],
    interval: Literal["hour", "day"],
    between_us: tuple[int, int],
    time_zone: str,
) -> Timeline:
    """Returns the periods of a range, oldest first. Many hours are told as days."""
    first_us, last_us = between_us
    if interval == "hour" and (last_us - first_us) // HOUR_US < MOST_PARTS:
        by_hour = {hour.at_us: hour for hour in hours}
        begins = range(first_us - first_us % HOUR_US, last_us + 1, HOUR_US)
        none = Hour(0, 0, 0)
        found = [(at, by_hour.get(at, none)) for at in begins]
        parts = [TimelinePart(iso_ms(at), hour.events, hour.people) for at, hour in found]
        return Timeline("hour", parts)
    clock = clock_of(time_zone, first_us, last_us)
    counts = dict.fromkeys(clock.days(first_us, last_us), 0)
    for hour in hours:
        local_us = hour.at_us + clock.offset_at(hour.at_us)
        day = local_us - local_us % DAY_US
        counts[day] = counts.get(day, 0) + hour.events
    days = sorted(counts.items())
    return Timeline("day", [TimelinePart(f"{from_us(day):%Y-%m-%d}", n, None) for day, n in days])
