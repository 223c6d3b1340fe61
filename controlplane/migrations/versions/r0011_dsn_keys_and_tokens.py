"""Numbers of projects, DSN keys, and API tokens."""

import secrets
import uuid
from datetime import UTC, datetime

import sqlalchemy as sa
from advanced_alchemy.types import GUID, DateTimeUTC
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

PROJECT = sa.table(
    "project",
    sa.column("id", GUID(length=16)),
    sa.column("number", sa.Integer),
    sa.column("created_at", DateTimeUTC(timezone=True)),
    sa.column("deleted_at", DateTimeUTC(timezone=True)),
)


def upgrade() -> None:
    """Number the projects by their age, and give a DSN key to each that is not deleted."""
    # Without batch: to make `project` anew would, on SQLite, delete all that refers to it.
    op.add_column("project", sa.Column("number", sa.Integer, nullable=False, server_default="0"))
    counter = op.create_table(
        "project_counter",
        sa.Column("singleton", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("last", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("singleton", name="pk_project_counter"),
    )
    op.bulk_insert(counter, [{"singleton": 1, "last": _number_projects()}])
    op.create_index("ix_project_number", "project", ["number"], unique=True)
    _create_dsn_key()
    _create_api_token()


def downgrade() -> None:
    """Drop them."""
    op.drop_table("api_token")
    op.drop_table("dsn_key")
    op.drop_table("project_counter")
    op.drop_index("ix_project_number", "project")
    op.drop_column("project", "number")


def _number_projects() -> int:
    bind, last = op.get_bind(), 0
    query = sa.select(PROJECT.c.id).order_by(PROJECT.c.created_at, PROJECT.c.id)
    for last, project_id in enumerate(bind.scalars(query).all(), start=1):  # noqa: B007
        bind.execute(sa.update(PROJECT).where(PROJECT.c.id == project_id).values(number=last))
    return last


def _create_dsn_key() -> None:
    table = op.create_table(
        "dsn_key",
        *_identity("dsn_key"),
        _owner("dsn_key", "project_id", "project", nullable=False),
        sa.Column("public_key", sa.String(32), nullable=False),
        sa.Column("label", sa.String(80), nullable=False),
        sa.Column("environment", sa.String(64), nullable=False),
        _moment("last_used_at", nullable=True),
        _moment("revoked_at", nullable=True),
        sa.UniqueConstraint("public_key", name="uq_dsn_key_public_key"),
    )
    op.create_index("ix_dsn_key_project_id", "dsn_key", ["project_id"])
    live = sa.select(PROJECT.c.id).where(PROJECT.c.deleted_at.is_(None))
    op.bulk_insert(table, [_key_of(one) for one in op.get_bind().scalars(live).all()])


def _create_api_token() -> None:
    op.create_table(
        "api_token",
        *_identity("api_token"),
        _owner("api_token", "user_id", "account_user", nullable=True),
        _owner("api_token", "project_id", "project", nullable=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("last_four", sa.String(4), nullable=False),
        sa.Column("scope", sa.String(16), nullable=False),
        _moment("expires_at", nullable=True),
        _moment("last_used_at", nullable=True),
        _moment("revoked_at", nullable=True),
        sa.UniqueConstraint("token_hash", name="uq_api_token_token_hash"),
    )
    op.create_index("ix_api_token_user_id", "api_token", ["user_id"])
    op.create_index("ix_api_token_project_id", "api_token", ["project_id"])


def _key_of(project_id: uuid.UUID) -> dict[str, object]:
    now = datetime.now(UTC)
    return {
        "id": uuid.uuid4(),
        "created_at": now,
        "updated_at": now,
        "project_id": project_id,
        "public_key": secrets.token_hex(16),
        "label": "Default",
        "environment": "",
    }


def _identity(table: str) -> list[sa.schema.SchemaItem]:
    return [
        sa.Column("id", GUID(length=16), nullable=False),
        sa.Column("sa_orm_sentinel", sa.Integer, nullable=True),
        _moment("created_at", nullable=False),
        _moment("updated_at", nullable=False),
        sa.PrimaryKeyConstraint("id", name=f"pk_{table}"),
    ]


def _moment(name: str, *, nullable: bool) -> sa.Column[object]:
    return sa.Column(name, DateTimeUTC(timezone=True), nullable=nullable)


def _owner(table: str, column: str, parent: str, *, nullable: bool) -> sa.Column[object]:
    reference = sa.ForeignKey(
        f"{parent}.id", name=f"fk_{table}_{column}_{parent}", ondelete="CASCADE"
    )
    return sa.Column(column, GUID(length=16), reference, nullable=nullable)
