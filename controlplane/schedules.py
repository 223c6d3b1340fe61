"""When a scheduled job is due, and when a run of it is missing. Pure, no I/O.

One definition for heartbeat monitors and for the jobs of the system `errors`. A schedule is a
crontab on the clock of a zone, or an interval from the last run. A run is missing when nothing was
heard of it until it is due and the grace is over.
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from croniter import croniter
from msgspec import Struct

from controlplane.failures import BadRequest
from schemas.times import EPOCH, MICROSECOND
from schemas.zones import UnknownZone, check_zone

MACRO = re.compile(r"@(?:hourly|daily|midnight|weekly|monthly|yearly|annually)")
FIELDS = re.compile(r"[0-9A-Za-z*/,?#-]{1,40}(?: +[0-9A-Za-z*/,?#-]{1,40}){4}")
LONG_NUMBER = re.compile(r"\d{3}")
"""A range up to one would be counted out, number by number."""
YEARS = 5
"""How far a day such as 29 February is looked for."""
SECOND_US = 1_000_000
MINUTE_S = 60
USUAL_MARGIN_MIN = 1
USUAL_RUNTIME_MIN = 30
MOST_MINUTES = 60 * 24 * 400
MOST_UNITS = 10_000
UNITS: Mapping[str, timedelta] = {
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
    "month": timedelta(days=30),
    "year": timedelta(days=365),
}


class Schedule(Struct, frozen=True):
    """A crontab, or an interval where there is none."""

    cron: str = ""
    timezone: str = "UTC"
    interval_s: int = 0


class Job(Struct, frozen=True):
    """What a job says of itself, as Sentry's `monitor_config`."""

    schedule: Schedule | None
    """`None` where it sends none, or one that cannot be read."""
    words: str
    """The schedule for people; empty where there is none."""
    margin_s: int
    """How late a run may be."""
    runtime_s: int
    """How long a run may take."""


@lru_cache(maxsize=20_000)
def due_after(schedule: Schedule, heard_us: int) -> int | None:
    """Returns when the next run is due after one was heard of; `None` where nothing says so."""
    if not schedule.cron:
        return heard_us + schedule.interval_s * SECOND_US
    begin = (EPOCH + heard_us * MICROSECOND).astimezone(ZoneInfo(schedule.timezone))
    try:
        turns = croniter(schedule.cron, begin, max_years_between_matches=YEARS)
        return int((turns.get_next(datetime) - EPOCH) // MICROSECOND)
    except (ValueError, KeyError, ArithmeticError):
        return None


def is_missing(due_us: int, grace_us: int, now_us: int) -> bool:
    """Tells whether a run of which nothing was heard is missing by now."""
    return now_us > due_us + grace_us


def is_crontab(text: str) -> bool:
    """Tells whether a text is a crontab that is read, and comes to a time."""
    is_plain = FIELDS.fullmatch(text) and not LONG_NUMBER.search(text)
    if not is_plain and not MACRO.fullmatch(text):
        return False
    return due_after(Schedule(text), 0) is not None


def check_crontab(cron: str, timezone: str) -> None:
    """Raises `BadRequest` for a crontab or a zone that cannot be read."""
    if not is_crontab(cron):
        raise BadRequest("cron: expected five fields, or such as @daily, that come to a time")
    try:
        check_zone(timezone)
    except UnknownZone as error:
        raise BadRequest(f"timezone: {error}") from error


def job_of(settings: Mapping[str, Any]) -> Job:
    """Reads a `monitor_config`; what in it cannot be read is as if it were not there."""
    said = settings.get("schedule")
    schedule, words = _schedule(said if isinstance(said, dict) else {}, settings.get("timezone"))
    return Job(
        schedule,
        words,
        _minutes(settings.get("checkin_margin"), USUAL_MARGIN_MIN) * MINUTE_S,
        _minutes(settings.get("max_runtime"), USUAL_RUNTIME_MIN) * MINUTE_S,
    )


def _schedule(said: Mapping[str, Any], timezone: object) -> tuple[Schedule | None, str]:
    value = said.get("value")
    if said.get("type") == "interval":
        unit = UNITS.get(str(said.get("unit")))
        if unit is None or type(value) is not int or not 0 < value <= MOST_UNITS:
            return None, ""
        name = said["unit"]
        words = f"every {name}" if value == 1 else f"every {value} {name}s"
        return Schedule(interval_s=value * int(unit.total_seconds())), words
    if said.get("type") == "crontab" and isinstance(value, str) and is_crontab(value.strip()):
        zone = _zone(timezone)
        return Schedule(value.strip(), zone), f"{value.strip()} ({zone})"
    return None, ""


def _zone(value: object) -> str:
    try:
        return check_zone(value) if isinstance(value, str) and value else "UTC"
    except UnknownZone:
        return "UTC"


def _minutes(value: object, usual: int) -> int:
    if type(value) is not int:
        return usual
    return value if 0 < value <= MOST_MINUTES else usual
