"""Scheduled exports."""

import sqlalchemy as sa
from advanced_alchemy.types import GUID
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "export_schedule",
        sa.Column("project_id", GUID(length=16), nullable=False),
        sa.Column("every", sa.String(8), nullable=False),
        sa.Column("format", sa.String(8), nullable=False),
        sa.Column("place", sa.String(8), nullable=False),
        sa.Column("next_us", sa.BigInteger, nullable=False),
        sa.Column("owner", sa.String(36), nullable=False),
        sa.Column("done_before_us", sa.BigInteger, nullable=False),
        sa.Column("started_us", sa.BigInteger, nullable=True),
        sa.Column("ended_us", sa.BigInteger, nullable=True),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("error", sa.String(500), nullable=False),
        sa.PrimaryKeyConstraint("project_id", name="pk_export_schedule"),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["project.id"],
            ondelete="CASCADE",
            name="fk_export_schedule_project_id_project",
        ),
    )
    op.create_index("ix_export_schedule_next_us", "export_schedule", ["next_us"])


def downgrade() -> None:
    """Drop it."""
    op.drop_table("export_schedule")
