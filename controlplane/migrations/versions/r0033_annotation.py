"""Annotation queues, their items, and who looked at them."""

import sqlalchemy as sa
from advanced_alchemy.types import GUID
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create them."""
    op.create_table(
        "annotation_queue",
        sa.Column("id", GUID(length=16), nullable=False),
        sa.Column("project_id", GUID(length=16), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("form", sa.Text, nullable=False),
        sa.Column("reviewers", sa.Integer, nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_annotation_queue"),
        _of("annotation_queue", "project", "project_id"),
        sa.UniqueConstraint("project_id", "name", name="uq_annotation_queue_name"),
    )
    _create_items()
    op.create_table(
        "annotation_review",
        sa.Column("item_id", GUID(length=16), nullable=False),
        sa.Column("user_id", GUID(length=16), nullable=False),
        sa.Column("queue_id", GUID(length=16), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("until_us", sa.BigInteger, nullable=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("item_id", "user_id", name="pk_annotation_review"),
        _of("annotation_review", "annotation_item", "item_id"),
        _of("annotation_review", "annotation_queue", "queue_id"),
    )
    op.create_index(
        "ix_annotation_review_person", "annotation_review", ["queue_id", "user_id", "state"]
    )


def downgrade() -> None:
    """Drop them."""
    for name in ("annotation_review", "annotation_item", "annotation_queue"):
        op.drop_table(name)


def _create_items() -> None:
    op.create_table(
        "annotation_item",
        sa.Column("id", GUID(length=16), nullable=False),
        sa.Column("queue_id", GUID(length=16), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("target", sa.String(64), nullable=False),
        sa.Column("trace_id", sa.String(200), nullable=False),
        sa.Column("span_id", sa.String(200), nullable=False),
        sa.Column("session_id", sa.String(200), nullable=False),
        sa.Column("added_us", sa.BigInteger, nullable=False),
        sa.Column("reviews", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_annotation_item"),
        _of("annotation_item", "annotation_queue", "queue_id"),
        sa.UniqueConstraint("queue_id", "target", name="uq_annotation_item_target"),
        sa.UniqueConstraint("queue_id", "number", name="uq_annotation_item_number"),
    )


def _of(table: str, other: str, column: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column], [f"{other}.id"], name=f"fk_{table}_{column}_{other}", ondelete="CASCADE"
    )
