"""The tables of datasets. Times are microseconds since 1970 UTC; JSON is text, as it was sent."""

from uuid import UUID

from advanced_alchemy.base import DefaultBase
from sqlalchemy import BigInteger, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.models import Project

PROJECT = f"{Project.__tablename__}.id"
NO_END = 2**31 - 1
"""`until` of what is so now."""


class DatasetRow(DefaultBase):
    """A dataset of a project."""

    __tablename__ = "dataset"
    __table_args__ = (UniqueConstraint("project_id", "name", name="uq_dataset_name"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    project_id: Mapped[UUID] = mapped_column(ForeignKey(PROJECT, ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(100))
    description: Mapped[str] = mapped_column(Text)
    details: Mapped[str] = mapped_column(Text)
    """A JSON object: its metadata."""
    version: Mapped[int]
    revisions: Mapped[int]
    """How many rows of `dataset_item` it has, of all versions."""
    bytes: Mapped[int] = mapped_column(BigInteger)
    """Of these rows."""
    created_us: Mapped[int] = mapped_column(BigInteger)
    changed_us: Mapped[int] = mapped_column(BigInteger)


class DatasetItemRow(DefaultBase):
    """An item as it was from one version until before another. A change ends it and adds a row."""

    __tablename__ = "dataset_item"
    __table_args__ = (
        Index("ix_dataset_item_place", "dataset_id", "place"),
        Index("ix_dataset_item_trace", "dataset_id", "trace_id"),
    )

    dataset_id: Mapped[UUID] = mapped_column(
        ForeignKey("dataset.id", ondelete="CASCADE"), primary_key=True
    )
    item_id: Mapped[str] = mapped_column(String(200), primary_key=True)
    since: Mapped[int] = mapped_column(primary_key=True)
    until: Mapped[int]
    """The first version in which it is otherwise; `NO_END` of what is so now."""
    place: Mapped[int]
    """In the order in which items were made; a change keeps it."""
    input: Mapped[str] = mapped_column(Text)
    expected: Mapped[str] = mapped_column(Text)
    """`null` where nothing is expected."""
    details: Mapped[str] = mapped_column(Text)
    """A JSON object: its metadata."""
    archived: Mapped[bool]
    trace_id: Mapped[str] = mapped_column(String(200))
    """The call that it was made of; empty: none."""
    user_id: Mapped[str] = mapped_column(String(512), server_default="")
    """Whom it is of, so that it is found when the call is gone; empty: nobody is known."""
    session_id: Mapped[str] = mapped_column(String(200), server_default="")
    """Of the call."""
    size: Mapped[int]
    """In bytes of UTF-8."""
    at_us: Mapped[int] = mapped_column(BigInteger)


class DatasetRunRow(DefaultBase):
    """A run that was announced."""

    __tablename__ = "dataset_run"

    dataset_id: Mapped[UUID] = mapped_column(
        ForeignKey("dataset.id", ondelete="CASCADE"), primary_key=True
    )
    name: Mapped[str] = mapped_column(String(200), primary_key=True)
    description: Mapped[str] = mapped_column(Text)
    details: Mapped[str] = mapped_column(Text)
    """A JSON object: its metadata."""
    version: Mapped[int]
    """Of the dataset, when it was announced."""
    created_us: Mapped[int] = mapped_column(BigInteger)
