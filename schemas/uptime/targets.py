"""What a prober is told to look at, and how: the part of a monitor that leaves the control plane.

Source: the page of StatusPulse (docs/uptime.md). Where it is silent, docs/uptime.md says what
was chosen.
"""

from collections.abc import Mapping
from typing import Literal, NewType, get_args

from msgspec import Struct

from schemas.projects import ProjectId

MonitorId = NewType("MonitorId", str)
"""`mon_` and eight of a-z and 0-9."""
MonitorType = Literal["http", "tcp", "dns", "tls", "domain", "icmp", "heartbeat"]
MONITOR_TYPES: tuple[MonitorType, ...] = get_args(MonitorType)
Comparison = Literal["equals", "contains", "matches", "less_than", "greater_than", "exists"]
COMPARISONS: tuple[Comparison, ...] = get_args(Comparison)


class Assertion(Struct, frozen=True, forbid_unknown_fields=True):
    """What must be true of an answer's body, or of one header."""

    source: Literal["body", "json", "header"]
    comparison: Comparison = "contains"
    path: str = ""
    """Of `json`: names and indices with dots between, as `data.items.0.state`.
    Of `header`: its name."""
    value: str | int | float | bool | None = None
    negated: bool = False


class Target(Struct, frozen=True, kw_only=True):
    """What to look at. Fields that a type has no use for stay as they are."""

    monitor_id: MonitorId
    project_id: ProjectId
    type: MonitorType
    revision: int = 1
    """Grows with each change of the monitor."""
    url: str = ""
    host: str = ""
    port: int = 0
    interval_seconds: int = 60
    timeout_ms: int = 10_000
    retry_interval_seconds: int = 0
    """Until a failure is looked at again before its state is known; 0 is the lesser of 10 s and the
    interval."""
    failure_threshold: int = 2
    recovery_threshold: int = 2
    method: str = "GET"
    headers: Mapping[str, str] = {}
    body: str = ""
    follow_redirects: bool = True
    expected_status: tuple[str, ...] = ()
    """Codes and ranges, as `200` and `200-299`; nothing is 200 to 399."""
    assertions: tuple[Assertion, ...] = ()
    verify_tls: bool = True
    degraded_after_ms: int = 0
    """An answer that takes longer is `degraded`; 0 is never."""
    expiry_warning_days: int = 14
    """A certificate or domain that ends sooner is `degraded`."""
    record_type: str = "A"
    resolver: str = ""
    """An address, with a port if it is not 53; empty is the system's."""
    expected_values: tuple[str, ...] = ()
    """Of DNS, compared as a set."""
    expected_match: Literal["equals", "contains", "subset"] = "contains"
    send: str = ""
    """Of TCP: sent after the connection is made."""
    expect: str = ""
    """Of TCP: a pattern (RE2) that what comes back must have."""
