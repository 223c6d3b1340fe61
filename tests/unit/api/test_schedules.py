"""What is expected of a scheduled job by the schedule that it sends."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from api.errors.schedules import expected

MINUTE_US = 60_000_000


def us(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000


LAST_US = us("2026-03-28T02:00:10")
NIGHTLY = {"type": "crontab", "value": "0 3 * * *"}
HOURLY = {"type": "interval", "value": 1, "unit": "hour"}


def config(schedule: Any, **fields: Any) -> bytes:
    return json.dumps({"schedule": schedule, **fields}).encode()


@pytest.mark.parametrize(
    ("sent", "due", "schedule"),
    [
        (config(NIGHTLY), "2026-03-28T03:00:00", "0 3 * * * (UTC)"),
        # The clocks of Berlin go forward on the 29th.
        (config(NIGHTLY, timezone="Europe/Berlin"), "2026-03-29T01:00:00", None),
        (config({"type": "crontab", "value": "@daily"}), "2026-03-29T00:00:00", "@daily (UTC)"),
        (config(HOURLY), "2026-03-28T03:00:10", "every hour"),
        (config({**HOURLY, "value": 2}), "2026-03-28T04:00:10", "every 2 hours"),
    ],
)
def test_the_next_run_is_due_by_the_schedule(sent: bytes, due: str, schedule: str | None) -> None:
    found = expected(sent, "ok", LAST_US, LAST_US)

    assert (found.due_us, found.state) == (us(due), "ok")
    assert schedule in (None, found.schedule)


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"{",
        b"[1]",
        config(None),
        config("* * * * *"),
        config({"type": "crontab", "value": "0 0 30 2 *"}),
        config({"type": "crontab", "value": "0-999999999 * * * *"}),
        config({"type": "crontab", "value": "* * * * * *"}),
        config({"type": "crontab", "value": "70 * * * *"}),
        config({"type": "crontab", "value": "@reboot"}),
        config({"type": "crontab", "value": 5}),
        config({"type": "interval", "value": True, "unit": "hour"}),
        config({"type": "interval", "value": 10**30, "unit": "hour"}),
        config({"type": "interval", "value": 1, "unit": ["hour"]}),
    ],
)
def test_without_a_schedule_nobody_knows_when_it_is_due(sent: bytes) -> None:
    found = expected(sent, "ok", LAST_US, LAST_US + 10**15)

    assert (found.due_us, found.schedule, found.state) == (None, "", "ok")


@pytest.mark.parametrize(
    ("sent", "status", "later_min", "state"),
    [
        (config(HOURLY), "ok", 60, "ok"),
        (config(HOURLY), "ok", 62, "missed"),
        (config(HOURLY, checkin_margin=5), "error", 64, "error"),
        (config(HOURLY, checkin_margin=5), "error", 66, "missed"),
        (config(HOURLY), "in_progress", 29, "in_progress"),
        (config(HOURLY), "in_progress", 31, "timeout"),
        (config(HOURLY, max_runtime=40), "in_progress", 31, "in_progress"),
        (b"", "in_progress", 31, "unknown"),
        (b"", "error", 10**6, "error"),
        (b"", "odd", 1, "unknown"),
    ],
)
def test_a_job_that_is_late_is_missed_and_one_that_takes_too_long_timed_out(
    sent: bytes, status: str, later_min: int, state: str
) -> None:
    assert expected(sent, status, LAST_US, LAST_US + later_min * MINUTE_US).state == state
