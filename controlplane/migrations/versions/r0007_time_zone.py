"""The zone whose days a project counts by."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; what is there counts by UTC as before."""
    column = sa.Column("time_zone", sa.String(64), nullable=False, server_default="UTC")
    op.add_column("project", column)


def downgrade() -> None:
    """Drop it."""
    op.drop_column("project", "time_zone")
