"""Time zones by their IANA names: where their clocks stand, when these change. Pure, no I/O.

Zones come from the system's own database, or from the package `tzdata` where it has none.
"""

from bisect import bisect_right
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo, available_timezones

from schemas.times import EPOCH, MICROSECOND, from_us

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
MAX_NAME_CHARS = 64
# A clock knows this much more than its range: a month may begin so long before it.
MARGIN_US = 40 * DAY_US
FIRST_YEAR, LAST_YEAR = 1899, 2300


class UnknownZone(ValueError):
    """Raised for a name that is no IANA zone; the message names the nearest one."""


class Clock(NamedTuple):
    """A zone's distance from UTC over a range of time, in microseconds."""

    name: str
    starts: tuple[int, ...]
    """Since when each offset holds; the first is before the range."""
    offsets: tuple[int, ...]

    @property
    def is_utc(self) -> bool:
        """Whether local time is UTC all over the range."""
        return self.offsets == (0,)

    @property
    def is_hourly(self) -> bool:
        """Whether each hour of UTC is an hour of this clock."""
        changes = (*self.offsets, *self.starts[1:])
        return all(value % HOUR_US == 0 for value in changes)

    def offset_at(self, moment_us: int) -> int:
        """Returns what local time is ahead of UTC."""
        return self.offsets[max(bisect_right(self.starts, moment_us) - 1, 0)]

    def first_of(self, local_us: int) -> int:
        """Returns the first moment at which the clock shows this time or a later one."""
        # What has ended two days before shows no later time: offsets are shorter than that.
        index = max(bisect_right(self.starts, local_us - 2 * DAY_US) - 1, 0)
        while True:
            moment = max(self.starts[index], local_us - self.offsets[index])
            index += 1
            if index == len(self.starts) or moment < self.starts[index]:
                return moment

    def last_of(self, local_us: int) -> int:
        """Returns the last moment at which it shows this time or an earlier one of its day."""
        for start, offset in zip(reversed(self.starts), reversed(self.offsets), strict=True):
            if local_us - offset >= start:
                return min(local_us - offset, self._end_of(start))
        return self.first_of(local_us)

    def days(self, from_us: int, to_us: int) -> list[int]:
        """Returns the local days that meet a range, as local midnights; skipped ones are none."""
        first, last = (_day(us + self.offset_at(us)) for us in (from_us, to_us))
        days = range(first, last + DAY_US, DAY_US)
        starts = [self.first_of(day) for day in (*days, last + DAY_US)]
        return [
            day for day, (start, end) in zip(days, pairwise(starts), strict=True) if start < end
        ]

    def _end_of(self, start: int) -> int:
        later = self.starts[bisect_right(self.starts, start) :]
        return later[0] - 1 if later else 1 << 62


def check_zone(name: str) -> str:
    """Returns the name. Raises `UnknownZone`."""
    if name not in _names():
        raise UnknownZone(f"Unknown time zone {name[:MAX_NAME_CHARS]!r}{_hint(name)}")
    return name


def known_zone(name: str) -> str:
    """Returns the name, or UTC for one that this machine's database does not have any more."""
    return name if name in _names() else "UTC"


def clock_of(name: str, from_us: int, to_us: int) -> Clock:
    """Returns the clock of a known zone, with its changes from well before to well after."""
    first, last = from_us - MARGIN_US, to_us + MARGIN_US
    if name == "UTC":
        return Clock(name, (first,), (0,))
    starts, offsets = [first], [_offset_us(name, _bounded(first))]
    for year in range(_bounded(first).year, _bounded(last).year + 1):
        for start, offset in _changes(name, year):
            if first < start <= last and offset != offsets[-1]:
                starts.append(start)
                offsets.append(offset)
    return Clock(name, tuple(starts), tuple(offsets))


@lru_cache(maxsize=4096)
def _changes(name: str, year: int) -> tuple[tuple[int, int], ...]:
    """Returns when a zone's offset changes in a year of UTC, and to what.

    It looks once a week, and into each day of a week with a change: no zone has changed its clocks
    and back within one.
    """
    start, changes = datetime(year, 1, 1, tzinfo=UTC), []
    days = (datetime(year + 1, 1, 1, tzinfo=UTC) - start).days
    for week in range(0, days, 7):
        stops = [start + timedelta(days=day) for day in range(week, min(week + 7, days) + 1)]
        if _offset_us(name, stops[0]) == _offset_us(name, stops[-1]):
            continue
        for before, after in pairwise(stops):
            offset = _offset_us(name, after)
            if offset != _offset_us(name, before):
                changes.append(((_change_in(name, before) - EPOCH) // MICROSECOND, offset))
    return tuple(changes)


def _change_in(name: str, before: datetime) -> datetime:
    """Returns the second within a day at which the offset changes."""
    offset, low, high = _offset_us(name, before), 0, 86_400
    while high - low > 1:
        middle = (low + high) // 2
        if _offset_us(name, before + timedelta(seconds=middle)) == offset:
            low = middle
        else:
            high = middle
    return before + timedelta(seconds=high)


def _offset_us(name: str, moment: datetime) -> int:
    offset = moment.astimezone(ZoneInfo(name)).utcoffset()
    return 0 if offset is None else offset // MICROSECOND


def _bounded(moment_us: int) -> datetime:
    """Returns the moment, or the nearest one that a datetime and the store both have."""
    first = (datetime(FIRST_YEAR, 1, 1, tzinfo=UTC) - EPOCH) // MICROSECOND
    last = (datetime(LAST_YEAR, 12, 31, tzinfo=UTC) - EPOCH) // MICROSECOND
    return from_us(min(max(moment_us, first), last))


def _day(local_us: int) -> int:
    return local_us - local_us % DAY_US


@lru_cache(maxsize=1)
def _names() -> frozenset[str]:
    return frozenset(available_timezones()) - {"Factory", "localtime"}


def _hint(name: str) -> str:
    by_folded = {zone.casefold(): zone for zone in _names()}
    folded = name[:MAX_NAME_CHARS].casefold().replace(" ", "_")
    by_city = {zone.rpartition("/")[2]: zone for zone in sorted(by_folded)}
    near = get_close_matches(folded, by_folded, 1) or get_close_matches(folded, by_city, 1)
    if not near:
        return ": expected an IANA name such as 'Europe/Berlin'"
    found = by_folded[near[0]] if near[0] in by_folded else by_folded[by_city[near[0]]]
    return f": did you mean {found!r}?"
