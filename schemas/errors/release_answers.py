"""What the API answers of releases: how they fare, what is in them, where they were deployed."""

from msgspec import Struct

from schemas.errors.releases import ReleaseStatus


class HealthAnswer(Struct, frozen=True, rename="camel"):
    """How some sessions fared. Shares are percent; null where there is nothing to share."""

    sessions: int
    healthy: int
    errored: int
    unhandled: int
    abnormal: int
    crashed: int
    users: int
    crashed_users: int
    crash_free_sessions: float | None
    crash_free_users: float | None


class ReleaseHealth(Struct, frozen=True, rename="camel"):
    """How the sessions of one release fared."""

    version: str
    adoption: float | None
    """Its share of all sessions of the range, in percent."""
    health: HealthAnswer


class HealthMoment(Struct, frozen=True, rename="camel"):
    """How the sessions fared that started in one bucket of time."""

    at: str
    health: HealthAnswer


class HealthList(Struct, frozen=True, rename="camel"):
    """How sessions fared in a range: all of them, by release, and over time."""

    date_from: str
    date_to: str
    total: HealthAnswer
    releases: list[ReleaseHealth]
    """Those with most sessions first, 1,000 at most."""
    timeline: list[HealthMoment]
    """Buckets without a session are left out."""


class CommitAnswer(Struct, frozen=True, rename="camel"):
    """One commit of a release."""

    id: str
    repository: str
    message: str
    author_name: str
    author_email: str
    timestamp: str | None


class DeploymentAnswer(Struct, frozen=True, rename="camel"):
    """One time that a release was brought somewhere."""

    id: str
    version: str
    environment: str
    name: str
    url: str
    date_started: str | None
    date_finished: str


class ReleaseDetails(Struct, frozen=True, rename="camel"):
    """One release with what belongs to it."""

    version: str
    status: ReleaseStatus
    first_seen: str
    last_seen: str | None
    date_released: str | None
    ref: str
    url: str
    environment: str
    new_issues: int
    commits: list[CommitAnswer]
    """The newest first."""
    deployments: list[DeploymentAnswer]
    """The last one first."""
    health: HealthAnswer
    """Of the sessions of the last 30 days."""
    events: int
    """Of the last 30 days."""


class SavedRelease(Struct, frozen=True, rename="camel"):
    """The release is known."""

    version: str
    is_new: bool
