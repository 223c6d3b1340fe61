"""Maintenance windows of a monitor: as people read them, and the form that adds one. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from api.pages.forms import Problem
from api.pages.parts.texts import lasting
from controlplane.failures import BadRequest
from controlplane.uptime.windows import check_window, stretches_of_window
from schemas.uptime.maintenance import MaintenanceWindow
from schemas.uptime.stretches import Stretch
from schemas.zones import DAY_US

REPEATS = (
    ("", "Once"),
    ("FREQ=DAILY", "Every day"),
    ("FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "Every weekday"),
    ("FREQ=WEEKLY", "Every week"),
    ("FREQ=MONTHLY", "Every month"),
)
"""What the form offers, as RFC 5545 has it; day and time are those of the beginning."""
AHEAD_DAYS = 40


class WindowLine(NamedTuple):
    """A window as people read it."""

    number: int
    words: str
    spec: str
    """As JSON: what removes this one, and no other that has come in its place."""
    next: Stretch | None
    """The one that is open or comes next, within some weeks."""
    is_open: bool


def lines_of(windows: Sequence[MaintenanceWindow], now_us: int) -> list[WindowLine]:
    """Returns the windows in words."""
    found = []
    first_us = now_us - now_us % DAY_US
    for number, window in enumerate(windows):
        coming = (
            one
            for one in stretches_of_window(window, first_us, first_us + AHEAD_DAYS * DAY_US)
            if one.end_us > now_us
        )
        upcoming = min(coming, default=None)
        is_open = upcoming is not None and upcoming.start_us <= now_us
        found.append(WindowLine(number, words_of(window), spec_of(window), upcoming, is_open))
    return found


def spec_of(window: MaintenanceWindow) -> str:
    """Returns a window as JSON."""
    return msgspec.json.encode(window).decode()


def words_of(window: MaintenanceWindow) -> str:
    """Returns what a window says, in a line."""
    if window.rrule is None and window.cron is None:
        return f"Once, {_plain(window.starts_at)} to {_plain(window.ends_at)}, {window.timezone}"
    took = lasting((window.duration_seconds or 0) * 1000)
    if window.cron is not None:
        return f"By crontab {window.cron}, for {took}, {window.timezone}"
    title = dict(REPEATS).get(window.rrule or "", window.rrule)
    return f"{title} from {_plain(window.starts_at)} on, for {took}, {window.timezone}"


def window_in(typed: Mapping[str, str]) -> dict[str, Any]:
    """Returns the window that the form means. Raises `BadRequest`."""
    zone = typed.get("timezone", "").strip() or "UTC"
    cron = typed.get("cron", "").strip()
    if cron:
        minutes = typed.get("minutes", "").strip()
        if not (minutes.isascii() and minutes.isdecimal() and len(minutes) < 6):
            raise BadRequest("minutes: expected a whole number")
        found: dict[str, Any] = {"cron": cron, "duration_seconds": int(minutes) * 60}
    else:
        start, end = (_moment(typed, name) for name in ("starts_at", "ends_at"))
        repeats = typed.get("repeats", "")
        if repeats not in dict(REPEATS):
            raise BadRequest("repeats: expected one of the list")
        seconds = int((end - start).total_seconds())
        if seconds <= 0:
            raise BadRequest("ends_at: expected a time after the beginning")
        found = {"starts_at": start.isoformat(timespec="seconds")}
        if repeats:
            found |= {"rrule": repeats, "duration_seconds": seconds}
        else:
            found["ends_at"] = end.isoformat(timespec="seconds")
    window = {**found, "timezone": zone}
    check_window(msgspec.convert(window, MaintenanceWindow))
    return window


def problem_of_window(error: BadRequest) -> Problem:
    """Returns what is wrong with the form of a window, at its field."""
    text = error.message.removeprefix("maintenance_windows: ")
    name, _, rest = text.partition(": ")
    known = ("starts_at", "ends_at", "timezone", "cron", "minutes", "repeats")
    if name == "duration_seconds":
        name = "minutes"
    if name in known and rest:
        return Problem(f"{rest[:1].upper()}{rest[1:]}.", f"window_{name}")
    return Problem(f"{text[:1].upper()}{text[1:]}.", "window_ends_at")


def _moment(typed: Mapping[str, str], name: str) -> datetime:
    try:
        return datetime.fromisoformat(typed.get(name, "").strip()).replace(tzinfo=None)
    except ValueError as error:
        raise BadRequest(f"{name}: expected a day and a time") from error


def _plain(text: str | None) -> str:
    return (text or "").replace("T", " ").removesuffix(":00")
