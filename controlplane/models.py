"""The tables of the control plane; what each row means, and nothing that acts on it."""

from datetime import datetime
from uuid import UUID

from advanced_alchemy.base import UUIDAuditBase
from advanced_alchemy.types import DateTimeUTC
from sqlalchemy import ForeignKey, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

metadata = UUIDAuditBase.metadata

MAX_NAME_CHARS = 200
MAX_EMAIL_CHARS = 254  # RFC 5321, 4.5.3.1.3: a path of 256 octets with its angle brackets


class User(UUIDAuditBase):
    """A person who may sign in. The email is stored trimmed and in lower case."""

    __tablename__ = "account_user"

    email: Mapped[str] = mapped_column(String(MAX_EMAIL_CHARS), unique=True)
    name: Mapped[str] = mapped_column(String(MAX_NAME_CHARS))
    password_hash: Mapped[str | None] = mapped_column(String(255))
    """An argon2id string; `None` for a local operator, who has no password."""


class LoginSession(UUIDAuditBase):
    """One signed-in browser or CLI, known by the hash of its token."""

    __tablename__ = "login_session"

    user_id: Mapped[UUID] = mapped_column(
        ForeignKey("account_user.id", ondelete="CASCADE"), index=True
    )
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    expires_at: Mapped[datetime] = mapped_column(DateTimeUTC(timezone=True), index=True)


class Project(UUIDAuditBase):
    """What owns data. A deleted one stays as a row until its stored data is purged."""

    __tablename__ = "project"

    name: Mapped[str] = mapped_column(String(MAX_NAME_CHARS))
    cost_preference: Mapped[str] = mapped_column(String(16), default="reported")
    retention_days: Mapped[int | None]
    """How long its data is kept; `None` follows the installation's default."""
    deleted_at: Mapped[datetime | None] = mapped_column(DateTimeUTC(timezone=True), index=True)


class Membership(UUIDAuditBase):
    """That a user may see a project, and in which role."""

    __tablename__ = "membership"
    __table_args__ = (UniqueConstraint("user_id", "project_id"),)

    user_id: Mapped[UUID] = mapped_column(ForeignKey("account_user.id", ondelete="CASCADE"))
    project_id: Mapped[UUID] = mapped_column(
        ForeignKey("project.id", ondelete="CASCADE"), index=True
    )
    role: Mapped[str] = mapped_column(String(16))


class ApiKey(UUIDAuditBase):
    """A project's key: found by its hash, shown again to admins from its sealed form."""

    __tablename__ = "api_key"

    project_id: Mapped[UUID] = mapped_column(
        ForeignKey("project.id", ondelete="CASCADE"), index=True
    )
    name: Mapped[str] = mapped_column(String(MAX_NAME_CHARS))
    key_hash: Mapped[str] = mapped_column(String(64), unique=True)
    sealed_key: Mapped[bytes] = mapped_column(LargeBinary)
    last_used_at: Mapped[datetime | None] = mapped_column(DateTimeUTC(timezone=True))


class Installation(UUIDAuditBase):
    """The single row that says this installation was seeded, and with what.

    Its fixed `singleton` makes two processes that start at once seed only once.
    """

    __tablename__ = "installation"

    singleton: Mapped[int] = mapped_column(unique=True, default=1)
    initial_project_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("project.id", ondelete="SET NULL")
    )
    initial_key_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("api_key.id", ondelete="SET NULL")
    )
