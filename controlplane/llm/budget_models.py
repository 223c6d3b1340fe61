"""The tables of budgets. Times are microseconds since 1970 UTC; amounts are decimals as text."""

from uuid import UUID

from advanced_alchemy.base import DefaultBase
from sqlalchemy import BigInteger, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.models import Project
from controlplane.outbox_models import CHANNEL

PROJECT = f"{Project.__tablename__}.id"
MAX_NAME_CHARS = 120
MAX_AMOUNT_CHARS = 40


class BudgetRow(DefaultBase):
    """A budget of a project: what it counts, over which window, and what it allows."""

    __tablename__ = "budget"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    project_id: Mapped[UUID] = mapped_column(ForeignKey(PROJECT, ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(MAX_NAME_CHARS))
    form: Mapped[str] = mapped_column(Text)
    """A JSON object: `schemas.llm.budgets.BudgetForm`, without its channels."""
    enabled: Mapped[bool]
    revision: Mapped[int]
    created_us: Mapped[int] = mapped_column(BigInteger)


class BudgetChannel(DefaultBase):
    """Which channels a budget tells."""

    __tablename__ = "budget_channel"

    budget_id: Mapped[UUID] = mapped_column(
        ForeignKey("budget.id", ondelete="CASCADE"), primary_key=True
    )
    channel_id: Mapped[UUID] = mapped_column(
        ForeignKey(CHANNEL, ondelete="CASCADE"), primary_key=True, index=True
    )


class BudgetAlertRow(DefaultBase):
    """That a threshold was reached, or an anomaly met; written with the messages that tell it."""

    __tablename__ = "budget_alert"
    __table_args__ = (
        UniqueConstraint(
            *("budget_id", "revision", "kind", "window_us", "entity_key", "threshold"),
            name="uq_budget_alert_once",
        ),
        Index("ix_budget_alert_project", "project_id", "at_us", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    project_id: Mapped[UUID] = mapped_column(ForeignKey(PROJECT, ondelete="CASCADE"))
    budget_id: Mapped[UUID] = mapped_column(ForeignKey("budget.id", ondelete="CASCADE"))
    revision: Mapped[int]
    kind: Mapped[str] = mapped_column(String(16))
    """`threshold` or `anomaly`."""
    window_us: Mapped[int] = mapped_column(BigInteger)
    """The start of a calendar window; of a rolling one when it was told; an anomaly's hour."""
    entity_key: Mapped[str] = mapped_column(String(64))
    """SHA-256 of the entity: senders choose how long that is."""
    threshold: Mapped[int]
    """In percent; 0 of an anomaly."""
    entity: Mapped[str | None] = mapped_column(Text)
    measure: Mapped[str] = mapped_column(String(16))
    spent: Mapped[str] = mapped_column(String(MAX_AMOUNT_CHARS))
    amount: Mapped[str] = mapped_column(String(MAX_AMOUNT_CHARS))
    is_told: Mapped[bool]
    """Whether a message tells it; else one of a greater threshold of the same moment does."""
    at_us: Mapped[int] = mapped_column(BigInteger)
