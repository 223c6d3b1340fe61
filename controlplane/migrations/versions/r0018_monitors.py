"""Monitors, what is known of their states, and incidents."""

import sqlalchemy as sa
from advanced_alchemy.types import GUID
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

TABLES = (
    "incident_event",
    "incident",
    "monitor_maintenance",
    "monitor_pause",
    "monitor_flip",
    "monitor_state",
    "monitor",
)
OPEN = sa.text("origin = 'auto' AND state <> 'resolved'")


def upgrade() -> None:
    """Create the tables."""
    _create_monitors()
    _create_flips()
    _create_times("monitor_pause")
    _create_times("monitor_maintenance", sa.Column("spec", sa.Text, nullable=False))
    _create_incidents()
    _create_events()


def downgrade() -> None:
    """Drop them."""
    for name in TABLES:
        op.drop_table(name)


def _create_monitors() -> None:
    op.create_table(
        "monitor",
        sa.Column("id", sa.String(12), nullable=False),
        sa.Column("project_id", GUID(length=16), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("sealed_config", sa.LargeBinary, nullable=False),
        sa.Column("policies", sa.Text, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("paused", sa.Boolean, nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sa.Column("updated_us", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_monitor"),
        _of("monitor", "project"),
    )
    op.create_index("ix_monitor_project", "monitor", ["project_id", "created_us", "id"])
    op.create_table(
        "monitor_state",
        sa.Column("monitor_id", sa.String(12), nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("history", sa.LargeBinary, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("since_us", sa.BigInteger, nullable=True),
        sa.Column("last_us", sa.BigInteger, nullable=True),
        sa.Column("is_late", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("monitor_id", name="pk_monitor_state"),
        _of("monitor_state", "monitor"),
    )
    op.create_index("ix_monitor_state_is_late", "monitor_state", ["is_late"])


def _create_flips() -> None:
    op.create_table(
        "monitor_flip",
        sa.Column("monitor_id", sa.String(12), nullable=False),
        sa.Column("region", sa.String(40), nullable=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("before", sa.String(16), nullable=False),
        sa.Column("after", sa.String(16), nullable=False),
        sa.PrimaryKeyConstraint("monitor_id", "region", "at_us", name="pk_monitor_flip"),
        _of("monitor_flip", "monitor"),
    )


def _create_times(table: str, *more: sa.Column[str]) -> None:
    op.create_table(
        table,
        sa.Column("id", GUID(length=16), nullable=False),
        sa.Column("monitor_id", sa.String(12), nullable=False),
        *more,
        sa.Column("from_us", sa.BigInteger, nullable=False),
        sa.Column("until_us", sa.BigInteger, nullable=True),
        sa.PrimaryKeyConstraint("id", name=f"pk_{table}"),
        _of(table, "monitor"),
    )
    op.create_index(f"ix_{table}_monitor_id", table, ["monitor_id"])


def _create_incidents() -> None:
    op.create_table(
        "incident",
        sa.Column("id", sa.String(12), nullable=False),
        sa.Column("project_id", GUID(length=16), nullable=False),
        sa.Column("monitor_id", sa.String(12), nullable=True),
        sa.Column("origin", sa.String(8), nullable=False),
        sa.Column("title", sa.String(300), nullable=False),
        sa.Column("severity", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("resolution", sa.String(16), nullable=True),
        sa.Column("started_us", sa.BigInteger, nullable=False),
        sa.Column("acknowledged_us", sa.BigInteger, nullable=True),
        sa.Column("resolved_us", sa.BigInteger, nullable=True),
        sa.Column("assignee", sa.String(254), nullable=True),
        sa.Column("external_ids", sa.Text, nullable=False),
        sa.Column("reopened", sa.Integer, nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sa.Column("updated_us", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_incident"),
        _of("incident", "project"),
        _of("incident", "monitor", ondelete="SET NULL"),
    )
    op.create_index("ix_incident_project", "incident", ["project_id", "created_us", "id"])
    op.create_index("ix_incident_monitor", "incident", ["monitor_id", "started_us"])
    op.create_index(
        "uq_incident_open",
        "incident",
        ["monitor_id"],
        unique=True,
        sqlite_where=OPEN,
        postgresql_where=OPEN,
    )


def _create_events() -> None:
    op.create_table(
        "incident_event",
        sa.Column("id", GUID(length=16), nullable=False),
        sa.Column("incident_id", sa.String(12), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("noted_us", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("author", sa.String(200), nullable=False),
        sa.Column("notes", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_incident_event"),
        _of("incident_event", "incident"),
    )
    op.create_index("ix_incident_event_incident", "incident_event", ["incident_id", "number"])


def _of(table: str, parent: str, ondelete: str = "CASCADE") -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [f"{parent}_id"],
        [f"{parent}.id"],
        ondelete=ondelete,
        name=f"fk_{table}_{parent}_id_{parent}",
    )
