"""Events of uptime, policies of escalation, who was told; one outbox for messages of all sorts."""

import json

import sqlalchemy as sa
from advanced_alchemy.types import GUID
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

TABLES = ("incident_notice", "incident_paging", "escalation_policy", "uptime_event")


def upgrade() -> None:
    """Create the tables, and widen the outbox."""
    _create_events()
    _create_policies()
    _widen_outbox()
    _rewrite_waiting()
    _create_paging()


def downgrade() -> None:
    """Drop them. Messages that are not of an alert rule go too."""
    for name in TABLES:
        op.drop_table(name)
    op.execute("DELETE FROM alert_outbox WHERE rule_id IS NULL OR channel_id IS NULL")
    with op.batch_alter_table("alert_outbox") as outbox:
        for column in ("after_id", "sealed_target", "target", "target_kind", "source"):
            outbox.drop_column(column)
        for column in ("rule_id", "channel_id"):
            outbox.alter_column(column, existing_type=GUID(length=16), nullable=False)


def _create_events() -> None:
    op.create_table(
        "uptime_event",
        sa.Column("id", GUID(length=16), nullable=False),
        sa.Column("project_id", GUID(length=16), nullable=False),
        sa.Column("monitor_id", sa.String(12), nullable=True),
        sa.Column("incident_id", sa.String(12), nullable=True),
        sa.Column("type", sa.String(40), nullable=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("noted_us", sa.BigInteger, nullable=False),
        sa.Column("is_quiet", sa.Boolean, nullable=False),
        sa.Column("details", sa.Text, nullable=False),
        sa.Column("is_paged", sa.Boolean, nullable=False),
        sa.Column("is_hooked", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_uptime_event"),
        _of("uptime_event", "project"),
        _of("uptime_event", "monitor", ondelete="SET NULL"),
        _of("uptime_event", "incident"),
    )
    _index_events()


def _index_events() -> None:
    op.create_index("ix_uptime_event_project", "uptime_event", ["project_id", "noted_us", "id"])
    for column in ("monitor_id", "incident_id"):
        op.create_index(f"ix_uptime_event_{column}", "uptime_event", [column])
    for reader in ("paged", "hooked"):
        unread = sa.text(f"NOT is_{reader}")
        op.create_index(
            f"ix_uptime_event_un{reader}",
            "uptime_event",
            ["noted_us"],
            sqlite_where=unread,
            postgresql_where=unread,
        )


def _create_policies() -> None:
    op.create_table(
        "escalation_policy",
        sa.Column("id", sa.String(12), nullable=False),
        sa.Column("project_id", GUID(length=16), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("sealed_config", sa.LargeBinary, nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sa.Column("updated_us", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_escalation_policy"),
        sa.UniqueConstraint("project_id", "name", name="uq_escalation_policy_name"),
        _of("escalation_policy", "project"),
    )


def _widen_outbox() -> None:
    with op.batch_alter_table("alert_outbox") as outbox:
        for column in ("rule_id", "channel_id"):
            outbox.alter_column(column, existing_type=GUID(length=16), nullable=True)
        for name, chars, default in (
            ("source", 16, "errors"),
            ("target_kind", 16, ""),
            ("target", 200, ""),
        ):
            outbox.add_column(
                sa.Column(name, sa.String(chars), nullable=False, server_default=default)
            )
        outbox.add_column(sa.Column("sealed_target", sa.LargeBinary, nullable=True))
        outbox.add_column(sa.Column("after_id", GUID(length=16), nullable=True))


def _rewrite_waiting() -> None:
    """Make messages that wait what is sent now; those that were sent stay as they were."""
    bind = op.get_bind()
    waiting = bind.execute(
        sa.text("SELECT id, payload FROM alert_outbox WHERE state = 'pending'")
    ).all()
    for row_id, payload in waiting:
        alert = json.loads(payload)
        message = {
            "subject": alert["subject"],
            "text": alert["text"],
            "summary": f"{alert['subject']}: {alert['message']}",
            "at": alert["triggeredAt"],
            "incident_key": alert["ruleId"],
            "body": alert,
        }
        # Without blanks: the body is sent word for word, and some may have had it before.
        written = json.dumps(message, ensure_ascii=False, separators=(",", ":"))
        bind.execute(
            sa.text("UPDATE alert_outbox SET payload = :payload WHERE id = :id"),
            {"payload": written, "id": row_id},
        )


def _create_paging() -> None:
    op.create_table(
        "incident_paging",
        sa.Column("incident_id", sa.String(12), nullable=False),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("round", sa.Integer, nullable=False),
        sa.Column("round_us", sa.BigInteger, nullable=False),
        sa.Column("step", sa.Integer, nullable=False),
        sa.Column("next_us", sa.BigInteger, nullable=True),
        sa.PrimaryKeyConstraint("incident_id", name="pk_incident_paging"),
        _of("incident_paging", "incident"),
    )
    op.create_index("ix_incident_paging_next_us", "incident_paging", ["next_us"])
    op.create_table(
        "incident_notice",
        sa.Column("incident_id", sa.String(12), nullable=False),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("step", sa.Integer, nullable=False),
        sa.Column("target_key", sa.String(64), nullable=False),
        sa.Column("message_id", GUID(length=16), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.PrimaryKeyConstraint(
            "incident_id", "generation", "step", "target_key", name="pk_incident_notice"
        ),
        _of("incident_notice", "incident"),
        sa.ForeignKeyConstraint(
            ["message_id"],
            ["alert_outbox.id"],
            ondelete="CASCADE",
            name="fk_incident_notice_message_id_alert_outbox",
        ),
    )
    op.create_index("ix_incident_notice_message_id", "incident_notice", ["message_id"])


def _of(table: str, parent: str, ondelete: str = "CASCADE") -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [f"{parent}_id"],
        [f"{parent}.id"],
        ondelete=ondelete,
        name=f"fk_{table}_{parent}_id_{parent}",
    )
