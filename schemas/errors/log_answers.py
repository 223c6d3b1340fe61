"""What is answered of log records: one Struct per JSON shape, camelCase outside, every key there.

Times are ISO in UTC. What is unknown is `null`.
"""

from typing import Any

from msgspec import Struct

from schemas.errors.severities import LogLevel


class LogAnswer(Struct, rename="camel", kw_only=True):
    """One log record."""

    id: str
    timestamp: str
    """To the microsecond."""
    level: LogLevel | None
    severity: int | None
    """The number of OpenTelemetry, 1 to 24."""
    severity_text: str | None
    body: str
    trace_id: str | None
    span_id: str | None
    logger: str | None
    environment: str | None
    release: str | None
    service: str | None
    server_name: str | None
    platform: str | None
    sdk: str | None
    user: str | None
    observed_at: str
    received_at: str
    problems: list[str]
    """What was cut or left out."""
    attributes: dict[str, Any]


class LogList(Struct, rename="camel"):
    """One page of records; `nextCursor` is where the next one begins, `null` at the end."""

    logs: list[LogAnswer]
    date_from: str
    date_to: str
    next_cursor: str | None


class LevelCounts(Struct, rename="camel", kw_only=True):
    """How many records a time has, by level."""

    trace: int = 0
    debug: int = 0
    info: int = 0
    warn: int = 0
    error: int = 0
    fatal: int = 0
    unknown: int = 0


class LogMoment(LevelCounts, rename="camel", kw_only=True):
    """The records of one bucket."""

    start: str
    """Its first moment, with the offset of the clock."""


class LogCounts(Struct, rename="camel"):
    """Records over time; buckets without any are there too."""

    counts: list[LogMoment]
    totals: LevelCounts
    date_from: str
    date_to: str
