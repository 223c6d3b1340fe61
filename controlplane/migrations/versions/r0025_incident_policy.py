"""Incidents with an escalation policy of their own."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the column."""
    op.add_column("incident", sa.Column("escalation_policy", sa.String(100), nullable=True))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("incident", "escalation_policy")
