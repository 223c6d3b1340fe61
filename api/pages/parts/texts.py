"""How values are written: money, durations, counts, shares, times. Unknown is a dash, never 0."""

import re
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from schemas.kinds import KINDS
from schemas.times import from_us

UNKNOWN = "–"
MESSAGE = re.compile(r'"message"\s*:\s*"((?:[^"\\]|\\.)*)')
NAME = re.compile(r'"(?:name|type)"\s*:\s*"([A-Za-z_.]{1,60})"')
MINUS = "\u2212"
STEPS = ((1e9, "G"), (1e6, "M"), (1e3, "k"))
TOO_GREAT = 1e15
"""For a unit: scores may be as great as 1e100, and no page is wide enough for their digits."""
KIND_TITLES = {kind.name: kind.title for kind in KINDS}
SECOND_MS, MINUTE_MS, HOUR_MS = 1000, 60_000, 3_600_000
LONGEST_CHANGE = 999.5
"""In percent: what grew more is told as a factor."""


def money(cents: float | None) -> str:
    """Writes cents as dollars: two digits above a cent, else two that count."""
    if cents is None:
        return UNKNOWN
    usd = abs(cents) / 100
    sign = MINUS if cents < 0 else ""
    if usd == 0:
        return "$0"
    if usd >= 10_000:
        return f"{sign}${short(usd)}"
    if usd >= 0.01:
        return f"{sign}${usd:,.2f}"
    digits = f"{usd:.2g}"
    return f"{sign}${float(digits):.14f}".rstrip("0")


def money_exact(cents: float | None) -> str:
    """Writes all digits of an amount."""
    if cents is None:
        return "unknown: no price is known, and the sender named no cost"
    return f"${cents / 100:.12f}".rstrip("0").rstrip(".")


def duration(ms: float | None) -> str:
    """Writes milliseconds as `812 ms`, `2.4 s`, `3 m 12 s`, `1 h 5 m`."""
    if ms is None:
        return UNKNOWN
    if ms < 10:
        return f"{ms:.2g} ms"
    if ms < SECOND_MS:
        return f"{ms:.0f} ms"
    if ms < MINUTE_MS:
        return f"{ms / SECOND_MS:.1f} s"
    if ms < HOUR_MS:
        minutes, rest = divmod(round(ms / SECOND_MS), 60)
        return f"{minutes} m {rest} s"
    hours, rest = divmod(round(ms / MINUTE_MS), 60)
    return f"{hours} h {rest} m"


def lasting(ms: float) -> str:
    """Writes how long something has lasted, by its largest two units: `4 d 3 h`, `12 s`."""
    seconds = max(0, int(ms / SECOND_MS))
    for size, unit, smaller, below in (
        (86_400, "d", 3600, "h"),
        (3600, "h", 60, "m"),
        (60, "m", 1, "s"),
    ):
        if seconds >= size:
            whole, rest = divmod(seconds, size)
            return f"{whole} {unit} {rest // smaller} {below}"
    return f"{seconds} s"


def count(number: float | None) -> str:
    """Writes a number short, as `12.4k`; the exact one belongs in a title."""
    return UNKNOWN if number is None else short(number)


def short(number: float) -> str:
    """Writes a number with three digits and a unit."""
    if abs(number) >= TOO_GREAT:
        return _signed(f"{number:.3g}")
    for size, unit in STEPS:
        if abs(number) >= size * 9.9995 or (size > 1e3 and abs(number) >= size):
            digits = 0 if abs(number) >= size * 100 else 1
            return _signed(f"{number / size:.{digits}f}".removesuffix(".0") + unit)
    return _signed(f"{number:,.0f}" if float(number).is_integer() else f"{number:,.2f}")


def figure(number: float) -> str:
    """Writes a figure of no unit, such as a score: three digits that count, or as `12.4k`."""
    return short(number) if abs(number) >= SECOND_MS else _signed(f"{number:.3g}")


