"""The tables of the control plane; what each row means, and nothing that acts on it."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from advanced_alchemy.base import DefaultBase, UUIDAuditBase
from advanced_alchemy.types import DateTimeUTC
from sqlalchemy import (
    BigInteger,
    ForeignKey,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column

metadata = UUIDAuditBase.metadata

MAX_NAME_CHARS = 200
MAX_ADDRESS_CHARS = 64
MAX_AGENT_CHARS = 512
MAX_LABEL_CHARS = 80
MAX_ENVIRONMENT_CHARS = 64
MAX_EMAIL_CHARS = 254  # RFC 5321, 4.5.3.1.3: a path of 256 octets with its angle brackets


class User(UUIDAuditBase):
    """A person who may sign in. The email is stored trimmed and in lower case."""

    __tablename__ = "account_user"

    email: Mapped[str] = mapped_column(String(MAX_EMAIL_CHARS), unique=True)
    name: Mapped[str] = mapped_column(String(MAX_NAME_CHARS))
    password_hash: Mapped[str | None] = mapped_column(String(255))
    """An argon2id string."""


class LoginSession(UUIDAuditBase):
    """One signed-in browser or CLI, known by the hash of its token: a person's, or a key's."""

    __tablename__ = "login_session"

    user_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("account_user.id", ondelete="CASCADE"), index=True
    )
    key_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("api_key.id", ondelete="CASCADE"), index=True
    )
    """The API key that opened it on the server's machine, and with which it ends."""
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    expires_at: Mapped[datetime] = mapped_column(DateTimeUTC(timezone=True), index=True)
    remembered: Mapped[bool] = mapped_column(default=True)
    """Whether the browser keeps it when it is closed; such a session is extended by its use."""
    ip_address: Mapped[str] = mapped_column(String(MAX_ADDRESS_CHARS), default="")
    user_agent: Mapped[str] = mapped_column(String(MAX_AGENT_CHARS), default="")
    """As they were when it was opened, for its owner to recognise it."""


class ProjectCounter(DefaultBase):
    """The single row with the number of the newest project; no number is given twice."""

    __tablename__ = "project_counter"

    singleton: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    last: Mapped[int]


def _next_number(context: Any) -> int:
    """Take the next number; whoever inserts at the same time waits for the end of this one."""
    counting = update(ProjectCounter).values(last=ProjectCounter.last + 1)
    return int(context.connection.scalar(counting.returning(ProjectCounter.last)))


class Project(UUIDAuditBase):
    """What owns data. A deleted one stays as a row until its stored data is purged."""

    __tablename__ = "project"

    name: Mapped[str] = mapped_column(String(MAX_NAME_CHARS))
    number: Mapped[int] = mapped_column(
        unique=True, index=True, default=_next_number, server_default="0"
    )
    """What a DSN names it by, from 1 on; of deleted projects it is not used again."""
    cost_preference: Mapped[str] = mapped_column(String(16), default="reported")
    time_zone: Mapped[str] = mapped_column(String(64), default="UTC", server_default="UTC")
    retention_days: Mapped[int | None]
    """How long its data is kept; `None` follows the installation's default."""
    rows_from: Mapped[date | None]
    """From which day on its sums count no row that is gone; `None` where they never do."""
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


class Invitation(UUIDAuditBase):
    """That whoever brings the token may join a project. The row goes when it is accepted."""

    __tablename__ = "invitation"
    __table_args__ = (UniqueConstraint("project_id", "email"),)

    project_id: Mapped[UUID] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"))
    inviter_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("account_user.id", ondelete="CASCADE"), index=True
    )
    """`None` for the operator of the installation."""
    email: Mapped[str] = mapped_column(String(MAX_EMAIL_CHARS))
    """For whom it was meant: a label. Nobody has proved to own it."""
    role: Mapped[str] = mapped_column(String(16))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    expires_at: Mapped[datetime] = mapped_column(DateTimeUTC(timezone=True))


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


class FormerKey(DefaultBase):
    """An API key that is no more, for the calls that came with it."""

    __tablename__ = "former_key"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    """The key's."""
    project_id: Mapped[UUID] = mapped_column(
        ForeignKey("project.id", ondelete="CASCADE"), index=True
    )
    name: Mapped[str] = mapped_column(String(MAX_NAME_CHARS))
    """Its last one."""
    revoked_us: Mapped[int] = mapped_column(BigInteger)


class DsnKey(UUIDAuditBase):
    """A key that a Sentry DSN holds: public by nature, since browsers show it, and only sends."""

    __tablename__ = "dsn_key"

    project_id: Mapped[UUID] = mapped_column(
        ForeignKey("project.id", ondelete="CASCADE"), index=True
    )
    public_key: Mapped[str] = mapped_column(String(32), unique=True)
    label: Mapped[str] = mapped_column(String(MAX_LABEL_CHARS))
    environment: Mapped[str] = mapped_column(String(MAX_ENVIRONMENT_CHARS), default="")
    """Of what is sent with it and does not say; empty for none."""
    last_used_at: Mapped[datetime | None] = mapped_column(DateTimeUTC(timezone=True))
    revoked_at: Mapped[datetime | None] = mapped_column(DateTimeUTC(timezone=True))


