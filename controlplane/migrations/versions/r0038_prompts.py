"""Prompts that are kept, their versions, and the labels of these."""

import sqlalchemy as sa
from advanced_alchemy.types import GUID
from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create them."""
    op.create_table(
        "kept_prompt",
        sa.Column("id", GUID(length=16), nullable=False),
        sa.Column("project_id", GUID(length=16), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("latest", sa.Integer, nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sa.Column("updated_us", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_kept_prompt"),
        sa.UniqueConstraint("project_id", "name", name="uq_kept_prompt_name"),
        _of("kept_prompt", "project", "project_id"),
    )
    op.create_table(
        "kept_prompt_version",
        sa.Column("prompt_id", GUID(length=16), nullable=False),
        sa.Column("number", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("config", sa.Text, nullable=False),
        sa.Column("message", sa.String(500), nullable=False),
        sa.Column("author", sa.String(320), nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("prompt_id", "number", name="pk_kept_prompt_version"),
        _of("kept_prompt_version", "kept_prompt", "prompt_id"),
    )
    op.create_table(
        "kept_prompt_label",
        sa.Column("prompt_id", GUID(length=16), nullable=False),
        sa.Column("label", sa.String(64), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("prompt_id", "label", name="pk_kept_prompt_label"),
        _of("kept_prompt_label", "kept_prompt", "prompt_id"),
    )


def downgrade() -> None:
    """Drop them."""
    for name in ("kept_prompt_label", "kept_prompt_version", "kept_prompt"):
        op.drop_table(name)


def _of(table: str, other: str, column: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column], [f"{other}.id"], name=f"fk_{table}_{column}_{other}", ondelete="CASCADE"
    )
