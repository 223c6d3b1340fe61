"""Periods of a clock: their keys as SQL works them out, and as an answer shows them.

A minute or hour is known by its first moment; a day, week or month by its first local midnight, in
microseconds as if local time were UTC. A period of a clock that is set back within it goes on; an
hour that the clock shows twice is two.
"""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, get_args

from schemas.times import from_us
from schemas.zones import DAY_US, HOUR_US, Clock

Period = Literal["minute", "hour", "day", "week", "month"]
PERIODS: tuple[Period, ...] = get_args(Period)
WIDTHS_US: Mapping[Period, int] = {
    "minute": 60_000_000,
    "hour": HOUR_US,
    "day": DAY_US,
    "week": 7 * DAY_US,
    "month": 28 * DAY_US,
}
"""Of the shortest one."""
MOMENTS = ("minute", "hour")
# What {at} stands for: microseconds since 1970 of a row.
UTC_AT = "toUnixTimestamp64Micro({time})"
# Each change of the clock adds what it changes, from its moment on: a look into lists takes a tenth
# of a statement more, and is left for clocks that change often.
CHANGED = " + ({at} >= {zone_starts:Array(Int64)}[{n}]) * ({list}[{n}] - {list}[{n} - 1])"
MOST_ADDED = 8
SINCE = "roundDown({at}, {zone_starts:Array(Int64)})"
AHEAD = f"""transform({SINCE}, {{zone_starts:Array(Int64)}}, {{zone_offsets:Array(Int64)}},
            toInt64(0))"""
MOMENT = "{local} - positiveModulo({local}, {width})"
ZONED_MOMENT = "greatest({since}, {at} - positiveModulo({local}, {width}))"
WEEK = "{local} - positiveModulo({local} + 259200000000, 604800000000)"
MONTH = """toInt64(makeDate32(
            toYear(fromUnixTimestamp64Micro({local}, 'UTC')),
            toMonth(fromUnixTimestamp64Micro({local}, 'UTC')), 1)) * 86400000000"""


class Label(NamedTuple):
    """How a period is named: its local date or time, and its first moment with the offset."""

    period: str
    start: str


class Periods(NamedTuple):
    """Periods of one length on a clock."""

    clock: Clock
    period: Period

    def label(self, key: int) -> Label:
        """Names the period of a key."""
        start = _with_offset(self.clock, self.begin(key))
        if self.period in MOMENTS:
            local = from_us(key + self.clock.offset_at(key))
            return Label(f"{local:%Y-%m-%d %H:%M:%S}", start)
        return Label(f"{from_us(key):%Y-%m-%d}", start)

    def begin(self, key: int) -> int:
        """Returns the first moment of the period of a key."""
        return key if self.period in MOMENTS else self.clock.first_of(key)

    def keys(self, first_us: int, last_us: int) -> list[int]:
        """Returns the keys of all periods that meet a range, in order."""
        if self.period not in MOMENTS:
            days = self.clock.days(first_us, last_us)
            return list(dict.fromkeys(_first_day(day, self.period) for day in days))
        keys, at = [], self._moment(first_us)
        while at <= last_us:
            keys.append(at)
            at = self._next(at)
        return keys

    def _moment(self, at: int) -> int:
        width, offset = WIDTHS_US[self.period], self.clock.offset_at(at)
        begun = max(start for start in (self.clock.starts[0], *self.clock.starts) if start <= at)
        return max(begun, at - (at + offset) % width)

    def _next(self, at: int) -> int:
        width, offset = WIDTHS_US[self.period], self.clock.offset_at(at)
        following = at - (at + offset) % width + width
        return min([start for start in self.clock.starts if at < start < following] or [following])


def period_sql(period: Period, clock: Clock, time: str) -> str:
    """Returns the key of a row's period; `time` is a column of DateTime64(6)."""
    if period in MOMENTS and not clock.is_utc:
        sql = ZONED_MOMENT
    else:
        sql = {"week": WEEK, "month": MONTH}.get(period, MOMENT)
    local = "{at}" if clock.is_utc else f"({{at}} + {_held(clock, 'zone_offsets', AHEAD)})"
    sql = sql.replace("{since}", _held(clock, "zone_starts", SINCE)).replace("{local}", local)
    at = UTC_AT.replace("{time}", time)
    return sql.replace("{at}", at).replace("{width}", str(WIDTHS_US[period]))


def period_values(clock: Clock) -> dict[str, Any]:
    """Returns what `period_sql` binds."""
    return {"zone_starts": list(clock.starts), "zone_offsets": list(clock.offsets)}


def split_hours(clock: Clock, first_us: int, last_us: int) -> list[int]:
    """Returns the hours of UTC, by their begin, within which a local day begins or ends."""
    edges = [clock.first_of(day) for day in clock.days(first_us, last_us)]
    edges += [start for start in clock.starts[1:] if first_us <= start <= last_us]
    return sorted({edge - edge % HOUR_US for edge in edges if edge % HOUR_US})


def _held(clock: Clock, name: str, looked_up: str) -> str:
    """Returns which value of a list of `period_values` holds at {at}."""
    if len(clock.starts) > MOST_ADDED:
        return looked_up
    values = f"{{{name}:Array(Int64)}}"
    changes = CHANGED.replace("{list}", values)
    more = (changes.replace("{n}", str(n)) for n in range(2, len(clock.starts) + 1))
    return f"({values}[1]{''.join(more)})"


def _first_day(day: int, period: Period) -> int:
    if period == "week":
        return day - from_us(day).weekday() * DAY_US
    return day - (from_us(day).day - 1) * DAY_US if period == "month" else day


def _with_offset(clock: Clock, moment_us: int) -> str:
    offset_s = clock.offset_at(moment_us) // 1_000_000
    local = from_us(moment_us + offset_s * 1_000_000)
    hours, rest = divmod(abs(offset_s), 3600)
    minutes, seconds = divmod(rest, 60)
    text = f"{local:%Y-%m-%dT%H:%M:%S}{'-' if offset_s < 0 else '+'}{hours:02d}:{minutes:02d}"
    return f"{text}:{seconds:02d}" if seconds else text
