"""How long judges have failed and whether people know, and which calls were noted for judges."""

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None

TIMES = ("failing_us", "failed_us", "told_us")


def upgrade() -> None:
    """Add columns to judges, and create the table of places in the log."""
    failed = sa.Column("failed_calls", sa.Integer, nullable=False, server_default="0")
    op.add_column("judge", failed)
    for name in TIMES:
        op.add_column("judge", sa.Column(name, sa.BigInteger, nullable=True))
    op.create_table(
        "judge_mark",
        sa.Column("log_id", sa.String(64), nullable=False),
        sa.Column("log_partition", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("through", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("log_id", "log_partition", "kind", name="pk_judge_mark"),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("judge_mark")
    for name in (*TIMES, "failed_calls"):
        op.drop_column("judge", name)
