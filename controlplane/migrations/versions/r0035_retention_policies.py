"""What projects keep by kind and by rule, the days that were thinned, and what was deleted."""

import sqlalchemy as sa
from advanced_alchemy.types import GUID
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables, and the day from which on a project has all rows that its sums count."""
    op.add_column("project", sa.Column("rows_from", sa.Date, nullable=True))
    op.create_table(
        "retention_policy",
        sa.Column("project_id", GUID(length=16), nullable=False),
        sa.Column("policy", sa.Text, nullable=False),
        sa.Column("before", sa.Text, nullable=False),
        sa.Column("acts_us", sa.BigInteger, nullable=False),
        sa.Column("changed_us", sa.BigInteger, nullable=False),
        sa.Column("changed_by", sa.String(320), nullable=False),
        sa.PrimaryKeyConstraint("project_id", name="pk_retention_policy"),
        _of_project("retention_policy"),
    )
    op.create_table(
        "thinned_day",
        sa.Column("project_id", GUID(length=16), nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("stage", sa.Text, nullable=False),
        sa.Column("run_id", sa.String(36), nullable=False),
        sa.Column("counts", sa.Text, nullable=False),
        sa.Column("is_done", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("project_id", "day", name="pk_thinned_day"),
        _of_project("thinned_day"),
    )
    op.create_table(
        "removed_rows",
        sa.Column("project_id", GUID(length=16), nullable=False),
        sa.Column("removed_on", sa.Date, nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("rule", sa.String(20), nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint(
            *("project_id", "removed_on", "kind", "rule"), name="pk_removed_rows"
        ),
        _of_project("removed_rows"),
    )


def downgrade() -> None:
    """Drop them."""
    for name in ("removed_rows", "thinned_day", "retention_policy"):
        op.drop_table(name)
    op.drop_column("project", "rows_from")


def _of_project(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["project_id"], ["project.id"], name=f"fk_{table}_project_id_project", ondelete="CASCADE"
    )
