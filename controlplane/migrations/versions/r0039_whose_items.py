"""Whom items of datasets are of, who added items of queues, and reviewers without an account."""

import sqlalchemy as sa
from advanced_alchemy.types import GUID
from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add them; of items that are there nobody is known yet."""
    with op.batch_alter_table("dataset_item") as table:
        table.add_column(sa.Column("user_id", sa.String(512), nullable=False, server_default=""))
        table.add_column(sa.Column("session_id", sa.String(200), nullable=False, server_default=""))
    with op.batch_alter_table("annotation_item") as table:
        table.add_column(sa.Column("added_by", GUID(length=16), nullable=True))
    with op.batch_alter_table("annotation_review") as table:
        table.add_column(sa.Column("called", sa.String(120), nullable=False, server_default=""))


def downgrade() -> None:
    """Drop them."""
    with op.batch_alter_table("annotation_review") as table:
        table.drop_column("called")
    with op.batch_alter_table("annotation_item") as table:
        table.drop_column("added_by")
    with op.batch_alter_table("dataset_item") as table:
        table.drop_column("session_id")
        table.drop_column("user_id")
