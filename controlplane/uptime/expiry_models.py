"""The table of ends that people were told of. Times are microseconds since 1970 UTC."""

from advanced_alchemy.base import DefaultBase
from sqlalchemy import BigInteger, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.uptime.models import MONITOR


class MonitorExpiry(DefaultBase):
    """The end of a certificate or registration of a monitor that people were told of."""

    __tablename__ = "monitor_expiry"

    monitor_id: Mapped[str] = mapped_column(
        ForeignKey(MONITOR, ondelete="CASCADE"), primary_key=True
    )
    ends_us: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
