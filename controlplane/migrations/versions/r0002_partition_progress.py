"""Progress of the partitions of a shared log.

Written by each worker, twice a block; read by the worker that takes a partition over. One row for
each partition of each topic ever made.
"""

import sqlalchemy as sa
from advanced_alchemy.types import DateTimeUTC
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "partition_progress",
        sa.Column("log_id", sa.Text, nullable=False),
        sa.Column("topic", sa.Text, nullable=False),
        sa.Column("partition", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("stored_through", sa.BigInteger, nullable=False),
        sa.Column("pending_first", sa.BigInteger, nullable=True),
        sa.Column("pending_last", sa.BigInteger, nullable=True),
        sa.Column("pending_apart", sa.Boolean, nullable=True),
        sa.Column("pending_epoch", sa.Text, nullable=True),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("owner_epoch", sa.BigInteger, nullable=False),
        sa.Column("updated_at", DateTimeUTC(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("log_id", "topic", "partition", name="pk_partition_progress"),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("partition_progress")
