"""Maintenance windows: which may be asked for, and when they are. Pure, no I/O.

A window that comes again begins when clocks of its zone show the time, and lasts for its duration:
one from 01:30 for two hours lasts two hours also in the night in which clocks change. A time that
clocks skip is the same time after the change; of a time that they show twice it is the first.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import takewhile
from zoneinfo import ZoneInfo

from croniter import croniter
from dateutil.rrule import rrulestr

from controlplane.failures import BadRequest
from schemas.times import EPOCH, MICROSECOND
from schemas.uptime.maintenance import MaintenanceWindow
from schemas.uptime.stretches import Stretch
from schemas.zones import DAY_US, UnknownZone, check_zone

MAX_DURATION_S = 7 * 86_400
MAX_DAYS = 400
"""The longest that a window is, which comes once."""
CRON = re.compile(r"[0-9]{1,2}(?: +[0-9A-Za-z*/,-]{1,40}){4}")
LONG_NUMBER = re.compile(r"\d{3}")
# Not taken is what dateutil counts out for years where nothing fits: BYSETPOS, BYYEARDAY, seconds.
RRULE = re.compile(
    r"FREQ=(DAILY|WEEKLY|MONTHLY|YEARLY)"
    r"(;(INTERVAL=[1-9]\d{0,2}|COUNT=[1-9]\d{0,3}|UNTIL=\d{8}(T\d{6})?|WKST=[A-Z]{2}"
    r"|BYDAY=[+\-0-9A-Z,]{2,60}|BYMONTHDAY=[\-0-9,]{1,90}|BYMONTH=[0-9,]{1,30}"
    r"|BYHOUR=\d{1,2}|BYMINUTE=\d{1,2}))*"
)
YEARS = 5
"""How far a day such as 29 February is looked for in a crontab."""
LONGEST_MONTHS = {2: 29, 4: 30, 6: 30, 9: 30, 11: 30}


def check_window(window: MaintenanceWindow) -> None:
    """Raises `BadRequest` for a window that cannot be."""
    try:
        check_zone(window.timezone)
    except UnknownZone as error:
        raise BadRequest(f"maintenance_windows: timezone: {error}") from error
    if window.rrule is not None and window.cron is not None:
        raise BadRequest("maintenance_windows: expected rrule or cron, not both")
    if window.rrule is None and window.cron is None:
        _check_once(window)
        return
    duration = window.duration_seconds
    if duration is None or not 1 <= duration <= MAX_DURATION_S:
        raise BadRequest(f"maintenance_windows: duration_seconds: expected 1 to {MAX_DURATION_S}")
    if window.ends_at is not None:
        raise BadRequest("maintenance_windows: ends_at: of one that comes once; say UNTIL in rrule")
    if window.cron is not None:
        _check_cron(window)
    else:
        _check_rrule(window)


@lru_cache(maxsize=4096)
def stretches_of_window(window: MaintenanceWindow, from_us: int, to_us: int) -> tuple[Stretch, ...]:
    """Returns when a window of `check_window` is, of those that meet a range."""
    if window.rrule is None and window.cron is None:
        found = Stretch(_moment_us(window.starts_at, window), _moment_us(window.ends_at, window))
        return (found,) if found.start_us < to_us and found.end_us > from_us else ()
    length_us = (window.duration_seconds or 0) * 1_000_000
    zone = ZoneInfo(window.timezone)
    # A day on each side: the range is in UTC, the rule in local time.
    first = _local(from_us - length_us - DAY_US, zone)
    last = _local(to_us + DAY_US, zone)
    starts = takewhile(lambda at: at <= last, _starts(window, first))
    moments = [_us(at.replace(tzinfo=zone)) for at in starts]
    return tuple(
        Stretch(at_us, at_us + length_us)
        for at_us in moments
        if at_us < to_us and at_us + length_us > from_us
    )


def _starts(window: MaintenanceWindow, first: datetime) -> Iterator[datetime]:
    """Yields the beginnings from a local time on, by local clocks."""
    if window.cron is not None:
        turns = croniter(
            window.cron.strip(), first, ret_type=datetime, max_years_between_matches=YEARS
        )
        yield from (turns.get_next() for _ in iter(int, 1))
    begin = _parsed(window.starts_at, window).replace(tzinfo=None)
    yield from rrulestr(window.rrule or "", dtstart=begin).xafter(first, inc=True)


def _check_once(window: MaintenanceWindow) -> None:
    start_us, end_us = (_moment_us(text, window) for text in (window.starts_at, window.ends_at))
    if not 0 < end_us - start_us <= MAX_DAYS * DAY_US:
        raise BadRequest(
            f"maintenance_windows: expected ends_at after starts_at, by at most {MAX_DAYS} days"
        )


def _check_cron(window: MaintenanceWindow) -> None:
    text = (window.cron or "").strip()
    if not CRON.fullmatch(text) or LONG_NUMBER.search(text):
        raise BadRequest("maintenance_windows: cron: expected five fields, the first one number")
    try:
        croniter(text, EPOCH, max_years_between_matches=YEARS).get_next(datetime)
    except (ValueError, KeyError, ArithmeticError) as error:
        raise BadRequest(f"maintenance_windows: cron: {str(error)[:200]}") from error


def _check_rrule(window: MaintenanceWindow) -> None:
    text = (window.rrule or "").strip()
    _parsed(window.starts_at, window)
    if not RRULE.fullmatch(text) or not _has_days(text):
        raise BadRequest(
            "maintenance_windows: rrule: expected FREQ=DAILY, WEEKLY, MONTHLY or YEARLY with"
            " INTERVAL, COUNT, UNTIL, BYDAY, BYMONTH, BYMONTHDAY, BYHOUR, BYMINUTE"
        )
    try:
        next(iter(rrulestr(text, dtstart=datetime(2024, 1, 1))), None)  # noqa: DTZ001
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise BadRequest(f"maintenance_windows: rrule: {str(error)[:200]}") from error


def _has_days(rule: str) -> bool:
    """Tells whether its months have one of its days: 30 February would be sought for ever."""
    said = dict(part.split("=") for part in rule.split(";"))
    if "BYMONTHDAY" not in said:
        return True
    try:
        days = [abs(int(day)) for day in said["BYMONTHDAY"].split(",")]
        months = [int(month) for month in said.get("BYMONTH", "1").split(",")]
    except ValueError:
        return False
    longest = max(LONGEST_MONTHS.get(month, 31) for month in months)
    # Numbers of weekdays and of days may exclude one another, as the fifth Monday and the 1st.
    numbered = any(character.isdigit() for character in said.get("BYDAY", ""))
    return min(days) <= longest and min(days) > 0 and not numbered


def _moment_us(text: str | None, window: MaintenanceWindow) -> int:
    parsed = _parsed(text, window)
    zone = ZoneInfo(window.timezone)
    return _us(parsed if parsed.tzinfo is not None else parsed.replace(tzinfo=zone))


def _parsed(text: str | None, window: MaintenanceWindow) -> datetime:
    name = "starts_at" if text == window.starts_at else "ends_at"
    try:
        return datetime.fromisoformat(text or "")
    except ValueError as error:
        raise BadRequest(
            f"maintenance_windows: {name}: expected a time as 2026-01-31T02:00:00Z"
        ) from error


def _local(moment_us: int, zone: ZoneInfo) -> datetime:
    return (EPOCH + moment_us * MICROSECOND).astimezone(zone).replace(tzinfo=None)


def _us(moment: datetime) -> int:
    return int((moment.astimezone(UTC) - EPOCH) // timedelta(microseconds=1))
