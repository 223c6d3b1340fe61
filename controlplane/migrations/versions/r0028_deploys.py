"""Apps, their deployments, releases and instances; environment, domains, webhooks, audit log."""

import sqlalchemy as sa
from advanced_alchemy.types import GUID
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    _create_app()
    _create_deployment()
    _create_deployment_event()
    _create_app_release()
    _create_app_instance()
    _create_env_var()
    _create_app_domain()
    _create_git_webhook()
    _create_audit_line()


def downgrade() -> None:
    """Drop them."""
    for name in (
        "audit_line",
        "git_webhook",
        "app_domain",
        "env_var",
        "app_instance",
        "app_release",
        "deployment_event",
        "deployment",
        "app",
    ):
        op.drop_table(name)


def _create_app() -> None:
    op.create_table(
        "app",
        sa.Column("project_id", GUID(length=16), nullable=False),
        sa.Column("user_id", GUID(length=16), nullable=True),
        sa.Column("config", sa.Text, nullable=False),
        sa.Column("sealed_secrets", sa.LargeBinary, nullable=False),
        sa.Column("next_sync_us", sa.BigInteger, nullable=True),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sa.Column("updated_us", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("project_id", name="pk_app"),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], ondelete="CASCADE", name="fk_app_project_id_project"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["account_user.id"],
            ondelete="SET NULL",
            name="fk_app_user_id_account_user",
        ),
    )
    op.create_index("ix_app_next_sync_us", "app", ["next_sync_us"])


def _create_deployment() -> None:
    op.create_table(
        "deployment",
        *_deployment_columns(),
        sa.PrimaryKeyConstraint("id", name="pk_deployment"),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["project.id"],
            ondelete="CASCADE",
            name="fk_deployment_project_id_project",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["account_user.id"],
            ondelete="SET NULL",
            name="fk_deployment_user_id_account_user",
        ),
    )
    _index_deployment()


