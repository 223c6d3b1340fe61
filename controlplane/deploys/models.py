"""The tables of deployments. Times are microseconds since 1970 UTC."""

from uuid import UUID

from advanced_alchemy.base import DefaultBase
from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.models import Project, User

MAX_ENVIRONMENT_CHARS = 100
MAX_BRANCH_CHARS = 255
MAX_SHA_CHARS = 64
MAX_AUTHOR_CHARS = 254
MAX_DEPLOYER_CHARS = 100
MAX_KEY_CHARS = 200
MAX_DOMAIN_CHARS = 253
MAX_DELIVERY_CHARS = 100
PROJECT = f"{Project.__tablename__}.id"
USER = f"{User.__tablename__}.id"
DEPLOYMENT = "deployment.id"
BUILDS = text("status = 'building'")
RUNS = text("status = 'running'")
WAITS = text("status = 'queued'")
SERVES = text("state = 'serving'")
"""For indexes and for queries that are to use them."""


class App(DefaultBase):
    """The deployed side of a project: where its code is, and how it is built and run."""

    __tablename__ = "app"

    project_id: Mapped[UUID] = mapped_column(
        ForeignKey(PROJECT, ondelete="CASCADE"), primary_key=True
    )
    user_id: Mapped[UUID | None] = mapped_column(ForeignKey(USER, ondelete="SET NULL"))
    config: Mapped[str] = mapped_column(Text)
    """A `schemas.deploys.apps.AppConfig` as JSON."""
    sealed_secrets: Mapped[bytes] = mapped_column(LargeBinary)
    """A `schemas.deploys.apps.AppSecrets` as JSON; it opens for its own project alone."""
    next_sync_us: Mapped[int | None] = mapped_column(BigInteger, index=True)
    """When its branch is looked at for a new commit; `None` where that is not wanted."""
    created_us: Mapped[int] = mapped_column(BigInteger)
    updated_us: Mapped[int] = mapped_column(BigInteger)


