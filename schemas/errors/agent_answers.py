"""What the API for programs answers: the shapes of Open Sentry (contract 3.a.3).

Times are ISO texts in UTC with milliseconds, shares are percent, durations milliseconds.
"""

from typing import Any

from msgspec import Struct

from schemas.answers import Number
from schemas.errors.issues import Status


class MeAnswer(Struct, frozen=True, rename="camel"):
    """What a token is. `organizationId` is the person whose it is; null is the operator's."""

    organization_id: str | None
    project_id: str | None
    scope: str
    name: str
    last_four: str
    expires_at: str | None


class StatsAnswer(Struct, frozen=True, rename="camel"):
    """All projects that a token reaches, added up. Today is the day in UTC."""

    project_count: int
    open_issues: int
    total_issues: int
    events_today: int
    transactions_today: int
    error_rate: float
    """Failed transactions of today, in percent."""


class AgentActivity(Struct, frozen=True, rename="camel"):
    """Something that happened to an issue."""

    id: str
    type: str
    project_id: str
    issue_id: str
    issue_number: int
    title: str
    user: str | None
    created_at: str


class AgentActivityList(Struct, frozen=True):
    """What happened last."""

    activity: list[AgentActivity]


class ProjectLine(Struct, frozen=True, rename="camel"):
    """A project of a list."""

    id: str
    name: str
    organization_id: str | None
    public_key: str | None
    dsn: str | None
    created_at: str
    open_issues: int
    total_events: int
    transaction_count: int


class ProjectLines(Struct, frozen=True):
    """The projects that a token reaches, the oldest first."""

    projects: list[ProjectLine]


class AgentProject(Struct, frozen=True, rename="camel"):
    """One project. `dsn` is that of its first key that is not revoked."""

    id: str
    name: str
    organization_id: str | None
    public_key: str | None
    dsn: str | None
    created_at: str


class TransactionStats(Struct, frozen=True):
    """Transactions of the last 24 hours."""

    count: int
    p50: Number
    p95: Number
    avg: Number


class ProjectOverview(Struct, frozen=True, rename="camel"):
    """How a project fares."""

    open_issues: int
    resolved_issues: int
    ignored_issues: int
    total_events: int
    events_today: int
    transaction_stats: TransactionStats


class ProjectAnswer(Struct, frozen=True):
    """One project with its overview."""

    project: AgentProject
    overview: ProjectOverview


class NewProjectAnswer(Struct, frozen=True):
    """A project that was made."""

    project: AgentProject


class IssueLine(Struct, frozen=True, rename="camel"):
    """An issue of a list."""

    id: str
    title: str
    status: Status
    level: str
    event_count: int
    last_seen: str
    first_seen: str


class IssueLines(Struct, frozen=True):
    """The issues that were seen last, 100 at most."""

    issues: list[IssueLine]


class AgentIssue(Struct, frozen=True, rename="camel", kw_only=True):
    """One issue."""

    id: str
    project_id: str
    number: int
    fingerprint: str | None
    title: str
    type: str
    culprit: str
    level: str
    platform: str
    status: Status
    first_seen: str
    last_seen: str
    event_count: int
    user_count: int
    first_release: str | None
    last_release: str | None
    resolved_at: str | None
    resolved_by: str | None
    regressed_at: str | None
    times_regressed: int
    assignee: str | None


class AgentEvent(Struct, frozen=True, rename="camel", kw_only=True):
    """One event of an issue."""

    id: str
    issue_id: str
    message: str
    level: str
    timestamp: str
    environment: str
    release: str
    trace_id: str
    tags: dict[str, str]
    user: Any
    stack: Any
    """Frames, oldest call first."""
    breadcrumbs: Any


class DayCount(Struct, frozen=True):
    """Events of a day in UTC."""

    date: str
    count: int


class AgentEvents(Struct, frozen=True, rename="camel"):
    """Events, newest first, and the last seven days."""

    events: list[AgentEvent]
    timeline: list[DayCount]
    next_cursor: str | None
