"""Feedback, attachments and check-ins as the API tells of them. Times are ISO texts in UTC."""

from msgspec import Raw, Struct


class FeedbackAnswer(Struct, frozen=True, rename="camel", kw_only=True):
    """What one person has said."""

    id: str
    timestamp: str
    message: str
    name: str
    email: str
    url: str
    associated_event_id: str | None
    """The error that it is about."""
    issue_id: str | None
    """The issue of this error; null where there is none, or not any more."""
    replay_id: str | None
    source: str
    """`feedback`, or `user_report`, the old form."""
    environment: str
    release: str
    platform: str
    sdk: str
    user: str
    trace_id: str | None


class FeedbackList(Struct, frozen=True, rename="camel"):
    """A page of feedback, newest first."""

    feedback: list[FeedbackAnswer]
    next_cursor: str | None


class AttachmentAnswer(Struct, frozen=True, rename="camel", kw_only=True):
    """A file that came with an event."""

    id: str
    event_id: str
    name: str
    content_type: str
    """As its sender says."""
    type: str
    picture: str | None
    """What its bytes are: `png`, `jpeg`, `gif` or `webp`; null for all else."""
    size: int
    sha256: str
    received_at: str


class AttachmentList(Struct, frozen=True, rename="camel"):
    """The files of an event, by name."""

    attachments: list[AttachmentAnswer]


class MonitorAnswer(Struct, frozen=True, rename="camel", kw_only=True):
    """The runs of one scheduled job in one environment."""

    monitor: str
    environment: str
    state: str
    """`ok`, `error`, `missed`, `timeout`, `in_progress` or `unknown`."""
    runs: int
    ok: int
    failed: int
    last_run: str
    last_status: str
    last_duration_ms: float | None
    p50_ms: float | None
    p95_ms: float | None
    schedule: str | None
    """In words; null where the job sends none, or one that cannot be read."""
    due: str | None
    """When the next run after the last one is due; null where no schedule says so."""
    config: Raw | None
    """As the job sent it."""


class MonitorList(Struct, frozen=True, rename="camel"):
    """The jobs that were heard of, by name."""

    monitors: list[MonitorAnswer]


class CheckInAnswer(Struct, frozen=True, rename="camel", kw_only=True):
    """One run of a job."""

    id: str
    monitor: str
    environment: str
    timestamp: str
    status: str
    duration_ms: float | None
    """As the job says, else from its first word to its last; null where that is unknown."""
    release: str
    trace_id: str | None


class CheckInList(Struct, frozen=True, rename="camel"):
    """A page of runs, newest first."""

    check_ins: list[CheckInAnswer]
    next_cursor: str | None
