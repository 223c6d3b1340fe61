"""How each project masks and groups its errors."""

import sqlalchemy as sa
from advanced_alchemy.types import GUID, DateTimeUTC
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "error_setting",
        sa.Column("project_id", GUID(length=16), nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("grouping", sa.Text, nullable=False),
        sa.Column("masking", sa.Text, nullable=False),
        sa.Column("changed_at", DateTimeUTC(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("project_id", name="pk_error_setting"),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["project.id"],
            ondelete="CASCADE",
            name="fk_error_setting_project_id_project",
        ),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("error_setting")
