"""Invitations, and sessions that an API key opened: these end with their key.

`invitation` is written by admins and by the operator, read by whoever brings a token. A row goes
when it is accepted, revoked or replaced, and with its inviter's role; what is over goes with the
next invitation of its project.

Before, a key signed in as a pseudo-user and admin of its project. Those are no people: they go,
with their sessions and memberships.
"""

import sqlalchemy as sa
from advanced_alchemy.types import GUID, DateTimeUTC
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_ACCOUNTS = sa.table("account_user", sa.column("email", sa.String))


def upgrade() -> None:
    """Create the table, drop the pseudo-users, let a session belong to a key."""
    email = _ACCOUNTS.c.email
    is_pseudo = email.like("local-operator:%") & email.not_like("%@%")  # a person's has an @
    op.execute(sa.delete(_ACCOUNTS).where(is_pseudo))
    _create_invitation()
    with op.batch_alter_table("login_session") as session:
        session.alter_column("user_id", existing_type=GUID(length=16), nullable=True)
        session.add_column(sa.Column("key_id", GUID(length=16), nullable=True))
        session.create_foreign_key(
            "fk_login_session_key_id_api_key", "api_key", ["key_id"], ["id"], ondelete="CASCADE"
        )
        session.create_index("ix_login_session_key_id", ["key_id"])


def downgrade() -> None:
    """Undo all but the pseudo-users; sessions of keys end."""
    op.execute(sa.text("DELETE FROM login_session WHERE user_id IS NULL"))
    with op.batch_alter_table("login_session") as session:
        session.drop_index("ix_login_session_key_id")
        session.drop_constraint("fk_login_session_key_id_api_key", type_="foreignkey")
        session.drop_column("key_id")
        session.alter_column("user_id", existing_type=GUID(length=16), nullable=False)
    op.drop_table("invitation")


def _create_invitation() -> None:
    op.create_table(
        "invitation",
        sa.Column("id", GUID(length=16), nullable=False),
        sa.Column("sa_orm_sentinel", sa.Integer, nullable=True),
        sa.Column("created_at", DateTimeUTC(timezone=True), nullable=False),
        sa.Column("updated_at", DateTimeUTC(timezone=True), nullable=False),
        _owner("project_id", "project", nullable=False),
        _owner("inviter_id", "account_user", nullable=True),
        sa.Column("email", sa.String(254), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("expires_at", DateTimeUTC(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_invitation"),
        sa.UniqueConstraint("token_hash", name="uq_invitation_token_hash"),
        sa.UniqueConstraint("project_id", "email", name="uq_invitation_project_id"),
    )
    op.create_index("ix_invitation_inviter_id", "invitation", ["inviter_id"])


def _owner(column: str, parent: str, *, nullable: bool) -> sa.Column[object]:
    reference = sa.ForeignKey(
        f"{parent}.id", name=f"fk_invitation_{column}_{parent}", ondelete="CASCADE"
    )
    return sa.Column(column, GUID(length=16), reference, nullable=nullable)
