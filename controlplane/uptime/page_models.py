"""The tables of public status pages. Times are microseconds since 1970 UTC."""

from uuid import UUID

from advanced_alchemy.base import DefaultBase
from sqlalchemy import BigInteger, ForeignKey, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, deferred, mapped_column

from controlplane.uptime.models import ID_CHARS, PROJECT


class StatusPageRow(DefaultBase):
    """A page that everybody may read once it is published."""

    __tablename__ = "status_page"

    id: Mapped[str] = mapped_column(String(ID_CHARS), primary_key=True)
    project_id: Mapped[UUID] = mapped_column(ForeignKey(PROJECT, ondelete="CASCADE"), index=True)
    slug: Mapped[str] = mapped_column(String(63), unique=True)
    published: Mapped[bool]
    config: Mapped[str] = mapped_column(Text)
    """A JSON object: `schemas.uptime.status_pages.PageConfig`."""
    logo: Mapped[bytes | None] = deferred(mapped_column(LargeBinary))
    """Not read where a page is only named or counted."""
    logo_mark: Mapped[str] = mapped_column(String(16))
    created_us: Mapped[int] = mapped_column(BigInteger)
    updated_us: Mapped[int] = mapped_column(BigInteger)
    told_us: Mapped[int] = mapped_column(BigInteger)
    """What was noted until then was told to subscribers, or was before there were any."""


class StatusSubscriber(DefaultBase):
    """Somebody who wants to be told what a page says. The address is sealed; a hash finds it."""

    __tablename__ = "status_subscriber"
    __table_args__ = (
        UniqueConstraint("page_id", "target_hash", name="uq_status_subscriber_page_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    page_id: Mapped[str] = mapped_column(ForeignKey("status_page.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(8))
    """`email` or `webhook`."""
    target_hash: Mapped[str] = mapped_column(String(64), index=True)
    sealed_target: Mapped[bytes] = mapped_column(LargeBinary)
    is_confirmed: Mapped[bool]
    asked_us: Mapped[int] = mapped_column(BigInteger)
    """When the last request to confirm went out."""
    created_us: Mapped[int] = mapped_column(BigInteger)
