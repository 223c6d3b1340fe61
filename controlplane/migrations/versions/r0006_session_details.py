"""What a person sees of their sessions: from where each was opened, and how long it lasts."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; who is signed in stays so."""
    with op.batch_alter_table("login_session") as session:
        session.add_column(
            sa.Column("remembered", sa.Boolean, nullable=False, server_default=sa.true())
        )
        session.add_column(
            sa.Column("ip_address", sa.String(64), nullable=False, server_default="")
        )
        session.add_column(
            sa.Column("user_agent", sa.String(512), nullable=False, server_default="")
        )


def downgrade() -> None:
    """Drop them."""
    with op.batch_alter_table("login_session") as session:
        session.drop_column("user_agent")
        session.drop_column("ip_address")
        session.drop_column("remembered")
