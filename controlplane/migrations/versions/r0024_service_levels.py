"""Promised uptime and alerts of latency; what was noted of them; outages by time."""

import sqlalchemy as sa
from advanced_alchemy.types import GUID
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

OPEN = sa.text("ended_us IS NULL")
OUTAGE = sa.text("region = '' AND after = 'down'")


def upgrade() -> None:
    """Create them; monitors that are there have the usual promise, 99.9 %."""
    target = sa.Column("target_ppm", sa.Integer, nullable=False, server_default="999000")
    alerts = sa.Column("latency_alerts", sa.Boolean, nullable=False, server_default=sa.false())
    op.add_column("monitor", target)
    op.add_column("monitor", alerts)
    op.create_table(
        "monitor_notice",
        sa.Column("id", GUID(length=16), nullable=False),
        sa.Column("monitor_id", sa.String(12), nullable=False),
        sa.Column("kind", sa.String(24), nullable=False),
        sa.Column("period", sa.String(16), nullable=False),
        sa.Column("began_us", sa.BigInteger, nullable=False),
        sa.Column("ended_us", sa.BigInteger, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_monitor_notice"),
        sa.ForeignKeyConstraint(
            ["monitor_id"],
            ["monitor.id"],
            ondelete="CASCADE",
            name="fk_monitor_notice_monitor_id_monitor",
        ),
    )
    op.create_index(
        "uq_monitor_notice_open",
        "monitor_notice",
        ["monitor_id", "kind", "period"],
        unique=True,
        sqlite_where=OPEN,
        postgresql_where=OPEN,
    )
    op.create_index(
        "ix_monitor_flip_outage",
        "monitor_flip",
        ["at_us"],
        sqlite_where=OUTAGE,
        postgresql_where=OUTAGE,
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_index("ix_monitor_flip_outage", "monitor_flip")
    op.drop_table("monitor_notice")
    op.drop_column("monitor", "latency_alerts")
    op.drop_column("monitor", "target_ppm")
