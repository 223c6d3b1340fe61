"""Times of monitors that people have voided; for how long an acknowledgement holds."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table and the column."""
    op.add_column("monitor", sa.Column("ack_ttl_s", sa.Integer, nullable=False, server_default="0"))
    op.create_table(
        "monitor_exclusion",
        sa.Column("id", sa.String(12), nullable=False),
        sa.Column("monitor_id", sa.String(12), nullable=False),
        sa.Column("from_us", sa.BigInteger, nullable=False),
        sa.Column("until_us", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("author", sa.String(200), nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_monitor_exclusion"),
        sa.ForeignKeyConstraint(
            ["monitor_id"],
            ["monitor.id"],
            ondelete="CASCADE",
            name="fk_monitor_exclusion_monitor_id_monitor",
        ),
    )
    op.create_index("ix_monitor_exclusion_monitor_id", "monitor_exclusion", ["monitor_id"])


def downgrade() -> None:
    """Drop them."""
    op.drop_table("monitor_exclusion")
    op.drop_column("monitor", "ack_ttl_s")
