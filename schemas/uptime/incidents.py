"""Incidents: their states, and what follows from the flips of a monitor."""

from typing import Literal, NamedTuple, get_args

from msgspec import Struct

from schemas.projects import ProjectId
from schemas.uptime.targets import MonitorId

IncidentState = Literal["triggered", "acknowledged", "resolved"]
INCIDENT_STATES: tuple[IncidentState, ...] = get_args(IncidentState)
Resolution = Literal["recovered", "paused", "manual", "withdrawn"]
"""`withdrawn`: checks that came later say that the monitor was never down."""
Severity = Literal["critical", "major", "minor"]
EventKind = Literal["triggered", "acknowledged", "resolved", "reopened", "corrected", "noted"]
REOPEN_US = 10 * 60_000_000
"""A monitor that is down again so soon reopens its incident."""


class OfItself(NamedTuple):
    """An incident that a monitor opened, as it stands."""

    incident_id: str
    started_us: int
    resolved_us: int | None
    resolution: Resolution | None
    reopened: int


class Due(NamedTuple):
    """What an incident has to be. `incident_id` is `None` for one that has to be made."""

    incident_id: str | None
    started_us: int
    resolved_us: int | None
    resolution: Resolution | None
    reopened: int


class IncidentEvent(Struct, frozen=True):
    """One line of a timeline."""

    kind: EventKind
    at_us: int
    noted_us: int
    author: str
    notes: str
    public_note: str = ""
    """What everybody may read, on the public status pages."""


class Incident(Struct, frozen=True, kw_only=True):
    """As the control plane keeps it."""

    incident_id: str
    project_id: ProjectId
    monitor_id: MonitorId | None
    origin: Literal["auto", "manual"]
    title: str
    severity: Severity
    state: IncidentState
    resolution: Resolution | None
    started_us: int
    acknowledged_us: int | None
    resolved_us: int | None
    assignee: str | None
    external_ids: dict[str, str]
    reopened: int
    escalation_policy: str | None
    created_us: int
    updated_us: int
