"""The tables of retention by kind and by rule. Times are microseconds since 1970 UTC."""

from datetime import date
from uuid import UUID

from advanced_alchemy.base import DefaultBase
from sqlalchemy import BigInteger, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.models import Project

PROJECT = f"{Project.__tablename__}.id"


class RetentionPolicyRow(DefaultBase):
    """What a project has set, and what it had set before."""

    __tablename__ = "retention_policy"

    project_id: Mapped[UUID] = mapped_column(
        ForeignKey(PROJECT, ondelete="CASCADE"), primary_key=True
    )
    policy: Mapped[str] = mapped_column(Text)
    """A `schemas.retention.RetentionPolicy` as JSON."""
    before: Mapped[str] = mapped_column(Text)
    """The one until `acts_us`; what it keeps is kept until then."""
    acts_us: Mapped[int] = mapped_column(BigInteger)
    changed_us: Mapped[int] = mapped_column(BigInteger)
    changed_by: Mapped[str] = mapped_column(String(320))


class ThinnedDay(DefaultBase):
    """To which stage the traces of a day were thinned, or are being thinned."""

    __tablename__ = "thinned_day"

    project_id: Mapped[UUID] = mapped_column(
        ForeignKey(PROJECT, ondelete="CASCADE"), primary_key=True
    )
    day: Mapped[date] = mapped_column(primary_key=True)
    stage: Mapped[str] = mapped_column(Text)
    """A `schemas.retention.Stage` as JSON."""
    run_id: Mapped[str] = mapped_column(String(36))
    """Under which the store has what goes."""
    counts: Mapped[str] = mapped_column(Text)
    """How many rows go, by kind, as JSON."""
    is_done: Mapped[bool]


class RemovedRows(DefaultBase):
    """How many rows of a kind were deleted on a day, by which rule."""

    __tablename__ = "removed_rows"

    project_id: Mapped[UUID] = mapped_column(
        ForeignKey(PROJECT, ondelete="CASCADE"), primary_key=True
    )
    removed_on: Mapped[date] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(20), primary_key=True)
    rule: Mapped[str] = mapped_column(String(20), primary_key=True)
    """`days`, `sample` or `rules`."""
    count: Mapped[int] = mapped_column(BigInteger)