class Deployment(DefaultBase):
    """One run of a deployer for an app and an environment."""

    __tablename__ = "deployment"
    __table_args__ = (
        Index("ix_deployment_project", "project_id", "created_us", "id"),
        Index("ix_deployment_waits", "created_us", sqlite_where=WAITS, postgresql_where=WAITS),
        Index(
            "uq_deployment_builds",
            "project_id",
            unique=True,
            sqlite_where=BUILDS,
            postgresql_where=BUILDS,
        ),
        Index(
            "uq_deployment_runs",
            *("project_id", "environment"),
            unique=True,
            sqlite_where=RUNS,
            postgresql_where=RUNS,
        ),
        Index("uq_deployment_delivery", "project_id", "delivery_id", unique=True),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    project_id: Mapped[UUID] = mapped_column(ForeignKey(PROJECT, ondelete="CASCADE"))
    user_id: Mapped[UUID | None] = mapped_column(ForeignKey(USER, ondelete="SET NULL"))
    """Who asked for it; `None` for a webhook, a rule, or an account that is gone."""
    author: Mapped[str] = mapped_column(String(MAX_AUTHOR_CHARS))
    """Who asked for it, in words."""
    origin: Mapped[str] = mapped_column(String(16))
    """`schemas.deploys.states.Origin`."""
    kind: Mapped[str] = mapped_column(String(16))
    """`schemas.deploys.states.DeploymentKind`."""
    source_id: Mapped[UUID | None]
    """The deployment whose release is started again, or whose commit is built again."""
    environment: Mapped[str] = mapped_column(String(MAX_ENVIRONMENT_CHARS))
    branch: Mapped[str] = mapped_column(String(MAX_BRANCH_CHARS))
    commit_sha: Mapped[str] = mapped_column(String(MAX_SHA_CHARS))
    """Empty until it is known, where a branch was asked for."""
    commit_msg: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(String(16))
    """`schemas.deploys.states.Status`."""
    phase: Mapped[str] = mapped_column(String(16))
    """`schemas.deploys.states.Phase`; empty before the first and after the last."""
    build_only: Mapped[bool]
    is_default: Mapped[bool]
    release_id: Mapped[UUID | None]
    error_msg: Mapped[str] = mapped_column(Text)
    resolution: Mapped[str] = mapped_column(Text)
    """What to do about the error, where that is known."""
    superseded_by: Mapped[UUID | None]
    cancel_us: Mapped[int | None] = mapped_column(BigInteger)
    """When somebody asked to cancel it."""
    deployer: Mapped[str] = mapped_column(String(MAX_DEPLOYER_CHARS))
    """Who works on it, or has; empty while nobody does."""
    lease_until_us: Mapped[int] = mapped_column(BigInteger)
    attempt: Mapped[int]
    """How often it was begun. It names the lease: who comes back with an older one has lost it."""
    lines: Mapped[int] = mapped_column(BigInteger)
    """No line of its log has a higher number yet."""
    delivery_id: Mapped[str | None] = mapped_column(String(MAX_DELIVERY_CHARS))
    """Of the webhook request that asked for it: the same one asks once."""
    created_us: Mapped[int] = mapped_column(BigInteger)
    updated_us: Mapped[int] = mapped_column(BigInteger)
    started_us: Mapped[int | None] = mapped_column(BigInteger)
    finished_us: Mapped[int | None] = mapped_column(BigInteger)


class DeploymentEvent(DefaultBase):
    """A change of the status or the phase of a deployment."""

    __tablename__ = "deployment_event"

    deployment_id: Mapped[UUID] = mapped_column(
        ForeignKey(DEPLOYMENT, ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at_us: Mapped[int] = mapped_column(BigInteger)
    status: Mapped[str] = mapped_column(String(16))
    phase: Mapped[str] = mapped_column(String(16))
    author: Mapped[str] = mapped_column(String(MAX_AUTHOR_CHARS))
    """Empty for the deployer."""
    reason: Mapped[str] = mapped_column(Text)


class AppRelease(DefaultBase):
    """What a deployment built, kept to be started again."""

    __tablename__ = "app_release"
    __table_args__ = (Index("ix_app_release_project", "project_id", "created_us"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    project_id: Mapped[UUID] = mapped_column(ForeignKey(PROJECT, ondelete="CASCADE"))
    deployment_id: Mapped[UUID]
    """That built it."""
    environment: Mapped[str] = mapped_column(String(MAX_ENVIRONMENT_CHARS))
    deployer: Mapped[str] = mapped_column(String(MAX_DEPLOYER_CHARS))
    """Where it is."""
    driver: Mapped[str] = mapped_column(String(16))
    place: Mapped[str] = mapped_column(Text)
    """Its folder on that machine, or its image."""
    start_command: Mapped[str] = mapped_column(Text)
    commit_sha: Mapped[str] = mapped_column(String(MAX_SHA_CHARS))
    commit_msg: Mapped[str] = mapped_column(Text)
    branch: Mapped[str] = mapped_column(String(MAX_BRANCH_CHARS))
    sealed_environment: Mapped[bytes] = mapped_column(LargeBinary)
    """The environment it was first started with, as JSON; it opens for its own id alone."""
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    created_us: Mapped[int] = mapped_column(BigInteger)
    removed_us: Mapped[int | None] = mapped_column(BigInteger)
    """When its files were deleted."""


class AppInstance(DefaultBase):
    """A release that runs, or has run: one process or container on a private port."""

    __tablename__ = "app_instance"
    __table_args__ = (
        Index("ix_app_instance_deployer", "deployer", "state"),
        Index("ix_app_instance_deployment", "deployment_id"),
        Index(
            "uq_app_instance_serves",
            *("project_id", "environment"),
            unique=True,
            sqlite_where=SERVES,
            postgresql_where=SERVES,
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    project_id: Mapped[UUID] = mapped_column(ForeignKey(PROJECT, ondelete="CASCADE"))
    environment: Mapped[str] = mapped_column(String(MAX_ENVIRONMENT_CHARS))
    deployment_id: Mapped[UUID]
    release_id: Mapped[UUID]
    deployer: Mapped[str] = mapped_column(String(MAX_DEPLOYER_CHARS))
    state: Mapped[str] = mapped_column(String(16))
    """`schemas.deploys.states.InstanceState`."""
    address: Mapped[str] = mapped_column(String(MAX_DOMAIN_CHARS))
    port: Mapped[int]
    details: Mapped[str] = mapped_column(Text)
    """What its driver knows it by, as JSON."""
    reason: Mapped[str] = mapped_column(Text)
    """Why it is not running any more."""
    created_us: Mapped[int] = mapped_column(BigInteger)
    ended_us: Mapped[int | None] = mapped_column(BigInteger)


class EnvVar(DefaultBase):
    """A variable of the environment of an app; its value is written and never told."""

    __tablename__ = "env_var"

    project_id: Mapped[UUID] = mapped_column(
        ForeignKey(PROJECT, ondelete="CASCADE"), primary_key=True
    )
    key: Mapped[str] = mapped_column(String(MAX_KEY_CHARS), primary_key=True)
    id: Mapped[UUID]
    sealed_value: Mapped[bytes] = mapped_column(LargeBinary)
    """It opens for its own project and key alone."""
    created_us: Mapped[int] = mapped_column(BigInteger)
    updated_us: Mapped[int] = mapped_column(BigInteger)


class AppDomain(DefaultBase):
    """A name of a host that is, or is to be, an app's."""

    __tablename__ = "app_domain"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    project_id: Mapped[UUID] = mapped_column(ForeignKey(PROJECT, ondelete="CASCADE"), index=True)
    user_id: Mapped[UUID | None] = mapped_column(ForeignKey(USER, ondelete="SET NULL"))
    domain: Mapped[str] = mapped_column(String(MAX_DOMAIN_CHARS), index=True)
    """In lower case and ASCII. Several projects may ask for one; one of them can verify it."""
    verified_domain: Mapped[str | None] = mapped_column(String(MAX_DOMAIN_CHARS), unique=True)
    """The same, once its owner is known to want it."""
    token: Mapped[str] = mapped_column(String(64))
    """What its owner puts where only the owner can."""
    verified_us: Mapped[int | None] = mapped_column(BigInteger)
    checked_us: Mapped[int | None] = mapped_column(BigInteger)
    found: Mapped[str] = mapped_column(Text)
    """What the last check found."""
    created_us: Mapped[int] = mapped_column(BigInteger)
    updated_us: Mapped[int] = mapped_column(BigInteger)


class GitWebhook(DefaultBase):
    """An address that a git server tells of pushes."""

    __tablename__ = "git_webhook"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    project_id: Mapped[UUID] = mapped_column(ForeignKey(PROJECT, ondelete="CASCADE"), index=True)
    provider: Mapped[str] = mapped_column(String(16))
    branch: Mapped[str] = mapped_column(String(MAX_BRANCH_CHARS))
    """Whose pushes are deployed to production; empty for the app's branch."""
    sealed_secret: Mapped[bytes] = mapped_column(LargeBinary)
    created_us: Mapped[int] = mapped_column(BigInteger)
    received_us: Mapped[int | None] = mapped_column(BigInteger)


class AuditLine(DefaultBase):
    """That a person, or a token of nobody, did something to an app."""

    __tablename__ = "audit_line"
    __table_args__ = (
        Index("ix_audit_line_user", "user_id", "created_us"),
        Index("ix_audit_line_project", "project_id", "created_us"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID | None] = mapped_column(ForeignKey(USER, ondelete="CASCADE"))
    """`None` for a token of a project, or of the operator."""
    project_id: Mapped[UUID | None] = mapped_column(ForeignKey(PROJECT, ondelete="CASCADE"))
    """Whose the token is, where it is a project's."""
    author: Mapped[str] = mapped_column(String(200), server_default="")
    """In words; empty for a line older than this column."""
    action: Mapped[str] = mapped_column(String(40))
    resource: Mapped[str] = mapped_column(String(40))
    resource_id: Mapped[str] = mapped_column(String(64))
    details: Mapped[str] = mapped_column(Text)
    """A JSON object."""
    ip_address: Mapped[str] = mapped_column(String(64))
    user_agent: Mapped[str] = mapped_column(String(400))
    created_us: Mapped[int] = mapped_column(BigInteger)
