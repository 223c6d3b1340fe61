"""The last day that retention knows, and the projects that were purged."""

import sqlalchemy as sa
from advanced_alchemy.types import GUID, DateTimeUTC
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create both tables."""
    op.create_table(
        "retention_day",
        sa.Column("singleton", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        sa.PrimaryKeyConstraint("singleton", name="pk_retention_day"),
    )
    op.create_table(
        "purged_project",
        sa.Column("project_id", GUID(length=16), nullable=False),
        sa.Column("deleted_at", DateTimeUTC(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("project_id", name="pk_purged_project"),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("purged_project")
    op.drop_table("retention_day")
