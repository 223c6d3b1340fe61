"""Issues with their fingerprints, numbers and history, and releases."""

import sqlalchemy as sa
from advanced_alchemy.types import GUID
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

BY_WHOM = ("resolved_by", "assignee_id")
TABLES = ("release", "issue_activity", "issue_counter", "issue_fingerprint", "issue")


def upgrade() -> None:
    """Create the tables."""
    _create_issues()
    op.create_table(
        "issue_fingerprint",
        sa.Column("project_id", GUID(length=16), nullable=False),
        sa.Column("fingerprint", sa.String(128), nullable=False),
        sa.Column("group_hash", sa.BigInteger, nullable=False),
        sa.Column("issue_id", GUID(length=16), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "fingerprint", name="pk_issue_fingerprint"),
        _of_project("issue_fingerprint"),
        _of_issue("issue_fingerprint"),
    )
    op.create_index("ix_issue_fingerprint_issue_id", "issue_fingerprint", ["issue_id"])
    op.create_index("ix_issue_fingerprint_hash", "issue_fingerprint", ["project_id", "group_hash"])
    op.create_table(
        "issue_counter",
        sa.Column("project_id", GUID(length=16), nullable=False),
        sa.Column("last_number", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("project_id", name="pk_issue_counter"),
        _of_project("issue_counter"),
    )
    _create_activity()
    _create_releases()


def downgrade() -> None:
    """Drop them."""
    for name in TABLES:
        op.drop_table(name)


def _create_issues() -> None:
    op.create_table(
        "issue",
        sa.Column("id", GUID(length=16), nullable=False),
        sa.Column("project_id", GUID(length=16), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("type", sa.String(200), nullable=False),
        sa.Column("title", sa.String(500), nullable=False),
        sa.Column("culprit", sa.String(200), nullable=False),
        sa.Column("level", sa.String(16), nullable=False),
        sa.Column("platform", sa.String(64), nullable=False),
        sa.Column("first_seen_us", sa.BigInteger, nullable=False),
        sa.Column("last_seen_us", sa.BigInteger, nullable=False),
        sa.Column("first_release", sa.String(250), nullable=False),
        sa.Column("first_release_us", sa.BigInteger, nullable=True),
        sa.Column("last_release", sa.String(250), nullable=False),
        sa.Column("last_release_us", sa.BigInteger, nullable=True),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("merged_into", GUID(length=16), nullable=True),
        sa.Column("resolution", sa.String(16), nullable=True),
        sa.Column("resolved_us", sa.BigInteger, nullable=True),
        sa.Column("resolved_by", GUID(length=16), nullable=True),
        sa.Column("resolved_in_release", sa.String(250), nullable=True),
        sa.Column("ignored_us", sa.BigInteger, nullable=True),
        sa.Column("ignored_until_us", sa.BigInteger, nullable=True),
        sa.Column("ignored_until_events", sa.Integer, nullable=True),
        sa.Column("ignored_until_people", sa.Integer, nullable=True),
        sa.Column("assignee_id", GUID(length=16), nullable=True),
        sa.Column("regressed_us", sa.BigInteger, nullable=True),
        sa.Column("times_regressed", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_issue"),
        sa.UniqueConstraint("project_id", "number", name="uq_issue_project_id"),
        _of_project("issue"),
        *(_of_user("issue", column) for column in BY_WHOM),
    )
    for column in ("last_seen", "first_seen"):
        order = ["project_id", "status", f"{column}_us", "id"]
        op.create_index(f"ix_issue_{column}", "issue", order)
    op.create_index("ix_issue_ignored", "issue", ["status", "ignored_until_us"])


def _create_activity() -> None:
    op.create_table(
        "issue_activity",
        sa.Column("id", GUID(length=16), nullable=False),
        sa.Column("project_id", GUID(length=16), nullable=False),
        sa.Column("issue_id", GUID(length=16), nullable=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("user_id", GUID(length=16), nullable=True),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("data", sa.Text, nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_issue_activity"),
        sa.UniqueConstraint("issue_id", "name", name="uq_issue_activity_issue_id"),
        _of_project("issue_activity"),
        _of_issue("issue_activity"),
        _of_user("issue_activity", "user_id"),
    )
    op.create_index("ix_issue_activity_at", "issue_activity", ["issue_id", "at_us", "id"])
    op.create_index("ix_issue_activity_project", "issue_activity", ["project_id", "at_us", "id"])


def _create_releases() -> None:
    op.create_table(
        "release",
        sa.Column("project_id", GUID(length=16), nullable=False),
        sa.Column("version", sa.String(250), nullable=False),
        sa.Column("first_seen_us", sa.BigInteger, nullable=False),
        sa.Column("last_seen_us", sa.BigInteger, nullable=True),
        sa.Column("released_us", sa.BigInteger, nullable=True),
        sa.Column("ref", sa.String(250), nullable=False),
        sa.Column("url", sa.String(500), nullable=False),
        sa.Column("environment", sa.String(100), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "version", name="pk_release"),
        _of_project("release"),
    )
    op.create_index("ix_release_first_seen", "release", ["project_id", "first_seen_us"])


def _of_project(table: str) -> sa.ForeignKeyConstraint:
    name = f"fk_{table}_project_id_project"
    return sa.ForeignKeyConstraint(["project_id"], ["project.id"], ondelete="CASCADE", name=name)


def _of_issue(table: str) -> sa.ForeignKeyConstraint:
    name = f"fk_{table}_issue_id_issue"
    return sa.ForeignKeyConstraint(["issue_id"], ["issue.id"], ondelete="CASCADE", name=name)


def _of_user(table: str, column: str) -> sa.ForeignKeyConstraint:
    name = f"fk_{table}_{column}_account_user"
    return sa.ForeignKeyConstraint([column], ["account_user.id"], ondelete="SET NULL", name=name)
