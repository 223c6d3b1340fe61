"""Alert rules, channels, and the messages that go out; which happenings alerts have looked at."""

import sqlalchemy as sa
from advanced_alchemy.types import GUID
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

TABLES = ("alert_outbox", "alert_hit", "alert_rule_channel", "alert_channel", "alert_rule")
UNSEEN = sa.text("looked_us IS NULL AND kind IN ('created', 'regressed')")


def upgrade() -> None:
    """Create them. What happened before is not alerted of."""
    op.add_column("issue_activity", sa.Column("looked_us", sa.BigInteger, nullable=True))
    op.execute("UPDATE issue_activity SET looked_us = 0")
    op.create_index(
        "ix_issue_activity_unseen",
        "issue_activity",
        ["at_us"],
        sqlite_where=UNSEEN,
        postgresql_where=UNSEEN,
    )
    _create_rules()
    _create_links()
    _create_outbox()


def downgrade() -> None:
    """Drop them."""
    for name in TABLES:
        op.drop_table(name)
    op.drop_index("ix_issue_activity_unseen", "issue_activity")
    op.drop_column("issue_activity", "looked_us")


def _create_rules() -> None:
    op.create_table(
        "alert_rule",
        sa.Column("id", GUID(length=16), nullable=False),
        sa.Column("project_id", GUID(length=16), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("description", sa.String(500), nullable=False),
        sa.Column("rule_type", sa.String(40), nullable=False),
        sa.Column("query", sa.Text, nullable=False),
        sa.Column("threshold_window", sa.Integer, nullable=False),
        sa.Column("threshold_count", sa.Integer, nullable=False),
        sa.Column("environment", sa.String(100), nullable=False),
        sa.Column("enabled", sa.Boolean, nullable=False),
        sa.Column("cooldown_minutes", sa.Integer, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("last_fired_us", sa.BigInteger, nullable=True),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_alert_rule"),
        _of("alert_rule", "project"),
    )
    op.create_table(
        "alert_channel",
        sa.Column("id", GUID(length=16), nullable=False),
        sa.Column("project_id", GUID(length=16), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("target", sa.String(200), nullable=False),
        sa.Column("sealed_config", sa.LargeBinary, nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_alert_channel"),
        _of("alert_channel", "project"),
    )
    for table in ("alert_rule", "alert_channel"):
        op.create_index(f"ix_{table}_project_id", table, ["project_id"])


def _create_links() -> None:
    op.create_table(
        "alert_rule_channel",
        sa.Column("rule_id", GUID(length=16), nullable=False),
        sa.Column("channel_id", GUID(length=16), nullable=False),
        sa.PrimaryKeyConstraint("rule_id", "channel_id", name="pk_alert_rule_channel"),
        _of("alert_rule_channel", "alert_rule", "rule_id"),
        _of("alert_rule_channel", "alert_channel", "channel_id"),
    )
    op.create_index("ix_alert_rule_channel_channel_id", "alert_rule_channel", ["channel_id"])
    op.create_table(
        "alert_hit",
        sa.Column("rule_id", GUID(length=16), nullable=False),
        sa.Column("activity_id", GUID(length=16), nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("made_us", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("rule_id", "activity_id", name="pk_alert_hit"),
        _of("alert_hit", "alert_rule", "rule_id"),
        _of("alert_hit", "issue_activity", "activity_id"),
    )
    op.create_index("ix_alert_hit_activity_id", "alert_hit", ["activity_id"])


def _create_outbox() -> None:
    op.create_table(
        "alert_outbox",
        sa.Column("id", GUID(length=16), nullable=False),
        sa.Column("project_id", GUID(length=16), nullable=False),
        sa.Column("rule_id", GUID(length=16), nullable=False),
        sa.Column("channel_id", GUID(length=16), nullable=False),
        sa.Column("dedupe_key", sa.String(120), nullable=False),
        sa.Column("payload", sa.Text, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_attempt_us", sa.BigInteger, nullable=False),
        sa.Column("last_status", sa.Integer, nullable=True),
        sa.Column("last_error", sa.String(4000), nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sa.Column("delivered_us", sa.BigInteger, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_alert_outbox"),
        sa.UniqueConstraint("dedupe_key", name="uq_alert_outbox_dedupe_key"),
        _of("alert_outbox", "project"),
        _of("alert_outbox", "alert_rule", "rule_id"),
        _of("alert_outbox", "alert_channel", "channel_id"),
    )
    for column in ("rule_id", "channel_id"):
        op.create_index(f"ix_alert_outbox_{column}", "alert_outbox", [column])
    op.create_index("ix_alert_outbox_due", "alert_outbox", ["state", "next_attempt_us"])
    op.create_index("ix_alert_outbox_project", "alert_outbox", ["project_id", "created_us", "id"])


def _of(table: str, other: str, column: str = "project_id") -> sa.ForeignKeyConstraint:
    name = f"fk_{table}_{column}_{other}"
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], ondelete="CASCADE", name=name)
