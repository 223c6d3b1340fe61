"""The time of a page: `range=24h`, or `from` and `to`, on the clock of `tz`."""

import time
from collections.abc import Mapping
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from api.dates import parse_date
from api.parameters import Values, invalid
from api.time_zones import TimeZone, zone_of
from clickhouse.queries.periods import Period
from schemas.projects import ProjectContext
from schemas.zones import DAY_US, HOUR_US

MINUTE_US = 60_000_000
PRESETS: Mapping[str, tuple[str, int]] = {
    "15m": ("15 minutes", 15 * MINUTE_US),
    "1h": ("hour", HOUR_US),
    "6h": ("6 hours", 6 * HOUR_US),
    "24h": ("24 hours", DAY_US),
    "7d": ("7 days", 7 * DAY_US),
    "30d": ("30 days", 30 * DAY_US),
    "90d": ("90 days", 90 * DAY_US),
}
DEFAULT = "24h"
LONGEST_US = 1_100 * DAY_US
# The widest range whose buckets are of a length: a chart has some 20 to 400 of them.
BUCKETS: tuple[tuple[int, Period], ...] = (
    (6 * HOUR_US, "minute"),
    (8 * DAY_US, "hour"),
    (200 * DAY_US, "day"),
    (LONGEST_US, "week"),
)


class Choice(NamedTuple):
    """One of the ranges to choose from."""

    name: str
    title: str
    is_chosen: bool


class Live(NamedTuple):
    """How a page goes on by itself."""

    href: str
    """Of its stream."""
    seen: int
    """What was known when the page was made, at least: a number that changes with each news."""
    is_on: bool


class TimeRange(Struct, frozen=True):
    """A range with both ends, inclusive, in microseconds since 1970 UTC."""

    first_us: int
    last_us: int
    preset: str | None
    zone: str
    now_us: int

    @property
    def length_us(self) -> int:
        """How long it is."""
        return self.last_us - self.first_us + 1

    @property
    def bucket(self) -> Period:
        """What a chart of it counts by."""
        return next(period for longest, period in BUCKETS if self.length_us <= longest + HOUR_US)

    @property
    def title(self) -> str:
        """What the button says."""
        return f"Last {PRESETS[self.preset][0]}" if self.preset else "Custom range"

    @property
    def before(self) -> "TimeRange":
        """The same length of time, just before."""
        return replace(
            self, first_us=self.first_us - self.length_us, last_us=self.first_us - 1, preset=None
        )

    @property
    def shorter(self) -> str | None:
        """The preset that is next below, for what was too expensive."""
        below = [name for name, (_, length) in PRESETS.items() if length < self.length_us * 0.9]
        return below[-1] if below else None

    @property
    def choices(self) -> list[Choice]:
        """What to choose from."""
        return [
            Choice(name, f"Last {title}", name == self.preset)
            for name, (title, _) in PRESETS.items()
        ]


def range_of(values: Values, project: ProjectContext, *, default: str = DEFAULT) -> TimeRange:
    """Reads the range of an address. Raises `InvalidParameters`."""
    zone = zone_of(TimeZone(tz=values.get("tz") or None), project.time_zone)
    now_us = time.time_ns() // 1000
    if values.get("from") or values.get("to"):
        first = _end(values, "from", zone, now_us - DAY_US)
        last = _end(values, "to", zone, now_us)
        if first > last:
            raise invalid("from", "Expected a time before that of `to`")
        if last - first > LONGEST_US:
            raise invalid("from", f"Expected a range of at most {LONGEST_US // DAY_US} days")
        return TimeRange(first, last, None, zone, now_us)
    preset = values.get("range") or default
    if preset not in PRESETS:
        raise invalid("range", f"Expected one of {', '.join(PRESETS)}")
    return TimeRange(now_us - PRESETS[preset][1] + 1, now_us, preset, zone, now_us)


def on_clock(project: ProjectContext, shown: TimeRange) -> ProjectContext:
    """Returns the project on the clock of a range."""
    return replace(project, time_zone=shown.zone)


def _end(values: Values, name: str, zone: str, otherwise: int) -> int:
    text = values.get(name)
    if not text:
        return otherwise
    found = parse_date(text, "from" if name == "from" else "to", zone)
    if found is None:
        raise invalid(name, "Expected a date, a date and time, or milliseconds since 1970")
    return found
