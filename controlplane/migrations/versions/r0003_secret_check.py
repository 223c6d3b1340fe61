"""What tells the installation's secret from another; planted at a start, read at each."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "secret_check",
        sa.Column("singleton", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=True),
        sa.PrimaryKeyConstraint("singleton", name="pk_secret_check"),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("secret_check")
