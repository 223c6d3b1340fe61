"""The table of webhooks. Times are microseconds since 1970 UTC."""

from uuid import UUID

from advanced_alchemy.base import DefaultBase
from sqlalchemy import BigInteger, ForeignKey, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.models import Project
from schemas.webhooks import MAX_DESCRIPTION_CHARS

ID_CHARS = 12
MAX_TARGET_CHARS = 200


class Webhook(DefaultBase):
    """Where events of a project are posted."""

    __tablename__ = "webhook"

    id: Mapped[str] = mapped_column(String(ID_CHARS), primary_key=True)
    project_id: Mapped[UUID] = mapped_column(
        ForeignKey(f"{Project.__tablename__}.id", ondelete="CASCADE"), index=True
    )
    sealed_secret: Mapped[bytes] = mapped_column(LargeBinary)
    """A `schemas.webhooks.WebhookSecret` as JSON; it opens for its own id alone."""
    target: Mapped[str] = mapped_column(String(MAX_TARGET_CHARS))
    events: Mapped[str] = mapped_column(Text)
    """A JSON array of types; empty for all."""
    description: Mapped[str] = mapped_column(String(MAX_DESCRIPTION_CHARS))
    created_us: Mapped[int] = mapped_column(BigInteger)