def exact(number: float | None) -> str:
    """Writes all digits of a number, for a title."""
    return "unknown" if number is None else f"{number:,}"


def percent(share: float | None) -> str:
    """Writes percent."""
    if share is None:
        return UNKNOWN
    if share == 0:
        return "0 %"
    return f"{share:.2f} %" if share < 1 else f"{share:.1f} %"


def crash_free(percent: float | None) -> str:
    """Writes a crash-free share: never rounded up, so that 100 % is without any crash."""
    if percent is None:
        return UNKNOWN
    return "100 %" if percent >= 100 else f"{int(percent * 100) / 100:.2f} %"


def uptime(percent: float | None) -> str:
    """Writes a share of time: never rounded up, with the digits that matter near 100."""
    if percent is None:
        return UNKNOWN
    if percent >= 100:
        return "100 %"
    digits = 3 if percent >= 99.9 else 2
    return f"{int(percent * 10**digits + 1e-6) / 10**digits:.{digits}f} %"


def size(number: int) -> str:
    """Writes bytes as `812 B`, `1.4 MiB`."""
    value = float(number)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1000 or unit == "GiB":
            break
        value /= 1024
    return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"


def change(now: float | None, before: float | None) -> str:
    """Writes how a figure differs from what it was, with its sign; empty where nothing was."""
    if now is None or not before:
        return ""
    rise = (now - before) / before * 100
    if rise > LONGEST_CHANGE:
        return f"×{now / before:,.1f}"
    if abs(rise) < 0.05:
        return "±0 %"
    digits = 0 if abs(rise) >= 9.95 else 1
    return f"{'+' if rise > 0 else MINUS}{abs(rise):.{digits}f} %"


def moment(us: int, zone: str) -> str:
    """Writes a time on a clock, to the second."""
    return f"{_local(us, zone):%Y-%m-%d %H:%M:%S}"


def stamp(us: int) -> str:
    """Writes a time for machines."""
    at = from_us(us)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"


def clock(us: int, zone: str) -> str:
    """Writes a time of this year, for a column of many."""
    return f"{_local(us, zone):%m-%d %H:%M:%S}"


def ago(us: int, now_us: int) -> str:
    """Writes how long ago something was."""
    seconds = (now_us - us) / 1e6
    if seconds < 0:
        return "in the future"
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit} ago"
    return f"{seconds:.0f} s ago"


def fault(text: str) -> str:
    """Returns what an error says, of JSON that may be cut off: its message, else all of it."""
    match = MESSAGE.search(text)
    if match is None:
        return text.strip('"')
    name = NAME.search(text)
    said = match[1].replace('\\"', '"').replace("\\n", " ")
    return f"{name[1]}: {said}" if name else said


def us_of(text: str) -> int:
    """Reads a time as answers have it, as microseconds since 1970 UTC."""
    return round(datetime.fromisoformat(text).astimezone(UTC).timestamp() * 1e6)


def as_json(value: Any) -> str:
    """Writes data for a script, to stand in an attribute."""
    return msgspec.json.encode(value).decode()


def _signed(text: str) -> str:
    return text.replace("-", MINUS)


def _local(us: int, zone: str) -> datetime:
    return from_us(us).replace(tzinfo=UTC).astimezone(ZoneInfo(zone))


def kind_title(name: str) -> str:
    """Returns what people read for a kind of event: its name, where this version has no title."""
    return KIND_TITLES.get(name) or name


FILTERS = {
    "kind": kind_title,
    "crash_free": crash_free,
    "uptime": uptime,
    "money": money,
    "money_exact": money_exact,
    "duration": duration,
    "lasting": lasting,
    "count": count,
    "figure": figure,
    "exact": exact,
    "percent": percent,
    "moment": moment,
    "clock": clock,
    "ago": ago,
    "fault": fault,
    "stamp": stamp,
    "as_json": as_json,
    "size": size,
}
