"""What API tokens may do of single subjects."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; tokens that there are keep their scope alone."""
    op.add_column(
        "api_token", sa.Column("subjects", sa.String(200), nullable=False, server_default="")
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_column("api_token", "subjects")
