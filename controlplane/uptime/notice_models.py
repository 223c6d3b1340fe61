"""What was noted of monitors beside their states: each once, whoever looks."""

from uuid import UUID

from advanced_alchemy.base import DefaultBase
from sqlalchemy import BigInteger, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.uptime.models import MONITOR

IS_OPEN = text("ended_us IS NULL")


class MonitorNotice(DefaultBase):
    """That an event was written: a breach of a month, a burning budget, unusual latency."""

    __tablename__ = "monitor_notice"
    __table_args__ = (
        Index(
            "uq_monitor_notice_open",
            "monitor_id",
            "kind",
            "period",
            unique=True,
            sqlite_where=IS_OPEN,
            postgresql_where=IS_OPEN,
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    monitor_id: Mapped[str] = mapped_column(ForeignKey(MONITOR, ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(24))
    """The type of the event."""
    period: Mapped[str] = mapped_column(String(16))
    """Which of its sort: a month as 2026-10, or a pair of windows."""
    began_us: Mapped[int] = mapped_column(BigInteger)
    ended_us: Mapped[int | None] = mapped_column(BigInteger)
    """Since when it is over, so that the next one is an event again. A breach stays."""
