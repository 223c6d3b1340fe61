"""The table of scheduled exports. Times are microseconds since 1970 UTC."""

from uuid import UUID

from advanced_alchemy.base import DefaultBase
from sqlalchemy import BigInteger, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.models import Project

MAX_ERROR_CHARS = 500


class ExportSchedule(DefaultBase):
    """That a project is exported again and again, and what became of it. One a project."""

    __tablename__ = "export_schedule"

    project_id: Mapped[UUID] = mapped_column(
        ForeignKey(f"{Project.__tablename__}.id", ondelete="CASCADE"), primary_key=True
    )
    every: Mapped[str] = mapped_column(String(8))
    """`day` or `hour`."""
    format: Mapped[str] = mapped_column(String(8))
    place: Mapped[str] = mapped_column(String(8))
    """`folder` or `s3`; where that is, the operator says."""
    next_us: Mapped[int] = mapped_column(BigInteger, index=True)
    """When it is due; while it runs, when somebody else may take it over."""
    owner: Mapped[str] = mapped_column(String(36))
    """Of the process that runs it; empty while none does."""
    done_before_us: Mapped[int] = mapped_column(BigInteger)
    """All that came before then is written."""
    started_us: Mapped[int | None] = mapped_column(BigInteger)
    ended_us: Mapped[int | None] = mapped_column(BigInteger)
    rows: Mapped[int] = mapped_column(BigInteger)
    """That the last run wrote."""
    bytes: Mapped[int] = mapped_column(BigInteger)
    failures: Mapped[int]
    """One after the other, up to now."""
    error: Mapped[str] = mapped_column(String(MAX_ERROR_CHARS))
