"""Public status pages, who follows them, and what is made public of an incident."""

import sqlalchemy as sa
from advanced_alchemy.types import GUID
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables, and the column of public texts."""
    op.add_column(
        "incident_event", sa.Column("public_note", sa.Text, nullable=False, server_default="")
    )
    op.create_table(
        "status_page",
        sa.Column("id", sa.String(12), nullable=False),
        sa.Column("project_id", GUID(length=16), nullable=False),
        sa.Column("slug", sa.String(63), nullable=False),
        sa.Column("published", sa.Boolean, nullable=False),
        sa.Column("config", sa.Text, nullable=False),
        sa.Column("logo", sa.LargeBinary, nullable=True),
        sa.Column("logo_mark", sa.String(16), nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sa.Column("updated_us", sa.BigInteger, nullable=False),
        sa.Column("told_us", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_status_page"),
        sa.UniqueConstraint("slug", name="uq_status_page_slug"),
        _of("status_page", "project"),
    )
    op.create_index("ix_status_page_project_id", "status_page", ["project_id"])
    op.create_table(
        "status_subscriber",
        sa.Column("id", GUID(length=16), nullable=False),
        sa.Column("page_id", sa.String(12), nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("target_hash", sa.String(64), nullable=False),
        sa.Column("sealed_target", sa.LargeBinary, nullable=False),
        sa.Column("is_confirmed", sa.Boolean, nullable=False),
        sa.Column("asked_us", sa.BigInteger, nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_status_subscriber"),
        sa.UniqueConstraint("page_id", "target_hash", name="uq_status_subscriber_page_id"),
        _of("status_subscriber", "status_page", "page_id"),
    )
    op.create_index("ix_status_subscriber_target_hash", "status_subscriber", ["target_hash"])


def downgrade() -> None:
    """Drop them."""
    op.drop_table("status_subscriber")
    op.drop_table("status_page")
    op.drop_column("incident_event", "public_note")


def _of(table: str, parent: str, column: str = "") -> sa.ForeignKeyConstraint:
    column = column or f"{parent}_id"
    return sa.ForeignKeyConstraint(
        [column], [f"{parent}.id"], ondelete="CASCADE", name=f"fk_{table}_{column}_{parent}"
    )
