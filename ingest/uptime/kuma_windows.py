"""Maintenance of Uptime Kuma, as windows of ours. Pure."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

DAYS = ("SU", "MO", "TU", "WE", "TH", "FR", "SA")
FIRST_DAY = "2024-01-01"
"""Of what says none."""
DAY_S = 86_400


def window_of(row: Mapping[str, Any]) -> tuple[dict[str, Any] | None, str]:
    """Returns a window and what is to be said of it; without a counterpart there is none."""
    strategy, title = str(row.get("strategy")), str(row.get("title"))
    zone, note = _zone(row, title)
    try:
        if strategy == "single":
            once = {"starts_at": _iso(row["start_date"]), "ends_at": _iso(row["end_date"])}
            return {**once, "timezone": zone}, note
        if strategy == "cron":
            seconds = int(row["duration"])
            return {"cron": str(row["cron"]), "duration_seconds": seconds, "timezone": zone}, note
        rule = _rule(strategy, row)
        begin, seconds = _times(row)
    except (KeyError, TypeError, ValueError):
        return None, f"maintenance {title!r} cannot be read"
    if rule is None:
        return None, f"maintenance {title!r} begins by hand ({strategy})"
    day = str(row.get("start_date") or FIRST_DAY)[:10]
    window = {"rrule": rule + _until(row), "starts_at": f"{day}T{begin}"}
    return {**window, "duration_seconds": seconds, "timezone": zone}, note


def _rule(strategy: str, row: Mapping[str, Any]) -> str | None:
    if strategy == "recurring-interval":
        return f"FREQ=DAILY;INTERVAL={int(row['interval_day'])}"
    if strategy == "recurring-weekday":
        days = [DAYS[int(day) % 7] for day in _listed(row["weekdays"])]
        return f"FREQ=WEEKLY;BYDAY={','.join(days)}" if days else None
    if strategy == "recurring-day-of-month":
        # The last day of a month is `lastDay1`, the one before it `lastDay2`.
        days = [str(day).replace("lastDay", "-") for day in _listed(row["days_of_month"])]
        return f"FREQ=MONTHLY;BYMONTHDAY={','.join(days)}" if days else None
    return None


def _times(row: Mapping[str, Any]) -> tuple[str, int]:
    """Returns when it begins by the clock, and for how many seconds."""
    begin, end = (
        datetime.fromisoformat(f"{FIRST_DAY}T{row[name]}") for name in ("start_time", "end_time")
    )
    if end <= begin:
        end += timedelta(seconds=DAY_S)
    return begin.strftime("%H:%M:%S"), round((end - begin).total_seconds())


def _until(row: Mapping[str, Any]) -> str:
    if not row.get("end_date"):
        return ""
    return f";UNTIL={datetime.fromisoformat(_iso(row['end_date'])):%Y%m%dT%H%M%S}"


def _zone(row: Mapping[str, Any], title: str) -> tuple[str, str]:
    zone = row.get("timezone")
    if zone and zone != "SAME_AS_SERVER":
        return str(zone), ""
    return "UTC", f"maintenance {title!r} is by the clocks of UTC here: it names no zone"


def _iso(value: object) -> str:
    return datetime.fromisoformat(str(value).replace("Z", "")).isoformat()


def _listed(value: object) -> list[Any]:
    said = msgspec.json.decode(value) if isinstance(value, str) else value
    return said if isinstance(said, list) else []