def _deployment_columns() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("id", GUID(length=16), nullable=False),
        sa.Column("project_id", GUID(length=16), nullable=False),
        sa.Column("user_id", GUID(length=16), nullable=True),
        sa.Column("author", sa.String(254), nullable=False),
        sa.Column("origin", sa.String(16), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("source_id", GUID(length=16), nullable=True),
        sa.Column("environment", sa.String(100), nullable=False),
        sa.Column("branch", sa.String(255), nullable=False),
        sa.Column("commit_sha", sa.String(64), nullable=False),
        sa.Column("commit_msg", sa.Text, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("phase", sa.String(16), nullable=False),
        sa.Column("build_only", sa.Boolean, nullable=False),
        sa.Column("is_default", sa.Boolean, nullable=False),
        sa.Column("release_id", GUID(length=16), nullable=True),
        sa.Column("error_msg", sa.Text, nullable=False),
        sa.Column("resolution", sa.Text, nullable=False),
        sa.Column("superseded_by", GUID(length=16), nullable=True),
        sa.Column("cancel_us", sa.BigInteger, nullable=True),
        sa.Column("deployer", sa.String(100), nullable=False),
        sa.Column("lease_until_us", sa.BigInteger, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("lines", sa.BigInteger, nullable=False),
        sa.Column("delivery_id", sa.String(100), nullable=True),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sa.Column("updated_us", sa.BigInteger, nullable=False),
        sa.Column("started_us", sa.BigInteger, nullable=True),
        sa.Column("finished_us", sa.BigInteger, nullable=True),
    )


def _index_deployment() -> None:
    op.create_index("ix_deployment_project", "deployment", ["project_id", "created_us", "id"])
    op.create_index(
        "ix_deployment_waits",
        "deployment",
        ["created_us"],
        sqlite_where=sa.text("status = 'queued'"),
        postgresql_where=sa.text("status = 'queued'"),
    )
    op.create_index(
        "uq_deployment_builds",
        "deployment",
        ["project_id"],
        unique=True,
        sqlite_where=sa.text("status = 'building'"),
        postgresql_where=sa.text("status = 'building'"),
    )
    op.create_index(
        "uq_deployment_delivery", "deployment", ["project_id", "delivery_id"], unique=True
    )
    op.create_index(
        "uq_deployment_runs",
        "deployment",
        ["project_id", "environment"],
        unique=True,
        sqlite_where=sa.text("status = 'running'"),
        postgresql_where=sa.text("status = 'running'"),
    )


def _create_deployment_event() -> None:
    op.create_table(
        "deployment_event",
        sa.Column("deployment_id", GUID(length=16), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("phase", sa.String(16), nullable=False),
        sa.Column("author", sa.String(254), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("deployment_id", "number", name="pk_deployment_event"),
        sa.ForeignKeyConstraint(
            ["deployment_id"],
            ["deployment.id"],
            ondelete="CASCADE",
            name="fk_deployment_event_deployment_id_deployment",
        ),
    )


def _create_app_release() -> None:
    op.create_table(
        "app_release",
        sa.Column("id", GUID(length=16), nullable=False),
        sa.Column("project_id", GUID(length=16), nullable=False),
        sa.Column("deployment_id", GUID(length=16), nullable=False),
        sa.Column("environment", sa.String(100), nullable=False),
        sa.Column("deployer", sa.String(100), nullable=False),
        sa.Column("driver", sa.String(16), nullable=False),
        sa.Column("place", sa.Text, nullable=False),
        sa.Column("start_command", sa.Text, nullable=False),
        sa.Column("commit_sha", sa.String(64), nullable=False),
        sa.Column("commit_msg", sa.Text, nullable=False),
        sa.Column("branch", sa.String(255), nullable=False),
        sa.Column("sealed_environment", sa.LargeBinary, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sa.Column("removed_us", sa.BigInteger, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_app_release"),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["project.id"],
            ondelete="CASCADE",
            name="fk_app_release_project_id_project",
        ),
    )
    op.create_index("ix_app_release_project", "app_release", ["project_id", "created_us"])


def _create_app_instance() -> None:
    op.create_table(
        "app_instance",
        sa.Column("id", GUID(length=16), nullable=False),
        sa.Column("project_id", GUID(length=16), nullable=False),
        sa.Column("environment", sa.String(100), nullable=False),
        sa.Column("deployment_id", GUID(length=16), nullable=False),
        sa.Column("release_id", GUID(length=16), nullable=False),
        sa.Column("deployer", sa.String(100), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("address", sa.String(253), nullable=False),
        sa.Column("port", sa.Integer, nullable=False),
        sa.Column("details", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sa.Column("ended_us", sa.BigInteger, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_app_instance"),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["project.id"],
            ondelete="CASCADE",
            name="fk_app_instance_project_id_project",
        ),
    )
    op.create_index("ix_app_instance_deployer", "app_instance", ["deployer", "state"])
    op.create_index("ix_app_instance_deployment", "app_instance", ["deployment_id"])
    op.create_index(
        "uq_app_instance_serves",
        "app_instance",
        ["project_id", "environment"],
        unique=True,
        sqlite_where=sa.text("state = 'serving'"),
        postgresql_where=sa.text("state = 'serving'"),
    )


def _create_env_var() -> None:
    op.create_table(
        "env_var",
        sa.Column("project_id", GUID(length=16), nullable=False),
        sa.Column("key", sa.String(200), nullable=False),
        sa.Column("id", GUID(length=16), nullable=False),
        sa.Column("sealed_value", sa.LargeBinary, nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sa.Column("updated_us", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("project_id", "key", name="pk_env_var"),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], ondelete="CASCADE", name="fk_env_var_project_id_project"
        ),
    )


def _create_app_domain() -> None:
    op.create_table(
        "app_domain",
        sa.Column("id", GUID(length=16), nullable=False),
        sa.Column("project_id", GUID(length=16), nullable=False),
        sa.Column("user_id", GUID(length=16), nullable=True),
        sa.Column("domain", sa.String(253), nullable=False),
        sa.Column("verified_domain", sa.String(253), nullable=True),
        sa.Column("token", sa.String(64), nullable=False),
        sa.Column("verified_us", sa.BigInteger, nullable=True),
        sa.Column("checked_us", sa.BigInteger, nullable=True),
        sa.Column("found", sa.Text, nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sa.Column("updated_us", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_app_domain"),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["project.id"],
            ondelete="CASCADE",
            name="fk_app_domain_project_id_project",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["account_user.id"],
            ondelete="SET NULL",
            name="fk_app_domain_user_id_account_user",
        ),
        sa.UniqueConstraint("verified_domain", name="uq_app_domain_verified_domain"),
    )
    op.create_index("ix_app_domain_domain", "app_domain", ["domain"])
    op.create_index("ix_app_domain_project_id", "app_domain", ["project_id"])


def _create_git_webhook() -> None:
    op.create_table(
        "git_webhook",
        sa.Column("id", GUID(length=16), nullable=False),
        sa.Column("project_id", GUID(length=16), nullable=False),
        sa.Column("provider", sa.String(16), nullable=False),
        sa.Column("branch", sa.String(255), nullable=False),
        sa.Column("sealed_secret", sa.LargeBinary, nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sa.Column("received_us", sa.BigInteger, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_git_webhook"),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["project.id"],
            ondelete="CASCADE",
            name="fk_git_webhook_project_id_project",
        ),
    )
    op.create_index("ix_git_webhook_project_id", "git_webhook", ["project_id"])


def _create_audit_line() -> None:
    op.create_table(
        "audit_line",
        sa.Column("id", GUID(length=16), nullable=False),
        sa.Column("user_id", GUID(length=16), nullable=False),
        sa.Column("action", sa.String(40), nullable=False),
        sa.Column("resource", sa.String(40), nullable=False),
        sa.Column("resource_id", sa.String(64), nullable=False),
        sa.Column("details", sa.Text, nullable=False),
        sa.Column("ip_address", sa.String(64), nullable=False),
        sa.Column("user_agent", sa.String(400), nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_line"),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["account_user.id"],
            ondelete="CASCADE",
            name="fk_audit_line_user_id_account_user",
        ),
    )
    op.create_index("ix_audit_line_user", "audit_line", ["user_id", "created_us"])