class ApiToken(UUIDAuditBase):
    """A token for programs that ask: one project's, a person's, or with neither the operator's."""

    __tablename__ = "api_token"

    user_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("account_user.id", ondelete="CASCADE"), index=True
    )
    """Whose projects it reaches, and with whom it ends; `None` for that of a project."""
    project_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("project.id", ondelete="CASCADE"), index=True
    )
    name: Mapped[str] = mapped_column(String(MAX_NAME_CHARS))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    last_four: Mapped[str] = mapped_column(String(4))
    scope: Mapped[str] = mapped_column(String(16))
    """Of all subjects; `none` for a token of single ones."""
    subjects: Mapped[str] = mapped_column(String(200), default="", server_default="")
    """What it may do of single subjects: `controlplane.scopes`."""
    expires_at: Mapped[datetime | None] = mapped_column(DateTimeUTC(timezone=True))
    last_used_at: Mapped[datetime | None] = mapped_column(DateTimeUTC(timezone=True))
    revoked_at: Mapped[datetime | None] = mapped_column(DateTimeUTC(timezone=True))


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


class OwnedPartition(DefaultBase):
    """How far one partition of a shared log is stored, and which worker may say so.

    A row stays when its topic is gone: it is small, and nothing tells when no worker needs it.
    """

    __tablename__ = "partition_progress"

    log_id: Mapped[str] = mapped_column(Text, primary_key=True)
    """Of the topic as it was created; one that is made anew has another and starts anew."""
    topic: Mapped[str] = mapped_column(Text, primary_key=True)
    partition: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    stored_through: Mapped[int] = mapped_column(BigInteger)
    """The last offset whose block is stored, -1 for none."""
    pending_first: Mapped[int | None] = mapped_column(BigInteger)
    pending_last: Mapped[int | None] = mapped_column(BigInteger)
    pending_apart: Mapped[bool | None]
    pending_epoch: Mapped[str | None] = mapped_column(Text)
    owner: Mapped[str] = mapped_column(Text)
    """The worker's name, for people; what counts is the epoch."""
    owner_epoch: Mapped[int] = mapped_column(BigInteger)
    """Goes up with each claim; a worker that holds a lower one owns the partition no more."""
    updated_at: Mapped[datetime] = mapped_column(DateTimeUTC(timezone=True))


class SecretCheck(DefaultBase):
    """The single row that tells the installation's secret from every other."""

    __tablename__ = "secret_check"

    singleton: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    """A known text, sealed; `None` once the operator has given up a lost secret."""


class RetentionDay(DefaultBase):
    """The single row with the last day that retention knows: a clock far beyond it is doubted."""

    __tablename__ = "retention_day"

    singleton: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    day: Mapped[date]


class PurgedProject(DefaultBase):
    """A project whose data was purged, while spools and logs may still bring some of it."""

    __tablename__ = "purged_project"

    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    deleted_at: Mapped[datetime] = mapped_column(DateTimeUTC(timezone=True))


class ProjectPrices(DefaultBase):
    """The prices and aliases that a project has set, as one document: they are read as a whole."""

    __tablename__ = "project_prices"

    project_id: Mapped[UUID] = mapped_column(
        ForeignKey("project.id", ondelete="CASCADE"), primary_key=True
    )
    revision: Mapped[int]
    """Goes up with each change: by it a process sees that what it has read is old."""
    document: Mapped[bytes] = mapped_column(LargeBinary)
    """A `schemas.llm.prices.PriceDocument` as JSON."""
    changed_at: Mapped[datetime] = mapped_column(DateTimeUTC(timezone=True))


class RepriceRun(UUIDAuditBase):
    """One pass over stored rows that prices them anew; kept when it is done."""

    __tablename__ = "reprice_run"

    project_id: Mapped[UUID | None] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"))
    """`None` for every project."""
    from_us: Mapped[int] = mapped_column(BigInteger)
    to_us: Mapped[int] = mapped_column(BigInteger)
    """The calls of these times, both included, in microseconds since 1970 UTC."""
    state: Mapped[str] = mapped_column(String(16), index=True)
    owner: Mapped[str] = mapped_column(String(36))
    """Of the process that works on it; another one takes it over by writing its own here."""
    progress: Mapped[bytes] = mapped_column(LargeBinary)
    """A `schemas.llm.reprices.Progress` as JSON."""
    changes: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    """Of the pending chunk, as the worker packed them: what is repeated must be the same."""
    seen_at: Mapped[datetime | None] = mapped_column(DateTimeUTC(timezone=True))
    """When its owner last said how far it is."""


class BillProgress(DefaultBase):
    """How far the bills of calls were corrected, in a single row. Its `turn` is of all that writes
    stored calls anew: see `controlplane.rewriting`.
    """

    __tablename__ = "bill_progress"

    singleton: Mapped[int] = mapped_column(primary_key=True)
    owner: Mapped[str] = mapped_column(String(36))
    """Of the process that works on it; another one takes it over by writing its own here."""
    turn: Mapped[int] = mapped_column(BigInteger)
    """One more each time that somebody begins to write stored calls anew."""
    progress: Mapped[bytes] = mapped_column(LargeBinary)
    """A `schemas.otel.bills.Progress` as JSON."""
    changes: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    """Of the pending chunk, as the worker packed them: what is repeated must be the same."""


class ImportProgress(DefaultBase):
    """How far a part of another server's data has come into a log of ours."""

    __tablename__ = "import_progress"

    source: Mapped[str] = mapped_column(Text, primary_key=True)
    part: Mapped[str] = mapped_column(Text, primary_key=True)
    """A kind of events, or the accounts."""
    log_id: Mapped[str] = mapped_column(Text, primary_key=True)
    """What a log that was lost had taken must come again into the next; empty for accounts."""
    position: Mapped[int] = mapped_column(BigInteger)
    """The place in the source behind which nothing was brought in yet."""
    item_id: Mapped[str] = mapped_column(Text)
    """What stood there, empty for accounts: SQLite gives places of deleted rows anew."""
    updated_at: Mapped[datetime] = mapped_column(DateTimeUTC(timezone=True))
