"""Lines of the audit log by tokens of no person: who it was in words, and of which project."""

import sqlalchemy as sa
from advanced_alchemy.types import GUID
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let a line be of no person, and add who it was and whose the token."""
    with op.batch_alter_table("audit_line") as line:
        line.alter_column("user_id", existing_type=GUID(length=16), nullable=True)
        line.add_column(
            sa.Column("author", sa.String(200), nullable=False, server_default=sa.text("''"))
        )
        line.add_column(sa.Column("project_id", GUID(length=16), nullable=True))
        line.create_foreign_key(
            "fk_audit_line_project_id_project",
            "project",
            ["project_id"],
            ["id"],
            ondelete="CASCADE",
        )
    op.create_index("ix_audit_line_project", "audit_line", ["project_id", "created_us"])


def downgrade() -> None:
    """Take them away, with the lines of no person."""
    op.execute("DELETE FROM audit_line WHERE user_id IS NULL")
    op.drop_index("ix_audit_line_project", "audit_line")
    with op.batch_alter_table("audit_line") as line:
        line.drop_constraint("fk_audit_line_project_id_project", type_="foreignkey")
        line.drop_column("project_id")
        line.drop_column("author")
        line.alter_column("user_id", existing_type=GUID(length=16), nullable=False)
