"""Which probers share a region."""

import sqlalchemy as sa
from advanced_alchemy.types import GUID
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "prober_region",
        sa.Column("id", sa.String(80), nullable=False),
        sa.Column("project_id", GUID(length=16), nullable=True),
        sa.Column("region", sa.String(40), nullable=False),
        sa.Column("until_us", sa.BigInteger, nullable=False),
        sa.Column("shares", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_prober_region"),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["project.id"],
            ondelete="CASCADE",
            name="fk_prober_region_project_id_project",
        ),
    )
    op.create_index("ix_prober_region_region", "prober_region", ["region", "until_us"])


def downgrade() -> None:
    """Drop it."""
    op.drop_table("prober_region")
