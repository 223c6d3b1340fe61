"""The tables of alerts. Times are microseconds since 1970 UTC: they are compared."""

from uuid import UUID

from advanced_alchemy.base import DefaultBase
from sqlalchemy import BigInteger, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.errors.models import PROJECT
from controlplane.outbox_models import CHANNEL

MAX_RULE_NAME_CHARS = 120
MAX_DESCRIPTION_CHARS = 500
MAX_ENVIRONMENT_CHARS = 100


class AlertRule(DefaultBase):
    """When a project is alerted. `last_fired_us` moves with the messages that it stands for."""

    __tablename__ = "alert_rule"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    project_id: Mapped[UUID] = mapped_column(ForeignKey(PROJECT, ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(MAX_RULE_NAME_CHARS))
    description: Mapped[str] = mapped_column(String(MAX_DESCRIPTION_CHARS))
    rule_type: Mapped[str] = mapped_column(String(40))
    query: Mapped[str] = mapped_column(Text)
    """A JSON object: `schemas.errors.alerts.RuleQuery`."""
    threshold_window: Mapped[int]
    threshold_count: Mapped[int]
    environment: Mapped[str] = mapped_column(String(MAX_ENVIRONMENT_CHARS))
    enabled: Mapped[bool]
    cooldown_minutes: Mapped[int]
    state: Mapped[str] = mapped_column(String(16))
    last_fired_us: Mapped[int | None] = mapped_column(BigInteger)
    created_us: Mapped[int] = mapped_column(BigInteger)


class AlertRuleChannel(DefaultBase):
    """Which channels a rule tells."""

    __tablename__ = "alert_rule_channel"

    rule_id: Mapped[UUID] = mapped_column(
        ForeignKey("alert_rule.id", ondelete="CASCADE"), primary_key=True
    )
    channel_id: Mapped[UUID] = mapped_column(
        ForeignKey(CHANNEL, ondelete="CASCADE"), primary_key=True, index=True
    )


class AlertHit(DefaultBase):
    """Something that happened to an issue and that a rule has yet to tell of."""

    __tablename__ = "alert_hit"

    rule_id: Mapped[UUID] = mapped_column(
        ForeignKey("alert_rule.id", ondelete="CASCADE"), primary_key=True
    )
    activity_id: Mapped[UUID] = mapped_column(
        ForeignKey("issue_activity.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    title: Mapped[str] = mapped_column(Text)
    made_us: Mapped[int] = mapped_column(BigInteger)
