"""Budgets, the channels that they tell, and what was told."""

import sqlalchemy as sa
from advanced_alchemy.types import GUID
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create them."""
    op.create_table(
        "budget",
        sa.Column("id", GUID(length=16), nullable=False),
        sa.Column("project_id", GUID(length=16), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("form", sa.Text, nullable=False),
        sa.Column("enabled", sa.Boolean, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_budget"),
        _of("budget", "project"),
    )
    op.create_index("ix_budget_project_id", "budget", ["project_id"])
    op.create_table(
        "budget_channel",
        sa.Column("budget_id", GUID(length=16), nullable=False),
        sa.Column("channel_id", GUID(length=16), nullable=False),
        sa.PrimaryKeyConstraint("budget_id", "channel_id", name="pk_budget_channel"),
        _of("budget_channel", "budget"),
        _of("budget_channel", "alert_channel", "channel_id"),
    )
    op.create_index("ix_budget_channel_channel_id", "budget_channel", ["channel_id"])
    _create_alerts()


def downgrade() -> None:
    """Drop them."""
    for name in ("budget_alert", "budget_channel", "budget"):
        op.drop_table(name)


def _create_alerts() -> None:
    op.create_table(
        "budget_alert",
        sa.Column("id", GUID(length=16), nullable=False),
        sa.Column("project_id", GUID(length=16), nullable=False),
        sa.Column("budget_id", GUID(length=16), nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("window_us", sa.BigInteger, nullable=False),
        sa.Column("entity_key", sa.String(64), nullable=False),
        sa.Column("threshold", sa.Integer, nullable=False),
        sa.Column("entity", sa.Text, nullable=True),
        sa.Column("measure", sa.String(16), nullable=False),
        sa.Column("spent", sa.String(40), nullable=False),
        sa.Column("amount", sa.String(40), nullable=False),
        sa.Column("is_told", sa.Boolean, nullable=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_budget_alert"),
        _of("budget_alert", "project"),
        _of("budget_alert", "budget"),
        sa.UniqueConstraint(
            *("budget_id", "revision", "kind", "window_us", "entity_key", "threshold"),
            name="uq_budget_alert_once",
        ),
    )
    op.create_index("ix_budget_alert_project", "budget_alert", ["project_id", "at_us", "id"])


def _of(table: str, other: str, column: str | None = None) -> sa.ForeignKeyConstraint:
    column = column or f"{other}_id"
    return sa.ForeignKeyConstraint(
        [column], [f"{other}.id"], name=f"fk_{table}_{column}_{other}", ondelete="CASCADE"
    )
