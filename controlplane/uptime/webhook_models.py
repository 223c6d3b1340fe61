"""Tables of webhooks, and of ends that people were told of. Times are microseconds since 1970."""

from uuid import UUID

from advanced_alchemy.base import DefaultBase
from sqlalchemy import BigInteger, ForeignKey, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.uptime.models import ID_CHARS, MONITOR, PROJECT
from schemas.uptime.webhooks import MAX_DESCRIPTION_CHARS

MAX_TARGET_CHARS = 200


class Webhook(DefaultBase):
    """Where events of a project are posted."""

    __tablename__ = "webhook"

    id: Mapped[str] = mapped_column(String(ID_CHARS), primary_key=True)
    project_id: Mapped[UUID] = mapped_column(ForeignKey(PROJECT, ondelete="CASCADE"), index=True)
    sealed_secret: Mapped[bytes] = mapped_column(LargeBinary)
    """A `schemas.uptime.webhooks.WebhookSecret` as JSON; it opens for its own id alone."""
    target: Mapped[str] = mapped_column(String(MAX_TARGET_CHARS))
    events: Mapped[str] = mapped_column(Text)
    """A JSON array of types; empty for all."""
    description: Mapped[str] = mapped_column(String(MAX_DESCRIPTION_CHARS))
    created_us: Mapped[int] = mapped_column(BigInteger)


class MonitorExpiry(DefaultBase):
    """The end of a certificate or registration of a monitor that people were told of."""

    __tablename__ = "monitor_expiry"

    monitor_id: Mapped[str] = mapped_column(
        ForeignKey(MONITOR, ondelete="CASCADE"), primary_key=True
    )
    ends_us: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
