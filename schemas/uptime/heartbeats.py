"""Heartbeats: what a job says of its runs, and the check that it becomes. Pure."""

from typing import Literal

from msgspec import Struct

from schemas.projects import ProjectId
from schemas.uptime.checks import Check, Outcome, Phases
from schemas.uptime.targets import MonitorId

MAX_MESSAGE_CHARS = 1000
Signal = Literal["ok", "fail", "started", "missed", "timeout", "not_listening"]
"""What was heard of a run; that it is missing, or takes too long; that nobody could have heard."""
OUTCOMES: dict[Signal, Outcome] = {
    "ok": "ok",
    "fail": "fail",
    # A run that has begun says nothing of how it ends; nor does a time in which nobody listened.
    "started": "inconclusive",
    "not_listening": "inconclusive",
    "missed": "fail",
    "timeout": "fail",
}
BY_THE_CLOCK: frozenset[Signal] = frozenset({"missed", "timeout", "not_listening"})
ATTEMPTS: dict[Signal, int] = {"ok": 1, "fail": 2}
"""Of words of one moment: a job may tell of start and end in one request. Others are 0."""


class Expectation(Struct, frozen=True):
    """When runs are due, and what is allowed."""

    interval_s: int
    cron: str = ""
    timezone: str = "UTC"
    grace_s: int = 300
    max_runtime_s: int = 1800


class Word(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was said or found out of one run. Times are microseconds since 1970 UTC."""

    signal: Signal
    at_us: int
    """Its slot: when it was heard, or when the run was due or had to end."""
    started_us: int | None = None
    duration_ms: float | None = None
    message: str = ""
    monitor_id: str = ""
    """Whose; empty where it is the monitor of a slug."""
    slug: str = ""
    environment: str = ""
    config: bytes = b""
    """Sentry's `monitor_config`, as JSON; empty where there is none."""


class PingParameters(Struct, frozen=True):
    """What a ping URL may say beside its path."""

    rid: str | None = None


class HeartbeatTarget(Struct, frozen=True):
    """Whose check a word becomes."""

    project_id: ProjectId
    monitor_id: MonitorId
    region: str
    revision: int
    degraded_after_ms: int = 0
    started_us: int | None = None
    """Of a run that has not ended; `None` where none is known."""
    since_us: int = 0
    """Since when runs are due: what was missing before does not count any more."""


def check_of(target: HeartbeatTarget, word: Word) -> Check:
    """Returns the check that a word is."""
    took_ms = word.duration_ms
    started_us = word.started_us
    if word.signal in ("ok", "fail"):
        if started_us is None and took_ms is not None:
            started_us = max(0, word.at_us - round(took_ms * 1000))
        elif started_us is None and target.started_us is not None:
            started_us = min(target.started_us, word.at_us)
        if took_ms is None and started_us is not None:
            took_ms = (word.at_us - started_us) / 1000
    outcome = OUTCOMES[word.signal]
    if outcome == "ok" and took_ms is not None and 0 < target.degraded_after_ms < took_ms:
        outcome = "degraded"
    reason = {"ok": "slow" if outcome == "degraded" else "", "fail": "failed"}
    return Check(
        monitor_id=target.monitor_id,
        project_id=target.project_id,
        region=target.region,
        slot_us=word.at_us,
        started_us=word.at_us if started_us is None else started_us,
        attempt=ATTEMPTS.get(word.signal, 0),
        revision=target.revision,
        outcome=outcome,
        reason=reason.get(word.signal, word.signal),
        message=word.message[:MAX_MESSAGE_CHARS],
        phases=Phases(total_ms=took_ms or 0.0),
    )
