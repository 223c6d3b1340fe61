"""How far bills were corrected, and whose turn it is to write stored calls anew."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table, with its single row."""
    op.create_table(
        "bill_progress",
        sa.Column("singleton", sa.Integer, nullable=False),
        sa.Column("owner", sa.String(36), nullable=False),
        sa.Column("turn", sa.BigInteger, nullable=False),
        sa.Column("progress", sa.LargeBinary, nullable=False),
        sa.Column("changes", sa.LargeBinary, nullable=True),
        sa.PrimaryKeyConstraint("singleton", name="pk_bill_progress"),
    )
    table = sa.table(
        "bill_progress",
        sa.column("singleton", sa.Integer),
        sa.column("owner", sa.String),
        sa.column("turn", sa.BigInteger),
        sa.column("progress", sa.LargeBinary),
    )
    first = {"singleton": 1, "owner": "", "turn": 0, "progress": b"{}"}
    op.bulk_insert(table, [first])


def downgrade() -> None:
    """Drop it."""
    op.drop_table("bill_progress")
