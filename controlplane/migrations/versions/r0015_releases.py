"""The commits and deployments of releases."""

import sqlalchemy as sa
from advanced_alchemy.types import GUID
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def _of_release(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["project_id", "version"],
        ["release.project_id", "release.version"],
        ondelete="CASCADE",
        name=f"fk_{table}_project_id_release",
    )


def upgrade() -> None:
    """Create the tables, and what releases have more."""
    op.add_column(
        "release", sa.Column("status", sa.String(16), nullable=False, server_default="open")
    )
    op.create_index("ix_issue_first_release", "issue", ["project_id", "first_release"])
    _create_commits()
    _create_deployments()


def _create_commits() -> None:
    op.create_table(
        "release_commit",
        sa.Column("project_id", GUID(length=16), nullable=False),
        sa.Column("version", sa.String(250), nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("sha", sa.String(64), nullable=False),
        sa.Column("repository", sa.String(200), nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("author_name", sa.String(200), nullable=False),
        sa.Column("author_email", sa.String(200), nullable=False),
        sa.Column("at_us", sa.BigInteger, nullable=True),
        sa.PrimaryKeyConstraint("project_id", "version", "position", name="pk_release_commit"),
        _of_release("release_commit"),
    )


def _create_deployments() -> None:
    op.create_table(
        "release_deployment",
        sa.Column("id", GUID(length=16), nullable=False),
        sa.Column("project_id", GUID(length=16), nullable=False),
        sa.Column("version", sa.String(250), nullable=False),
        sa.Column("environment", sa.String(64), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("url", sa.String(500), nullable=False),
        sa.Column("started_us", sa.BigInteger, nullable=True),
        sa.Column("finished_us", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_release_deployment"),
        _of_release("release_deployment"),
    )
    op.create_index(
        "ix_release_deployment_finished", "release_deployment", ["project_id", "finished_us"]
    )
    op.create_index(
        "ix_release_deployment_version",
        "release_deployment",
        ["project_id", "version", "finished_us"],
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("release_deployment")
    op.drop_table("release_commit")
    op.drop_index("ix_issue_first_release", "issue")
    op.drop_column("release", "status")
