"""Dates in query strings: what JavaScript's `Date` takes, in UTC, as microseconds since 1970.

Rules (contract 1.a.3, and ECMAScript 2025 section 21.4.1.32 for the ISO form):
    1. digits alone: epoch, seconds when below 10^12, else milliseconds
    2. YYYY-MM-DD: the day's first moment for a lower bound, its last millisecond for an upper one
    3. ISO date and time, seconds and fraction optional; without a zone: UTC
    4. M/D/YYYY, and YYYY-M-D or YYYY/M/D of digits that are not two, with a time or without
    5. RFC 2822 and what `Date.toString()` prints, by the standard library's mail parser
An upper bound given in milliseconds includes the whole millisecond, since that is what rows show.
"""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Literal

from api.parameters import InvalidParameters, invalid
from schemas.times import EARLIEST, EPOCH, INVALID, LATEST, MICROSECOND

Edge = Literal["from", "to"]
SECONDS_LIMIT = 1_000_000_000_000
# `Date.toString()` with a long name of a zone has some 70 characters. The time that the patterns
# below take grows with the square of the length.
MAX_CHARS = 100
ISO = re.compile(
    r"(\d{4})-(\d\d)(?:-(\d\d))?(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?"
    r" ?([Zz]|[+-]\d\d(?::?\d\d)?)?)?",
    re.ASCII,
)
STRICT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)", re.ASCII)
LOOSE = re.compile(
    r"(?:(?P<m>\d{1,2})[/-](?P<d>\d{1,2})[/-](?P<y>\d{4})"
    r"|(?P<y2>\d{4})[/-](?P<m2>\d{1,2})[/-](?P<d2>\d{1,2}))"
    r"(?:[T ,] ?(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d))?"
    r"(?: ?(?P<half>[AaPp])[Mm])?)?"
    r"(?: ?(?:Z|UTC|GMT))?",
    re.ASCII,
)
DAY_ONLY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def parse_date(text: str, edge: Edge) -> int | None:
    """Returns microseconds since 1970 UTC, or `None` for what no rule reads. Never raises."""
    if len(text) > MAX_CHARS:
        return None
    text = text.strip()
    try:
        if text.isascii() and text.isdigit():
            return _epoch(int(text), edge)
        match = ISO.fullmatch(text)
        if match is not None:
            return _iso(text, match, edge)
        match = LOOSE.fullmatch(text)
        return _mail(text, edge) if match is None else _loose(match, edge)
    except (ValueError, OverflowError, TypeError, IndexError):
        return None


def date_range(date_from: str | None, date_to: str | None) -> tuple[int | None, int | None]:
    """Reads the bounds of a list; absent means unbounded.

    Raises `InvalidParameters` without details, as the contract words it.
    """
    return _bound("date_from", date_from, "from"), _bound("date_to", date_to, "to")


def strict_range(date_from: str, date_to: str) -> tuple[int, int]:
    """Reads the range of analytics, full datetimes with a zone. Raises `InvalidParameters`."""
    return _strict("date_from", date_from, "from"), _strict("date_to", date_to, "to")


def _bound(name: str, text: str | None, edge: Edge) -> int | None:
    if text is None:
        return None
    moment = parse_date(text, edge)
    if moment is None:
        raise InvalidParameters(f"Invalid {name} parameter")
    return moment


def _strict(name: str, text: str, edge: Edge) -> int:
    moment = parse_date(text, edge) if STRICT.fullmatch(text) else None
    if moment is None:
        raise invalid(name, INVALID)
    return moment


def _epoch(number: int, edge: Edge) -> int:
    ms = number * 1000 if number < SECONDS_LIMIT else number
    return _clamped(ms * 1000 + (999 if edge == "to" else 0))


def _iso(text: str, match: re.Match[str], edge: Edge) -> int:
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    start = datetime(int(year), int(month), int(day or 1), tzinfo=UTC)
    if DAY_ONLY.fullmatch(text) and edge == "to":
        return _micros(start) + 86_400_000_000 - 1
    # Hour 24 is the next day's midnight in ECMAScript, with nothing after it.
    hours, minutes, seconds = int(hour or 0), int(minute or 0), int(second or 0)
    if hours > 24 or minutes > 59 or seconds > 59 or (hours == 24 and (minutes or seconds)):
        raise ValueError(text)
    digits = (fraction or "")[:6]
    moment = _micros(start) + (hours * 3600 + minutes * 60 + seconds) * 1_000_000
    moment += int(digits.ljust(6, "0")) - _offset_us(zone)
    # Up to milliseconds the bound names a millisecond, and `to` includes all of it.
    return _clamped(moment + (999 if edge == "to" and len(digits) <= 3 else 0))


def _offset_us(zone: str | None) -> int:
    if zone is None or zone in "Zz":
        return 0
    digits = zone[1:].replace(":", "").ljust(4, "0")
    hours, minutes = int(digits[:2]), int(digits[2:])
    if hours > 23 or minutes > 59:
        raise ValueError(zone)
    return (hours * 60 + minutes) * 60_000_000 * (-1 if zone[0] == "-" else 1)


def _loose(match: re.Match[str], edge: Edge) -> int:
    found = match.groupdict(default="")
    year, month, day = (int(found[name] or found[f"{name}2"]) for name in "ymd")
    hour, half = int(found["hour"] or 0), found["half"].lower()
    if half:
        if not 1 <= hour <= 12:
            raise ValueError(match[0])
        hour = hour % 12 + (12 if half == "p" else 0)
    clock = (hour, int(found["minute"] or 0), int(found["second"] or 0))
    moment = datetime(year, month, day, *clock, tzinfo=UTC)
    return _clamped(_micros(moment) + (999 if edge == "to" else 0))


def _mail(text: str, edge: Edge) -> int:
    # `Sun Jun 01 2025 12:00:00 GMT+0200 (Central European Summer Time)`
    plain = re.sub(r"\s*\([^)]*\)\s*$", "", text)
    match = re.fullmatch(
        r"(?:[A-Za-z]{3},? )?([A-Za-z]{3}) (\d{1,2}),? (\d{4})(?: (\d\d:\d\d(?::\d\d)?))?"
        r"(?: ?(?:GMT|UTC|Z)?([+-]\d{4})?)?",
        plain,
        re.ASCII,
    )
    if match is not None:
        month, day, year, clock, zone = match.groups()
        plain = f"{day} {month} {year} {clock or '00:00:00'} {zone or '+0000'}"
    moment = parsedate_to_datetime(plain)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return _clamped(_micros(moment) + (999 if edge == "to" else 0))


def _micros(moment: datetime) -> int:
    return (moment - EPOCH) // MICROSECOND


def _clamped(moment_us: int) -> int:
    # Beyond what the store holds every row is inside or outside anyway.
    return min(max(moment_us, _micros(EARLIEST)), _micros(LATEST))
