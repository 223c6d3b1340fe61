"""Judges, the calls that wait for them, what became of those, and what is to go into the log."""

import sqlalchemy as sa
from advanced_alchemy.types import GUID
from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

COUNTS = ("scored", "skipped", "failed", "dropped", "model_calls", "cost_pico", "unpriced")


def upgrade() -> None:
    """Create them."""
    op.create_table(
        "judge",
        sa.Column("id", GUID(length=16), nullable=False),
        sa.Column("project_id", GUID(length=16), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("form", sa.Text, nullable=False),
        sa.Column("enabled", sa.Boolean, nullable=False),
        sa.Column("asks_model", sa.Boolean, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sa.Column("next_us", sa.BigInteger, nullable=False),
        sa.Column("owner", sa.String(36), nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("stopped", sa.String(500), nullable=False),
        sa.Column("error", sa.String(500), nullable=False),
        sa.Column("error_us", sa.BigInteger, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_judge"),
        sa.UniqueConstraint("project_id", "name", name="uq_judge_name"),
        _of("judge", "project"),
    )
    _create_queue()
    _create_rest()


def downgrade() -> None:
    """Drop them."""
    for name in ("judge_word", "judge_day", "judge_queue", "judge"):
        op.drop_table(name)


def _create_queue() -> None:
    op.create_table(
        "judge_queue",
        sa.Column("id", GUID(length=16), nullable=False),
        sa.Column("judge_id", GUID(length=16), nullable=False),
        sa.Column("block", sa.String(64), nullable=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("turn_us", sa.BigInteger, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("calls", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_judge_queue"),
        sa.UniqueConstraint("judge_id", "block", name="uq_judge_queue_block"),
        _of("judge_queue", "judge"),
    )
    op.create_index("ix_judge_queue_turn", "judge_queue", ["judge_id", "turn_us", "id"])


def _create_rest() -> None:
    op.create_table(
        "judge_day",
        sa.Column("judge_id", GUID(length=16), nullable=False),
        sa.Column("day", sa.Integer, nullable=False, autoincrement=False),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in COUNTS),
        sa.PrimaryKeyConstraint("judge_id", "day", name="pk_judge_day"),
        _of("judge_day", "judge"),
    )
    op.create_table(
        "judge_word",
        sa.Column("id", GUID(length=16), nullable=False),
        sa.Column("project_id", GUID(length=16), nullable=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("item_id", sa.String(300), nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_judge_word"),
        _of("judge_word", "project"),
    )
    op.create_index("ix_judge_word_project_id", "judge_word", ["project_id"])
    op.create_index("ix_judge_word_at_us", "judge_word", ["at_us"])


def _of(table: str, other: str) -> sa.ForeignKeyConstraint:
    column = f"{other}_id"
    return sa.ForeignKeyConstraint(
        [column], [f"{other}.id"], name=f"fk_{table}_{column}_{other}", ondelete="CASCADE"
    )
