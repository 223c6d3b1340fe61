"""The changes of a reprice run's pending chunk, so that they can be repeated exactly."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

FAILED = sa.text("SELECT id, progress FROM reprice_run WHERE state = 'failed'")
AGAIN = sa.text("UPDATE reprice_run SET state = 'running' WHERE id = :id")


def upgrade() -> None:
    """Add the column; have failed runs that left a chunk half done go on."""
    op.add_column("reprice_run", sa.Column("changes", sa.LargeBinary, nullable=True))
    bind = op.get_bind()
    for run_id, progress in bind.execute(FAILED).all():
        if json.loads(bytes(progress)).get("pending"):
            bind.execute(AGAIN, {"id": run_id})


def downgrade() -> None:
    """Drop the column."""
    op.drop_column("reprice_run", "changes")
