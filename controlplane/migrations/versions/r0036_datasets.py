"""Datasets, their items in every version, and the runs that were announced."""

import sqlalchemy as sa
from advanced_alchemy.types import GUID
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create them."""
    op.create_table(
        "dataset",
        sa.Column("id", GUID(length=16), nullable=False),
        sa.Column("project_id", GUID(length=16), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("details", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("revisions", sa.Integer, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sa.Column("changed_us", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_dataset"),
        _of("dataset", "project"),
        sa.UniqueConstraint("project_id", "name", name="uq_dataset_name"),
    )
    _create_items()
    op.create_table(
        "dataset_run",
        sa.Column("dataset_id", GUID(length=16), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("details", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("dataset_id", "name", name="pk_dataset_run"),
        _of("dataset_run", "dataset"),
    )


def downgrade() -> None:
    """Drop them."""
    for name in ("dataset_run", "dataset_item", "dataset"):
        op.drop_table(name)


def _create_items() -> None:
    op.create_table(
        "dataset_item",
        sa.Column("dataset_id", GUID(length=16), nullable=False),
        sa.Column("item_id", sa.String(200), nullable=False),
        sa.Column("since", sa.Integer, nullable=False),
        sa.Column("until", sa.Integer, nullable=False),
        sa.Column("place", sa.Integer, nullable=False),
        sa.Column("input", sa.Text, nullable=False),
        sa.Column("expected", sa.Text, nullable=False),
        sa.Column("details", sa.Text, nullable=False),
        sa.Column("archived", sa.Boolean, nullable=False),
        sa.Column("trace_id", sa.String(200), nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("dataset_id", "item_id", "since", name="pk_dataset_item"),
        _of("dataset_item", "dataset"),
    )
    op.create_index("ix_dataset_item_place", "dataset_item", ["dataset_id", "place"])
    op.create_index("ix_dataset_item_trace", "dataset_item", ["dataset_id", "trace_id"])


def _of(table: str, other: str) -> sa.ForeignKeyConstraint:
    column = f"{other}_id"
    return sa.ForeignKeyConstraint(
        [column], [f"{other}.id"], name=f"fk_{table}_{column}_{other}", ondelete="CASCADE"
    )
