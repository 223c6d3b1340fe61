"""Answers about monitors, checks and incidents. Times are ISO 8601, UTC."""

from msgspec import Raw, Struct

from schemas.uptime.status_pages import PageGroup


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


class DayAnswer(Struct, frozen=True, kw_only=True):
    """A monitor on one day. `state` is the worst of it; null is a day of which nothing counts."""

    day: str
    state: str
    uptime_pct: float | None
    coverage_pct: float
    downtime_s: float
    outages: int


class DaysAnswer(Struct, frozen=True):
    """The last days of a monitor, the oldest first."""

    monitor_id: str
    timezone: str
    days: list[DayAnswer]


class SeriesPoint(Struct, frozen=True, kw_only=True):
    """The checks of one step; the times are of those that passed."""

    at: str
    ok: int
    degraded: int
    failed: int
    inconclusive: int
    phases_ms: dict[str, dict[str, float]]
    """dns, connect, tls, first_byte, transfer, total: p50, p95, p99."""


class SeriesAnswer(Struct, frozen=True):
    """The checks of a monitor over time; a step without any is left out."""

    monitor_id: str
    window_seconds: int
    step_seconds: int
    points: list[SeriesPoint]


class OutageAnswer(Struct, frozen=True, kw_only=True):
    """A time that counts as down, cut at the ends of the month."""

    started_at: str
    ended_at: str | None
    """Null while it goes on."""
    duration_s: float
    incident_id: str | None


class SlaLine(Struct, frozen=True, kw_only=True):
    """How one monitor kept its promise in one month. What nothing is known of is null."""

    monitor_id: str
    name: str
    target_pct: float
    uptime_pct: float | None
    coverage_pct: float
    downtime_s: float
    downtime_minutes: float
    breached: bool
    error_budget_s: float
    budget_left_s: float
    budget_left_pct: float | None
    outage_count: int
    outages: list[OutageAnswer]
    """The last ones, 100 at most."""
    mtta_s: float | None
    mttr_s: float | None
    excluded_s: dict[str, float]
    burn_rates: dict[str, float | None] | None
    """Of the last 1h, 6h, 24h, 3d; null for a month that is over."""


class SlaTotal(Struct, frozen=True, kw_only=True):
    """Of all monitors that were asked for, not only those of the page."""

    monitors: int
    breached: int
    """Monitors."""
    uptime_pct: float | None
    coverage_pct: float
    downtime_s: float
    downtime_minutes: float
    outage_count: int
    mtta_s: float | None
    mttr_s: float | None


class SlaMonth(Struct, frozen=True, kw_only=True):
    """One calendar month."""

    month: str
    starts_at: str
    ends_at: str
    is_over: bool
    monitors: list[SlaLine]
    total: SlaTotal


class SlaAnswer(Struct, frozen=True, kw_only=True):
    """Reports by month, the oldest first."""

    timezone: str
    months: list[SlaMonth]
    next_cursor: str | None
    """Of further monitors."""


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
    public_note: str


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
    escalation_policy: str | None
    """Its own one; else its monitor's holds."""
    message: str


class NotificationLine(Struct, frozen=True, kw_only=True):
    """One message about an incident to one target, and what became of it."""

    message_id: str
    kind: str
    """alert, again, reminder, acknowledgement or recovery."""
    step: int
    """Of the policy, 100 more each round; 0 for the monitor's own notifications."""
    target: str
    state: str
    """pending, delivered or dead."""
    attempts: int
    last_status: int | None
    last_error: str
    created_at: str
    delivered_at: str | None


class IncidentDetails(IncidentAnswer, frozen=True, kw_only=True):
    """An incident with its timeline, and who was told of it."""

    timeline: list[EventLine]
    notifications: list[NotificationLine]


class ToldAgain(Struct, frozen=True):
    """They wait to be sent."""

    notifications: int
    message: str


class IncidentPage(Struct, frozen=True):
    """Incidents, the newest first."""

    incidents: list[IncidentAnswer]
    next_cursor: str | None


class Removed(Struct, frozen=True):
    """It is gone."""

    monitor_id: str
    message: str


class StatusPageAnswer(Struct, frozen=True, kw_only=True):
    """A public status page."""

    page_id: str
    path: str
    """Where everybody reads it once it is published."""
    title: str
    slug: str
    description: str
    home_url: str
    time_zone: str
    groups: list[PageGroup]
    published: bool
    shows_response_times: bool
    has_logo: bool
    created_at: str
    updated_at: str
    message: str


class StatusPageList(Struct, frozen=True):
    """All of a project, the oldest first."""

    status_pages: list[StatusPageAnswer]


class StatusPageRemoved(Struct, frozen=True):
    """It is gone, with those who followed it."""

    page_id: str
    message: str
