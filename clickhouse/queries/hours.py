"""Which hours a rollup answers for. The ragged ends of a range are read from base rows.

Where days of a time zone begin within hours of UTC, these hours are read from base rows too.
"""

from typing import Any

from clickhouse.queries.periods import PERIODS, split_hours
from schemas.zones import DAY_US, HOUR_US, Clock

# By the number of an hour since 1825, which is above 0 for each time of a row: the engine finds the
# parts of the key that it needs through a division, and not through a remainder.
FIRST_HOUR_US = -(1_271_088 * HOUR_US)
SPLIT = f"""intDiv(toUnixTimestamp64Micro({{time}}) + {-FIRST_HOUR_US}, {HOUR_US})
        IN {{split_hours:Array(Int64)}}"""
MOST_SPLIT = 4_000
"""Hours that are read from base rows beside the rollup: the days of ten years."""


def split_values(split_us: tuple[int, ...]) -> dict[str, Any]:
    """Returns what `SPLIT` binds."""
    return {"split_hours": [(hour - FIRST_HOUR_US) // HOUR_US for hour in split_us]}


def whole_periods(from_us: int, to_us: int, width_us: int) -> tuple[int, int]:
    """Returns the first whole period's begin and the last one's end; inclusive range."""
    return -(-from_us // width_us) * width_us, (to_us + 1) // width_us * width_us


def hours_beside(clock: Clock, needed: set[str], first: int, last: int) -> tuple[int, ...] | None:
    """Returns the hours that no rollup answers for, `None` where these are all."""
    if "minute" in needed:
        return None
    if clock.is_hourly or needed.isdisjoint(PERIODS) or first >= last:
        return ()
    # Nearly each day splits one, and looking at the days of centuries would take seconds.
    if "hour" in needed or (last - first) // DAY_US > MOST_SPLIT:
        return None
    hours = [hour for hour in split_hours(clock, first, last) if first <= hour < last]
    return None if len(hours) > MOST_SPLIT else tuple(hours)
