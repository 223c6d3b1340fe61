"""The names of API keys that are no more."""

import sqlalchemy as sa
from advanced_alchemy.types import GUID
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create their table."""
    op.create_table(
        "former_key",
        sa.Column("id", GUID(length=16), nullable=False),
        sa.Column("project_id", GUID(length=16), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("revoked_us", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_former_key"),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["project.id"],
            name="fk_former_key_project_id_project",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_former_key_project_id", "former_key", ["project_id"])


def downgrade() -> None:
    """Drop it."""
    op.drop_table("former_key")
