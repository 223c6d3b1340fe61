"""A monitor as people configure it, and what a prober and the states need of it.

Names are those of the page of StatusPulse and its completion: docs/uptime.md.
"""

from typing import Annotated

from msgspec import Meta, Struct, field

from schemas.projects import ProjectId
from schemas.uptime.maintenance import MaintenanceWindow
from schemas.uptime.states import Policy, Quorum, State
from schemas.uptime.targets import Assertion, MonitorId, MonitorType, Target

MAX_URL_CHARS = 2048
MAX_LIST = 50
MAX_SECONDS = 400 * 86_400
"""Of a heartbeat: a job may run once a year."""
MAX_INTERVAL_S = 86_400
"""Of all that is looked at."""
Name = Annotated[str, Meta(min_length=1, max_length=200)]
Region = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
Text = Annotated[str, Meta(max_length=4096)]
Seconds = Annotated[int, Meta(ge=1, le=MAX_SECONDS)]
Threshold = Annotated[int, Meta(ge=1, le=20)]
HeaderValue = Annotated[str, Meta(max_length=4096)]
HOME = "default"
"""The region of a prober that names none."""


class MonitorConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a monitor looks at, and how."""

    name: Name
    type: MonitorType
    url: Annotated[str, Meta(max_length=MAX_URL_CHARS)] = ""
    host: Annotated[str, Meta(max_length=253)] = ""
    port: Annotated[int, Meta(ge=0, le=65_535)] = 0
    interval_seconds: Seconds = 60
    timeout_ms: Annotated[int, Meta(ge=100, le=120_000)] = 10_000
    retry_interval_seconds: Annotated[int, Meta(ge=0, le=3600)] = 0
    failure_threshold: Threshold = 2
    recovery_threshold: Threshold = 2
    regions: Annotated[list[Region], Meta(min_length=1, max_length=MAX_LIST)] = field(
        default_factory=lambda: [HOME]
    )
    quorum: Quorum = "majority"
    method: Annotated[str, Meta(pattern=r"^[A-Z]{1,16}$")] = "GET"
    headers: Annotated[dict[str, HeaderValue], Meta(max_length=MAX_LIST)] = {}
    body: Annotated[str, Meta(max_length=65_536)] = ""
    follow_redirects: bool = True
    expected_status: int | str | list[int | str] = field(default_factory=list)
    """A code, a range as `200-299`, or some of them; none is 200 to 399."""
    assertions: Annotated[list[Assertion], Meta(max_length=MAX_LIST)] = []
    verify_tls: bool = True
    degraded_after_ms: Annotated[int, Meta(ge=0, le=120_000)] = 0
    expiry_warning_days: Annotated[int, Meta(ge=0, le=365)] = 14
    record_type: Annotated[str, Meta(pattern=r"^[A-Z0-9]{1,10}$")] = "A"
    resolver: Annotated[str, Meta(max_length=260)] = ""
    expected_value: str | list[str] = field(default_factory=list)
    expected_match: str = "contains"
    send: Text = ""
    expect: Text = ""
    cron: Annotated[str, Meta(max_length=200)] = ""
    """Of a heartbeat, in place of `interval_seconds`: when its runs are due."""
    timezone: Annotated[str, Meta(max_length=64)] = "UTC"
    grace_seconds: Annotated[int, Meta(ge=0, le=MAX_SECONDS)] = 300
    """Of a heartbeat: how late a run may be."""
    max_runtime_seconds: Annotated[int, Meta(ge=1, le=MAX_SECONDS)] = 1800
    """Of a heartbeat: how long a run may take that has told of its start."""
    slug: Annotated[str, Meta(pattern=r"^[a-z0-9_-]{0,50}$")] = ""
    """Of a heartbeat: check-ins of the job with this name feed it."""
    environment: Annotated[str, Meta(max_length=64)] = "production"
    """Of a heartbeat: the check-ins of this one."""
    escalation_policy: Annotated[str, Meta(max_length=100)] | None = None
    notifications: Annotated[list[Text], Meta(max_length=MAX_LIST)] = []
    maintenance_windows: Annotated[list[MaintenanceWindow], Meta(max_length=20)] = []
    sla_target_pct: Annotated[float, Meta(ge=0, le=100)] = 99.9
    """How much uptime is promised of a calendar month; to four decimals."""
    latency_alerts: bool = False
    """Whether it is an event that checks take unusually long."""


class Monitor(Struct, frozen=True, kw_only=True):
    """A monitor as the control plane has it."""

    monitor_id: MonitorId
    project_id: ProjectId
    config: MonitorConfig
    revision: int
    paused: bool
    state: State
    since_us: int | None
    last_us: int | None
    silence_us: int
    resumed_us: int | None
    """When its last pause ended: what was known before does not count any more."""
    created_us: int
    updated_us: int

    @property
    def interval_us(self) -> int:
        """Between two slots."""
        return self.config.interval_seconds * 1_000_000


def target_of(monitor: Monitor) -> Target:
    """Returns what a prober is told of a monitor."""
    config = monitor.config
    names = set(Target.__struct_fields__) & set(MonitorConfig.__struct_fields__)
    same = {name: getattr(config, name) for name in names if name != "expected_status"}
    return Target(
        **{**same, "assertions": tuple(config.assertions)},
        monitor_id=monitor.monitor_id,
        project_id=monitor.project_id,
        revision=monitor.revision,
        expected_status=tuple(map(str, listed(config.expected_status))),
        expected_values=tuple(map(str, listed(config.expected_value))),
    )


def policy_of(config: MonitorConfig, revision: int, from_us: int, *, resumed: bool) -> Policy:
    """Returns by which rules the checks of a revision are read."""
    return Policy(
        interval_us=config.interval_seconds * 1_000_000,
        timeout_us=config.timeout_ms * 1000,
        failure_threshold=config.failure_threshold,
        recovery_threshold=config.recovery_threshold,
        quorum=config.quorum,
        regions=len(set(config.regions)),
        names=tuple(sorted(set(config.regions))),
        revision=revision,
        from_us=from_us,
        resumed=resumed,
        is_heartbeat=config.type == "heartbeat",
    )


def target_ppm_of(config: MonitorConfig) -> int:
    """Returns the promised uptime in millionths."""
    return round(config.sla_target_pct * 10_000)


def listed(value: object) -> list[object]:
    """Returns one value as a list of it, and a list as it is."""
    return list(value) if isinstance(value, list) else [value]
