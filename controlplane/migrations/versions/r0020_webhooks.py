"""Webhooks, their messages in the outbox, and ends of certificates that people were told of."""

import sqlalchemy as sa
from advanced_alchemy.types import GUID
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables, and widen the outbox."""
    op.create_table(
        "webhook",
        sa.Column("id", sa.String(12), nullable=False),
        sa.Column("project_id", GUID(length=16), nullable=False),
        sa.Column("sealed_secret", sa.LargeBinary, nullable=False),
        sa.Column("target", sa.String(200), nullable=False),
        sa.Column("events", sa.Text, nullable=False),
        sa.Column("description", sa.String(200), nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_webhook"),
        _of("webhook", "project"),
    )
    op.create_index("ix_webhook_project_id", "webhook", ["project_id"])
    op.create_table(
        "monitor_expiry",
        sa.Column("monitor_id", sa.String(12), nullable=False),
        sa.Column("ends_us", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("monitor_id", "ends_us", name="pk_monitor_expiry"),
        _of("monitor_expiry", "monitor"),
    )
    with op.batch_alter_table("alert_outbox") as outbox:
        outbox.add_column(sa.Column("webhook_id", sa.String(12), nullable=True))
        outbox.create_foreign_key(
            "fk_alert_outbox_webhook_id_webhook",
            "webhook",
            ["webhook_id"],
            ["id"],
            ondelete="CASCADE",
        )
    op.create_index("ix_alert_outbox_webhook", "alert_outbox", ["webhook_id", "created_us", "id"])


def downgrade() -> None:
    """Drop them, with the messages to webhooks."""
    op.execute("DELETE FROM alert_outbox WHERE webhook_id IS NOT NULL")
    op.drop_index("ix_alert_outbox_webhook", "alert_outbox")
    with op.batch_alter_table("alert_outbox") as outbox:
        outbox.drop_constraint("fk_alert_outbox_webhook_id_webhook", type_="foreignkey")
        outbox.drop_column("webhook_id")
    op.drop_table("monitor_expiry")
    op.drop_table("webhook")


def _of(table: str, parent: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [f"{parent}_id"],
        [f"{parent}.id"],
        ondelete="CASCADE",
        name=f"fk_{table}_{parent}_id_{parent}",
    )
