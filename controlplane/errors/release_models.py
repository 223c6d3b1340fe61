"""The tables of what build tools tell of releases. Times are microseconds since 1970 UTC."""

from uuid import UUID

from advanced_alchemy.base import DefaultBase
from sqlalchemy import BigInteger, ForeignKeyConstraint, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.errors.models import MAX_RELEASE_CHARS
from schemas.errors.releases import (
    MAX_AUTHOR_CHARS,
    MAX_ENVIRONMENT_CHARS,
    MAX_REPOSITORY_CHARS,
    MAX_SHA_CHARS,
    MAX_URL_CHARS,
)

OF_RELEASE = ("release.project_id", "release.version")


class ReleaseCommit(DefaultBase):
    """One commit of a release."""

    __tablename__ = "release_commit"
    __table_args__ = (
        ForeignKeyConstraint(("project_id", "version"), OF_RELEASE, ondelete="CASCADE"),
    )

    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[str] = mapped_column(String(MAX_RELEASE_CHARS), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    """0 is the newest."""
    sha: Mapped[str] = mapped_column(String(MAX_SHA_CHARS))
    repository: Mapped[str] = mapped_column(String(MAX_REPOSITORY_CHARS))
    message: Mapped[str] = mapped_column(Text)
    author_name: Mapped[str] = mapped_column(String(MAX_AUTHOR_CHARS))
    author_email: Mapped[str] = mapped_column(String(MAX_AUTHOR_CHARS))
    at_us: Mapped[int | None] = mapped_column(BigInteger)


class ReleaseDeployment(DefaultBase):
    """One time that a release was brought somewhere."""

    __tablename__ = "release_deployment"
    __table_args__ = (
        ForeignKeyConstraint(("project_id", "version"), OF_RELEASE, ondelete="CASCADE"),
        Index("ix_release_deployment_finished", "project_id", "finished_us"),
        Index("ix_release_deployment_version", "project_id", "version", "finished_us"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    project_id: Mapped[UUID]
    version: Mapped[str] = mapped_column(String(MAX_RELEASE_CHARS))
    environment: Mapped[str] = mapped_column(String(MAX_ENVIRONMENT_CHARS))
    name: Mapped[str] = mapped_column(String(200))
    url: Mapped[str] = mapped_column(String(MAX_URL_CHARS))
    started_us: Mapped[int | None] = mapped_column(BigInteger)
    finished_us: Mapped[int] = mapped_column(BigInteger)
