"""Heartbeat monitors: ping URLs, schedules, and what is to become checks of them."""

import sqlalchemy as sa
from advanced_alchemy.types import GUID
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    _create_heartbeats()
    _create_words()


def downgrade() -> None:
    """Drop them."""
    for name in ("heartbeat_watch", "heartbeat_word", "heartbeat"):
        op.drop_table(name)


def _create_heartbeats() -> None:
    op.create_table(
        "heartbeat",
        sa.Column("monitor_id", sa.String(12), nullable=False),
        sa.Column("project_id", GUID(length=16), nullable=False),
        sa.Column("secret_hash", sa.String(64), nullable=False),
        sa.Column("sealed_secret", sa.LargeBinary, nullable=False),
        sa.Column("slug", sa.String(50), nullable=True),
        sa.Column("environment", sa.String(64), nullable=False),
        sa.Column("is_upserted", sa.Boolean, nullable=False),
        sa.Column("schedule", sa.Text, nullable=False),
        sa.Column("since_us", sa.BigInteger, nullable=False),
        sa.Column("heard_us", sa.BigInteger, nullable=True),
        sa.Column("started_us", sa.BigInteger, nullable=True),
        sa.Column("look_at_us", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("monitor_id", name="pk_heartbeat"),
        sa.UniqueConstraint("secret_hash", name="uq_heartbeat_secret_hash"),
        _of("heartbeat", "monitor"),
        _of("heartbeat", "project"),
    )
    slug = ["project_id", "slug", "environment"]
    op.create_index("uq_heartbeat_slug", "heartbeat", slug, unique=True)
    op.create_index("ix_heartbeat_look_at_us", "heartbeat", ["look_at_us"])


def _create_words() -> None:
    op.create_table(
        "heartbeat_word",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("project_id", GUID(length=16), nullable=False),
        sa.Column("word", sa.LargeBinary, nullable=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_heartbeat_word"),
        _of("heartbeat_word", "project"),
    )
    op.create_index("ix_heartbeat_word_at_us", "heartbeat_word", ["at_us"])
    op.create_table(
        "heartbeat_watch",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("deaf_from_us", sa.BigInteger, nullable=False),
        sa.Column("deaf_until_us", sa.BigInteger, nullable=False),
        sa.Column("listened_us", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_heartbeat_watch"),
    )


def _of(table: str, parent: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [f"{parent}_id"],
        [f"{parent}.id"],
        ondelete="CASCADE",
        name=f"fk_{table}_{parent}_id_{parent}",
    )
