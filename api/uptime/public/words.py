"""How public pages say what they know. Pure."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from schemas.times import from_us
from schemas.uptime.boards import Board, ComponentState, Day, PublicIncident
from schemas.uptime.stretches import Stretch

STATE_WORDS: dict[ComponentState, str] = {
    "up": "Operational",
    "degraded": "Degraded",
    "down": "Down",
    "unknown": "No recent data",
    "maintenance": "Maintenance",
    "paused": "Not monitored",
}
LEAST_TOLD_S = 60
"""Less without data is not worth a word."""
SPARK_WIDTH, SPARK_HEIGHT = 96, 20


class OfDay(NamedTuple):
    """One day of the history, and what began on it."""

    date: str
    incidents: list[PublicIncident]


def uptime_words(percent: float | None) -> str:
    """Writes a share of time, which was cut to three decimals."""
    return "no data" if percent is None else f"{percent:.3f}".rstrip("0").rstrip(".") + " %"


def length_words(seconds: float) -> str:
    """Writes a duration as `45 s`, `12 min`, `3 h 5 min`, `2 d 4 h`."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


def day_words(day: Day) -> str:
    """Writes what is known of a day."""
    parts = [date_words(day.date)]
    if day.uptime_pct is None:
        parts.append("maintenance" if day.level == "maintenance" else "no data")
        return ": ".join(parts)
    told = [f"{uptime_words(day.uptime_pct)} up"]
    if day.down_s:
        told.append(f"{length_words(day.down_s)} down")
    if day.degraded_s:
        told.append(f"{length_words(day.degraded_s)} degraded")
    if day.unknown_s >= LEAST_TOLD_S:
        told.append(f"{length_words(day.unknown_s)} without data")
    return f"{parts[0]}: {', '.join(told)}"


def date_words(text: str) -> str:
    """Writes a date as `Sun 29 Nov 2026`."""
    return f"{date.fromisoformat(text):%a %-d %b %Y}"


def month_words(text: str) -> str:
    """Writes a month as `November 2026`."""
    return f"{date.fromisoformat(f'{text}-01'):%B %Y}"


def when(us: int, zone: str) -> str:
    """Writes a moment as `29 Nov 2026, 20:13`, by the clocks of a zone."""
    return f"{_local(us, zone):%-d %b %Y, %H:%M}"


def range_words(stretch: Stretch, zone: str) -> str:
    """Writes a range of time, by the clocks of a zone."""
    first, last = _local(stretch.start_us, zone), _local(stretch.end_us, zone)
    end = f"{last:%H:%M}" if first.date() == last.date() else f"{last:%-d %b %Y, %H:%M}"
    return f"{first:%-d %b %Y, %H:%M} to {end}"


def date_of(us: int, zone: str) -> str:
    """Returns the date of a moment, as `2026-11-29`."""
    return f"{_local(us, zone):%Y-%m-%d}"


def last_days(board: Board, dates: Sequence[str]) -> list[OfDay]:
    """Returns some days with the incidents that began on them, the newest first."""
    found: dict[str, list[PublicIncident]] = {one: [] for one in reversed(dates)}
    for incident in board.incidents:
        date_ = date_of(incident.started_us, board.time_zone)
        if date_ in found:
            found[date_].append(incident)
    return [OfDay(*one) for one in found.items()]


def months_of(board: Board) -> list[str]:
    """Returns the months that have an incident, the newest first."""
    zone = board.time_zone
    return list(dict.fromkeys(date_of(one.started_us, zone)[:7] for one in board.incidents))


def spark(values: Sequence[float | None]) -> list[str]:
    """Returns the lines of a small chart, as points of SVG; it breaks where nothing is known."""
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return []
    highest = max(known) or 1.0
    step = SPARK_WIDTH / max(1, len(values) - 1)
    lines: list[list[str]] = [[]]
    for index, value in enumerate(values):
        if value is None:
            lines.append([])
        else:
            y = SPARK_HEIGHT - 1 - value / highest * (SPARK_HEIGHT - 2)
            lines[-1].append(f"{index * step:.1f},{y:.1f}")
    return [" ".join(line) for line in lines if len(line) > 1]


def latest(values: Sequence[float | None]) -> float | None:
    """Returns the newest value that is known."""
    return next((value for value in reversed(values) if value is not None), None)


def iso(us: int) -> str:
    """Writes a time for machines, to the second."""
    return f"{from_us(us):%Y-%m-%dT%H:%M:%SZ}"


def _local(us: int, zone: str) -> datetime:
    return from_us(us).replace(tzinfo=UTC).astimezone(ZoneInfo(zone))
