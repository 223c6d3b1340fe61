"""What is expected of a scheduled job by the schedule that it sends. Pure.

When it is due, and when it is missing, is what `controlplane.schedules` says of heartbeats too.
"""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import msgspec

from controlplane.schedules import SECOND_US, due_after, is_missing, job_of

State = Literal["ok", "error", "missed", "timeout", "in_progress", "unknown"]
STATES: Mapping[str, State] = {
    one: one for one in ("ok", "error", "missed", "timeout", "in_progress")
}
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
    job = job_of(settings)
    due_us = None if job.schedule is None else due_after(job.schedule, last_us)
    state = STATES.get(status, "unknown")
    if due_us is not None and is_missing(due_us, job.margin_s * SECOND_US, now_us):
        state = "missed"
    elif state == "in_progress" and now_us > last_us + job.runtime_s * SECOND_US:
        # Without a schedule nobody says how long it may take.
        state = "timeout" if settings else "unknown"
    return Expected(state, "" if due_us is None else job.words, due_us)


def _settings(config: bytes) -> Mapping[str, Any]:
    try:
        return _decode(config)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
