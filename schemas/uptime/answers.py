"""Answers about monitors, checks and incidents. Times are ISO 8601, UTC."""

from msgspec import Raw, Struct


class MonitorAnswer(Struct, frozen=True, kw_only=True):
    """A monitor; its configuration without the secrets in it."""

    monitor_id: str
    state: str
    """up, degraded, down, unknown, paused or maintenance."""
    revision: int
    created_at: str
    updated_at: str
    name: str
    type: str
    config: Raw
    ping_url: str | None
    """Of a heartbeat, where the jobs tell of their runs; null to who may only read."""
    warnings: list[str]
    message: str


class MonitorPage(Struct, frozen=True):
    """Monitors, the oldest first."""

    monitors: list[MonitorAnswer]
    next_cursor: str | None


class Metrics(Struct, frozen=True, kw_only=True):
    """Of a window. What nothing is known of is null."""

    window_seconds: int
    p50_latency_ms: float | None
    p95_latency_ms: float | None
    p99_latency_ms: float | None
    uptime_pct: float | None
    coverage_pct: float
    downtime_s: float
    outages: int
    checks: int
    check_success_ratio: float | None
    excluded_s: dict[str, float]


class UptimeAnswer(Struct, frozen=True):
    """Uptime over one window."""

    uptime_pct: float | None
    coverage_pct: float
    downtime_s: float


class StatusAnswer(Struct, frozen=True, kw_only=True):
    """How a monitor is now."""

    monitor_id: str
    name: str
    state: str
    since: str | None
    flapping: bool
    """Whether it goes down and up too often; its incident stays open meanwhile."""
    last_probe_at: str | None
    metrics: Metrics
    uptime: dict[str, UptimeAnswer]
    """By window: 24h, 7d, 30d, 90d."""
    message: str


class CheckAnswer(Struct, frozen=True, kw_only=True):
    """One check."""

    check_id: str
    region: str
    slot: str
    attempt: int
    started_at: str
    outcome: str
    reason: str
    message: str
    phases: dict[str, float]
    status_code: int | None
    peer: str


class CheckPage(Struct, frozen=True):
    """Checks, the newest first."""

    checks: list[CheckAnswer]
    next_cursor: str | None


class ExclusionAnswer(Struct, frozen=True, kw_only=True, rename={"from_at": "from", "to_at": "to"}):
    """A voided time."""

    exclusion_id: str
    from_at: str
    to_at: str
    reason: str
    author: str
    created_at: str


class ExclusionList(Struct, frozen=True):
    """Voided times, the newest first."""

    exclusions: list[ExclusionAnswer]


class ExclusionRemoved(Struct, frozen=True):
    """The time counts again."""

    exclusion_id: str
    message: str


class EventLine(Struct, frozen=True):
    """One line of a timeline; `noted_at` is when it was known."""

    kind: str
    at: str
    noted_at: str
    author: str
    notes: str


class IncidentAnswer(Struct, frozen=True, kw_only=True):
    """An incident."""

    incident_id: str
    monitor_id: str | None
    state: str
    title: str
    severity: str
    origin: str
    resolution: str | None
    started_at: str
    acknowledged_at: str | None
    resolved_at: str | None
    assignee: str | None
    external_ids: dict[str, str]
    reopened: int
    message: str


class IncidentDetails(IncidentAnswer, frozen=True, kw_only=True):
    """An incident with its timeline."""

    timeline: list[EventLine]


class IncidentPage(Struct, frozen=True):
    """Incidents, the newest first."""

    incidents: list[IncidentAnswer]
    next_cursor: str | None


class Removed(Struct, frozen=True):
    """It is gone."""

    monitor_id: str
    message: str
