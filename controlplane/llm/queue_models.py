"""The tables of annotation queues. Times are microseconds since 1970 UTC."""

from uuid import UUID

from advanced_alchemy.base import DefaultBase
from sqlalchemy import BigInteger, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.models import Project

MAX_ID_CHARS = 200
QUEUE = "annotation_queue"
CLAIMED, DONE, SKIPPED = "claimed", "done", "skipped"


class QueueRow(DefaultBase):
    """A queue of a project: what is asked, and how many people look at each item."""

    __tablename__ = QUEUE
    __table_args__ = (UniqueConstraint("project_id", "name", name="uq_annotation_queue_name"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    project_id: Mapped[UUID] = mapped_column(
        ForeignKey(f"{Project.__tablename__}.id", ondelete="CASCADE")
    )
    name: Mapped[str] = mapped_column(String(120))
    form: Mapped[str] = mapped_column(Text)
    """A JSON object: `schemas.llm.annotation.QueueForm`."""
    reviewers: Mapped[int]
    created_us: Mapped[int] = mapped_column(BigInteger)


class ItemRow(DefaultBase):
    """One call, span or session that people of a queue look at."""

    __tablename__ = "annotation_item"
    __table_args__ = (
        UniqueConstraint("queue_id", "target", name="uq_annotation_item_target"),
        UniqueConstraint("queue_id", "number", name="uq_annotation_item_number"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    queue_id: Mapped[UUID] = mapped_column(ForeignKey(f"{QUEUE}.id", ondelete="CASCADE"))
    number: Mapped[int]
    """The order in which they are looked at, from 1."""
    target: Mapped[str] = mapped_column(String(64))
    """SHA-256 of the three ids below."""
    trace_id: Mapped[str] = mapped_column(String(MAX_ID_CHARS))
    span_id: Mapped[str] = mapped_column(String(MAX_ID_CHARS))
    session_id: Mapped[str] = mapped_column(String(MAX_ID_CHARS))
    added_us: Mapped[int] = mapped_column(BigInteger)
    added_by: Mapped[UUID | None]
    """No key of another table, as in reviews; `None` where an API key added it."""
    reviews: Mapped[int]
    """How many people are done with it."""


class ReviewRow(DefaultBase):
    """That somebody looks at an item, is done with it, or skipped it.

    What they said is in the log and in the store.
    """

    __tablename__ = "annotation_review"
    __table_args__ = (Index("ix_annotation_review_person", "queue_id", "user_id", "state"),)

    item_id: Mapped[UUID] = mapped_column(
        ForeignKey("annotation_item.id", ondelete="CASCADE"), primary_key=True
    )
    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    """No key of another table: what a person did stays when their account goes."""
    queue_id: Mapped[UUID] = mapped_column(ForeignKey(f"{QUEUE}.id", ondelete="CASCADE"))
    state: Mapped[str] = mapped_column(String(8))
    until_us: Mapped[int] = mapped_column(BigInteger)
    """Of one that is claimed: until when nobody else gets it."""
    at_us: Mapped[int] = mapped_column(BigInteger)
    revision: Mapped[int]
    """How often it was saved."""
    called: Mapped[str] = mapped_column(String(120), server_default="")
    """What a person is called who has no account here, as of the demo."""
