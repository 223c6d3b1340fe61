"""Users, login sessions, projects, members, API keys and the mark of a seeded installation."""

import sqlalchemy as sa
from advanced_alchemy.types import GUID, DateTimeUTC
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the first tables."""
    _create_user()
    _create_project()
    _create_login_session()
    _create_membership()
    _create_api_key()
    _create_installation()


def downgrade() -> None:
    """Drop them, the dependent ones first."""
    for table in (
        "installation", "api_key", "membership", "login_session", "project", "account_user",
    ):  # fmt: skip
        op.drop_table(table)


def _create_user() -> None:
    op.create_table(
        "account_user",
        *_identity("account_user"),
        sa.Column("email", sa.String(254), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("password_hash", sa.String(255), nullable=True),
        sa.UniqueConstraint("email", name="uq_account_user_email"),
    )


def _create_project() -> None:
    op.create_table(
        "project",
        *_identity("project"),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("cost_preference", sa.String(16), nullable=False),
        sa.Column("retention_days", sa.Integer, nullable=True),
        _moment("deleted_at", nullable=True),
    )
    op.create_index("ix_project_deleted_at", "project", ["deleted_at"])


def _create_login_session() -> None:
    op.create_table(
        "login_session",
        *_identity("login_session"),
        _owner("login_session", "user_id", "account_user"),
        sa.Column("token_hash", sa.String(64), nullable=False),
        _moment("expires_at", nullable=False),
        sa.UniqueConstraint("token_hash", name="uq_login_session_token_hash"),
    )
    op.create_index("ix_login_session_user_id", "login_session", ["user_id"])
    op.create_index("ix_login_session_expires_at", "login_session", ["expires_at"])


def _create_membership() -> None:
    op.create_table(
        "membership",
        *_identity("membership"),
        _owner("membership", "user_id", "account_user"),
        _owner("membership", "project_id", "project"),
        sa.Column("role", sa.String(16), nullable=False),
        sa.UniqueConstraint("user_id", "project_id", name="uq_membership_user_id"),
    )
    op.create_index("ix_membership_project_id", "membership", ["project_id"])


def _create_api_key() -> None:
    op.create_table(
        "api_key",
        *_identity("api_key"),
        _owner("api_key", "project_id", "project"),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("key_hash", sa.String(64), nullable=False),
        sa.Column("sealed_key", sa.LargeBinary, nullable=False),
        _moment("last_used_at", nullable=True),
        sa.UniqueConstraint("key_hash", name="uq_api_key_key_hash"),
    )
    op.create_index("ix_api_key_project_id", "api_key", ["project_id"])


def _create_installation() -> None:
    op.create_table(
        "installation",
        *_identity("installation"),
        sa.Column("singleton", sa.Integer, nullable=False),
        _origin("initial_project_id", "project"),
        _origin("initial_key_id", "api_key"),
        sa.UniqueConstraint("singleton", name="uq_installation_singleton"),
    )


def _identity(table: str) -> list[sa.schema.SchemaItem]:
    """Return what every table has: the id, the insert sentinel, and the two audit times."""
    return [
        sa.Column("id", GUID(length=16), nullable=False),
        sa.Column("sa_orm_sentinel", sa.Integer, nullable=True),
        _moment("created_at", nullable=False),
        _moment("updated_at", nullable=False),
        sa.PrimaryKeyConstraint("id", name=f"pk_{table}"),
    ]


def _moment(name: str, *, nullable: bool) -> sa.Column[object]:
    return sa.Column(name, DateTimeUTC(timezone=True), nullable=nullable)


def _owner(table: str, column: str, parent: str) -> sa.Column[object]:
    reference = sa.ForeignKey(
        f"{parent}.id", name=f"fk_{table}_{column}_{parent}", ondelete="CASCADE"
    )
    return sa.Column(column, GUID(length=16), reference, nullable=False)


def _origin(column: str, parent: str) -> sa.Column[object]:
    reference = sa.ForeignKey(
        f"{parent}.id", name=f"fk_installation_{column}_{parent}", ondelete="SET NULL"
    )
    return sa.Column(column, GUID(length=16), reference, nullable=True)
