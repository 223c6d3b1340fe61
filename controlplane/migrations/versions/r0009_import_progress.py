"""How far imports of other servers' data have come."""

import sqlalchemy as sa
from advanced_alchemy.types import DateTimeUTC
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "import_progress",
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("part", sa.Text, nullable=False),
        sa.Column("log_id", sa.Text, nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("item_id", sa.Text, nullable=False),
        sa.Column("updated_at", DateTimeUTC(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("source", "part", "log_id", name="pk_import_progress"),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("import_progress")
