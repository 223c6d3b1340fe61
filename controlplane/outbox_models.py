"""Channels, and one outbox for all that is sent. Times are microseconds since 1970 UTC."""

from uuid import UUID

from advanced_alchemy.base import DefaultBase
from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.models import Project

PROJECT = f"{Project.__tablename__}.id"
CHANNEL = "alert_channel.id"
MAX_CHANNEL_NAME_CHARS = 120
MAX_ERROR_CHARS = 4000
MAX_SHOWN_CHARS = 200


class AlertChannel(DefaultBase):
    """Where alerts go. Its configuration is sealed, and opens for its own id alone."""

    __tablename__ = "alert_channel"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    project_id: Mapped[UUID] = mapped_column(ForeignKey(PROJECT, ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(MAX_CHANNEL_NAME_CHARS))
    kind: Mapped[str] = mapped_column(String(16))
    target: Mapped[str] = mapped_column(String(200))
    sealed_config: Mapped[bytes] = mapped_column(LargeBinary)
    created_us: Mapped[int] = mapped_column(BigInteger)


class AlertOutbox(DefaultBase):
    """One message to one target: what is sent, and what became of it."""

    __tablename__ = "alert_outbox"
    __table_args__ = (
        Index("ix_alert_outbox_due", "state", "next_attempt_us"),
        Index("ix_alert_outbox_project", "project_id", "created_us", "id"),
        Index("ix_alert_outbox_webhook", "webhook_id", "created_us", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    project_id: Mapped[UUID] = mapped_column(ForeignKey(PROJECT, ondelete="CASCADE"))
    source: Mapped[str] = mapped_column(String(16))
    """`schemas.messages.Source`: what the payload is, and by which plan it is tried again."""
    rule_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("alert_rule.id", ondelete="CASCADE"), index=True
    )
    """Of alerts of errors."""
    channel_id: Mapped[UUID | None] = mapped_column(
        ForeignKey(CHANNEL, ondelete="CASCADE"), index=True
    )
    """Where it goes; without one, `webhook_id` or `sealed_target` says so."""
    webhook_id: Mapped[str | None] = mapped_column(ForeignKey("webhook.id", ondelete="CASCADE"))
    target_kind: Mapped[str] = mapped_column(String(16))
    """Of a target without a channel: `schemas.channels.ChannelKind`."""
    target: Mapped[str] = mapped_column(String(MAX_SHOWN_CHARS))
    """Says where it goes, without what must stay secret."""
    sealed_target: Mapped[bytes | None] = mapped_column(LargeBinary)
    """A `schemas.channels.ChannelConfig` as JSON; it opens for the message's id alone."""
    after_id: Mapped[UUID | None]
    """A message to the same target that must be through before: an alert before its recovery."""
    dedupe_key: Mapped[str] = mapped_column(String(120), unique=True)
    payload: Mapped[str] = mapped_column(Text)
    """A JSON object: `schemas.errors.alerts.Alert`, or `schemas.messages.Message`."""
    state: Mapped[str] = mapped_column(String(16))
    attempts: Mapped[int]
    """It is also the number of the lease: only its holder says what an attempt came to."""
    next_attempt_us: Mapped[int] = mapped_column(BigInteger)
    """While an attempt runs: when its lease ends."""
    last_status: Mapped[int | None]
    last_error: Mapped[str] = mapped_column(String(MAX_ERROR_CHARS))
    created_us: Mapped[int] = mapped_column(BigInteger)
    delivered_us: Mapped[int | None] = mapped_column(BigInteger)
