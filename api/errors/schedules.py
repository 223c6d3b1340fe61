"""What is expected of a scheduled job by the schedule that it sends. Pure.

As Sentry has it: crontab in the job's own time zone, or an interval from the last run; a run may be
late by `checkin_margin` and take `max_runtime`, both in minutes.
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from croniter import croniter

from schemas.times import EPOCH, MICROSECOND
from schemas.zones import UnknownZone, check_zone

State = Literal["ok", "error", "missed", "timeout", "in_progress", "unknown"]
STATES: Mapping[str, State] = {
    one: one for one in ("ok", "error", "missed", "timeout", "in_progress")
}
USUAL_MARGIN_MIN = 1
USUAL_RUNTIME_MIN = 30
MOST_MINUTES = 60 * 24 * 400
MINUTE_US = 60_000_000
UNITS: Mapping[str, timedelta] = {
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
    "month": timedelta(days=30),
    "year": timedelta(days=365),
}
MACRO = re.compile(r"@(?:hourly|daily|midnight|weekly|monthly|yearly|annually)")
FIELDS = re.compile(r"[0-9A-Za-z*/,?#-]{1,40}(?: +[0-9A-Za-z*/,?#-]{1,40}){4}")
LONG_NUMBER = re.compile(r"\d{3}")
"""A range up to one would be counted out, number by number."""
YEARS = 5
"""How far a day such as 29 February is looked for."""

_decode = msgspec.json.Decoder(dict[str, Any]).decode


class Expected(NamedTuple):
    """What a monitor's schedule says now."""

    state: State
    """By the last run, and by the schedule where there is one."""
    schedule: str
    """In words; empty where the job sends none, or one that cannot be read."""
    due_us: int | None
    """When the next run after the last one is due; `None` where no schedule says so."""


def expected(config: bytes, status: str, last_us: int, now_us: int) -> Expected:
    """Returns what is known of a monitor whose last run began at a moment."""
    settings = _settings(config)
    schedule, zone = settings.get("schedule"), _zone(settings.get("timezone"))
    schedule = schedule if isinstance(schedule, dict) else {}
    due_us = _due(schedule, zone, last_us)
    words = "" if due_us is None else _words(schedule, zone)
    margin_us = _minutes(settings.get("checkin_margin"), USUAL_MARGIN_MIN)
    runtime_us = _minutes(settings.get("max_runtime"), USUAL_RUNTIME_MIN)
    state = STATES.get(status, "unknown")
    if due_us is not None and now_us > due_us + margin_us:
        state = "missed"
    elif state == "in_progress" and now_us > last_us + runtime_us:
        # Without a schedule nobody says how long it may take.
        state = "timeout" if settings else "unknown"
    return Expected(state, words, due_us)


def _settings(config: bytes) -> Mapping[str, Any]:
    try:
        return _decode(config)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}


def _due(schedule: Mapping[str, Any], zone: str, last_us: int) -> int | None:
    value = schedule.get("value")
    if schedule.get("type") == "interval":
        unit = UNITS.get(str(schedule.get("unit")))
        if unit is None or type(value) is not int or not 0 < value <= 10_000:
            return None
        return last_us + value * (unit // MICROSECOND)
    if schedule.get("type") == "crontab" and isinstance(value, str):
        return _next(value.strip(), zone, last_us)
    return None


def _next(crontab: str, zone: str, last_us: int) -> int | None:
    is_plain = FIELDS.fullmatch(crontab) and not LONG_NUMBER.search(crontab)
    if not is_plain and not MACRO.fullmatch(crontab):
        return None
    begin = (EPOCH + last_us * MICROSECOND).astimezone(ZoneInfo(zone))
    try:
        found = croniter(crontab, begin, max_years_between_matches=YEARS).get_next(datetime)
        return int((found - EPOCH) // MICROSECOND)
    except (ValueError, KeyError, ArithmeticError):
        return None


def _words(schedule: Mapping[str, Any], zone: str) -> str:
    if schedule.get("type") == "crontab":
        return f"{str(schedule['value']).strip()} ({zone})"
    value = schedule["value"]
    unit = schedule["unit"]
    return f"every {unit}" if value == 1 else f"every {value} {unit}s"


def _zone(value: object) -> str:
    try:
        return check_zone(value) if isinstance(value, str) and value else "UTC"
    except UnknownZone:
        return "UTC"


def _minutes(value: object, usual: int) -> int:
    if type(value) is not int:
        return usual * MINUTE_US
    return (value if 0 < value <= MOST_MINUTES else usual) * MINUTE_US
