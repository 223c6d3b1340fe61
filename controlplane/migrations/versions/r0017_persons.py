"""Erasures of people's data, issues that are resolved for their age, numbers from the database."""

import sqlalchemy as sa
from advanced_alchemy.types import GUID, DateTimeUTC
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

# A process of before 0011 makes projects without a number while others are upgraded already. Only
# PostgreSQL is shared by several processes.
NEXT_NUMBER = """
CREATE FUNCTION next_project_number() RETURNS integer LANGUAGE sql VOLATILE AS
'UPDATE project_counter SET last = last + 1 RETURNING last'
"""
USE_IT = "ALTER TABLE project ALTER COLUMN number SET DEFAULT next_project_number()"
USE_NONE = "ALTER TABLE project ALTER COLUMN number SET DEFAULT 0"


def upgrade() -> None:
    """Create the table, the column and the function."""
    op.create_table(
        "person_erasure",
        sa.Column("id", GUID(length=16), nullable=False),
        sa.Column("sa_orm_sentinel", sa.Integer, nullable=True),
        sa.Column("created_at", DateTimeUTC(timezone=True), nullable=False),
        sa.Column("updated_at", DateTimeUTC(timezone=True), nullable=False),
        sa.Column("project_id", GUID(length=16), nullable=False),
        sa.Column("person", sa.Text, nullable=True),
        sa.Column("person_hash", sa.String(64), nullable=False),
        sa.Column("asked_by", GUID(length=16), nullable=True),
        sa.Column("until_us", sa.BigInteger, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("owner", sa.String(36), nullable=False),
        sa.Column("tried_at", DateTimeUTC(timezone=True), nullable=True),
        sa.Column("done", sa.LargeBinary, nullable=False),
        sa.Column("finished_at", DateTimeUTC(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_person_erasure"),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["project.id"],
            ondelete="CASCADE",
            name="fk_person_erasure_project_id_project",
        ),
        sa.ForeignKeyConstraint(
            ["asked_by"],
            ["account_user.id"],
            ondelete="SET NULL",
            name="fk_person_erasure_asked_by_account_user",
        ),
    )
    op.create_index("ix_person_erasure_project_id", "person_erasure", ["project_id"])
    op.create_index("ix_person_erasure_state", "person_erasure", ["state"])
    op.add_column("error_setting", sa.Column("auto_resolve_days", sa.Integer, nullable=True))
    if op.get_bind().dialect.name == "postgresql":
        op.execute(NEXT_NUMBER)
        op.execute(USE_IT)


def downgrade() -> None:
    """Drop them."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(USE_NONE)
        op.execute("DROP FUNCTION next_project_number()")
    op.drop_column("error_setting", "auto_resolve_days")
    op.drop_table("person_erasure")
