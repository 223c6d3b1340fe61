"""The tables of issues, releases and settings. Times of events are microseconds since 1970 UTC."""

from datetime import datetime
from uuid import UUID

from advanced_alchemy.base import DefaultBase
from advanced_alchemy.types import DateTimeUTC
from sqlalchemy import BigInteger, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.models import Project, User

MAX_RELEASE_CHARS = 250
MAX_TITLE_CHARS = 500
MAX_SHORT_CHARS = 200
MAX_FINGERPRINT_CHARS = 128
PROJECT = f"{Project.__tablename__}.id"
USER = f"{User.__tablename__}.id"
UNSEEN = text("looked_us IS NULL AND kind IN ('created', 'regressed')")
"""What happened of itself and alerts have not looked at."""


class Issue(DefaultBase):
    """What several events have in common; one row, whatever their number.

    Counts are the store's. A merged issue stays as a row, so that links to it still lead somewhere.
    """

    __tablename__ = "issue"
    __table_args__ = (
        UniqueConstraint("project_id", "number"),
        Index("ix_issue_last_seen", "project_id", "status", "last_seen_us", "id"),
        Index("ix_issue_first_seen", "project_id", "status", "first_seen_us", "id"),
        Index("ix_issue_ignored", "status", "ignored_until_us"),
        Index("ix_issue_first_release", "project_id", "first_release"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    project_id: Mapped[UUID] = mapped_column(ForeignKey(PROJECT, ondelete="CASCADE"))
    number: Mapped[int]
    """Within the project, from 1 on: what people call it by."""
    type: Mapped[str] = mapped_column(String(MAX_SHORT_CHARS))
    title: Mapped[str] = mapped_column(String(MAX_TITLE_CHARS))
    culprit: Mapped[str] = mapped_column(String(MAX_SHORT_CHARS))
    level: Mapped[str] = mapped_column(String(16))
    platform: Mapped[str] = mapped_column(String(64))
    """These five are those of the newest event."""
    first_seen_us: Mapped[int] = mapped_column(BigInteger)
    last_seen_us: Mapped[int] = mapped_column(BigInteger)
    first_release: Mapped[str] = mapped_column(String(MAX_RELEASE_CHARS))
    first_release_us: Mapped[int | None] = mapped_column(BigInteger)
    last_release: Mapped[str] = mapped_column(String(MAX_RELEASE_CHARS))
    last_release_us: Mapped[int | None] = mapped_column(BigInteger)
    """Of the earliest and the newest event that name a release, and when these happened."""
    created_us: Mapped[int] = mapped_column(BigInteger)
    status: Mapped[str] = mapped_column(String(16))
    """`schemas.errors.issues.Status`, or `merged`."""
    merged_into: Mapped[UUID | None]
    resolution: Mapped[str | None] = mapped_column(String(16))
    """`schemas.errors.issues.Resolution` of a resolved issue."""
    resolved_us: Mapped[int | None] = mapped_column(BigInteger)
    resolved_by: Mapped[UUID | None] = mapped_column(ForeignKey(USER, ondelete="SET NULL"))
    resolved_in_release: Mapped[str | None] = mapped_column(String(MAX_RELEASE_CHARS))
    ignored_us: Mapped[int | None] = mapped_column(BigInteger)
    ignored_until_us: Mapped[int | None] = mapped_column(BigInteger)
    ignored_until_events: Mapped[int | None]
    ignored_until_people: Mapped[int | None]
    """Counted from `ignored_us` on. All three empty is for ever."""
    assignee_id: Mapped[UUID | None] = mapped_column(ForeignKey(USER, ondelete="SET NULL"))
    regressed_us: Mapped[int | None] = mapped_column(BigInteger)
    times_regressed: Mapped[int]


class IssueFingerprint(DefaultBase):
    """Which issue the events of a fingerprint belong to."""

    __tablename__ = "issue_fingerprint"
    __table_args__ = (Index("ix_issue_fingerprint_hash", "project_id", "group_hash"),)

    project_id: Mapped[UUID] = mapped_column(
        ForeignKey(PROJECT, ondelete="CASCADE"), primary_key=True
    )
    fingerprint: Mapped[str] = mapped_column(String(MAX_FINGERPRINT_CHARS), primary_key=True)
    group_hash: Mapped[int] = mapped_column(BigInteger)
    """What the store calls it: its UInt64 with a sign, for the databases know no other."""
    issue_id: Mapped[UUID] = mapped_column(ForeignKey("issue.id", ondelete="CASCADE"), index=True)


class IssueCounter(DefaultBase):
    """The last number of a project's issues. Who changes what belongs to what locks the row."""

    __tablename__ = "issue_counter"

    project_id: Mapped[UUID] = mapped_column(
        ForeignKey(PROJECT, ondelete="CASCADE"), primary_key=True
    )
    last_number: Mapped[int]


class IssueActivity(DefaultBase):
    """What happened to an issue."""

    __tablename__ = "issue_activity"
    __table_args__ = (
        UniqueConstraint("issue_id", "name"),
        Index("ix_issue_activity_at", "issue_id", "at_us", "id"),
        Index("ix_issue_activity_project", "project_id", "at_us", "id"),
        Index("ix_issue_activity_unseen", "at_us", sqlite_where=UNSEEN, postgresql_where=UNSEEN),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    project_id: Mapped[UUID] = mapped_column(ForeignKey(PROJECT, ondelete="CASCADE"))
    issue_id: Mapped[UUID] = mapped_column(ForeignKey("issue.id", ondelete="CASCADE"))
    at_us: Mapped[int] = mapped_column(BigInteger)
    user_id: Mapped[UUID | None] = mapped_column(ForeignKey(USER, ondelete="SET NULL"))
    """`None` for what came of itself."""
    kind: Mapped[str] = mapped_column(String(32))
    data: Mapped[str] = mapped_column(Text)
    """A JSON object."""
    name: Mapped[str] = mapped_column(String(80))
    """Says which happening it is: the same one is noted once, however often it is repeated."""
    looked_us: Mapped[int | None] = mapped_column(BigInteger)
    """When alerts looked at it: each is looked at once."""


class Release(DefaultBase):
    """A version of what a project runs."""

    __tablename__ = "release"
    __table_args__ = (Index("ix_release_first_seen", "project_id", "first_seen_us"),)

    project_id: Mapped[UUID] = mapped_column(
        ForeignKey(PROJECT, ondelete="CASCADE"), primary_key=True
    )
    version: Mapped[str] = mapped_column(String(MAX_RELEASE_CHARS), primary_key=True)
    first_seen_us: Mapped[int] = mapped_column(BigInteger)
    """Of its first event, or of when it was made known."""
    last_seen_us: Mapped[int | None] = mapped_column(BigInteger)
    released_us: Mapped[int | None] = mapped_column(BigInteger)
    ref: Mapped[str] = mapped_column(String(250))
    """Of the repository: a commit, a tag."""
    url: Mapped[str] = mapped_column(String(500))
    environment: Mapped[str] = mapped_column(String(100))
    status: Mapped[str] = mapped_column(String(16), server_default="open")
    """`schemas.errors.releases.ReleaseStatus`."""


class ErrorSetting(DefaultBase):
    """How a project masks and groups its errors; one that set nothing has no row."""

    __tablename__ = "error_setting"

    project_id: Mapped[UUID] = mapped_column(
        ForeignKey(PROJECT, ondelete="CASCADE"), primary_key=True
    )
    revision: Mapped[int]
    """Goes up with each change: by it a process sees that what it has read is old."""
    grouping: Mapped[str] = mapped_column(Text)
    """A `schemas.errors.grouping.GroupingConfig` as JSON."""
    masking: Mapped[str] = mapped_column(Text)
    """A `schemas.errors.masking.MaskRules` as JSON."""
    auto_resolve_days: Mapped[int | None]
    """After so many days without an event an open issue is resolved; `None` for never."""
    changed_at: Mapped[datetime] = mapped_column(DateTimeUTC(timezone=True))
