"""DSN keys of a project: made, listed, revoked. Looking one up is dsn_keys'."""

import re
from datetime import UTC, datetime
from urllib.parse import urlsplit
from uuid import UUID

from msgspec import Struct
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.crypto import new_dsn_key
from controlplane.database import Database
from controlplane.failures import BadRequest, Conflict, NotFound
from controlplane.lookups import locked_project
from controlplane.models import MAX_ENVIRONMENT_CHARS, MAX_LABEL_CHARS, DsnKey, Project
from controlplane.quotas import refuse_beyond
from controlplane.rules import as_uuid
from schemas.projects import KeyId, ProjectId

DEFAULT_LABEL = "Default"
FORM = re.compile(r"[0-9a-f]{32}")


class ShownDsnKey(Struct, frozen=True):
    """A DSN key as whoever may see its project sees it."""

    key_id: KeyId
    project_id: ProjectId
    project_name: str
    number: int
    """Of the project; the DSN ends with it."""
    public_key: str
    label: str
    environment: str
    """Of what is sent with it and does not say; empty for none."""
    created_at: datetime
    last_used_at: datetime | None


class DsnDraft(Struct, frozen=True):
    """A DSN key to make; `None` for the key makes a random one."""

    label: str = ""
    environment: str = ""
    public_key: str | None = None


async def create_dsn_key(
    database: Database, project_id: ProjectId, new: DsnDraft, *, at_most: int | None = None
) -> ShownDsnKey:
    """Create a DSN key; a project may have `at_most` that are not revoked, or any number.

    Raises `NotFound` for an unknown or deleted project, `BadRequest` for a text that breaks a
    rule, `Conflict` when the given key was used before or the project has enough.
    """
    async with database.session() as session:
        project = await locked_project(session, project_id)
        live = select(func.count()).select_from(DsnKey).where(DsnKey.revoked_at.is_(None))
        found = await session.scalar(live.where(DsnKey.project_id == project.id)) or 0
        what = "The project has too many DSN keys"
        refuse_beyond(at_most, found, what=what, setting="max_keys_per_project")
        return _shown(await insert_dsn_key(session, project.id, new), project)


async def insert_dsn_key(session: AsyncSession, project_id: UUID, new: DsnDraft) -> DsnKey:
    """Add a DSN key within an open transaction."""
    row = DsnKey(
        project_id=project_id,
        public_key=new_dsn_key() if new.public_key is None else _usable(new.public_key),
        label=_cleaned(new.label, "DSN label", MAX_LABEL_CHARS) or DEFAULT_LABEL,
        environment=_cleaned(new.environment, "Environment", MAX_ENVIRONMENT_CHARS),
    )
    session.add(row)
    try:
        await session.flush()
    except IntegrityError as error:
        raise Conflict("This DSN key exists already") from error
    return row


async def list_dsn_keys(database: Database, project_id: ProjectId) -> list[ShownDsnKey]:
    """List the DSN keys of a project that are not revoked, the oldest first."""
    query = (
        select(DsnKey, Project)
        .join(Project, Project.id == DsnKey.project_id)
        .where(Project.id == as_uuid(project_id), Project.deleted_at.is_(None))
        .where(DsnKey.revoked_at.is_(None))
        .order_by(DsnKey.created_at, DsnKey.id)
    )
    async with database.reading() as session:
        return [_shown(row[0], row[1]) for row in (await session.execute(query)).all()]


async def project_of_dsn_key(database: Database, key_id: str) -> ProjectId:
    """Return whose a DSN key is; for the operator alone. Raises `NotFound`."""
    query = (
        select(DsnKey.project_id)
        .join(Project, Project.id == DsnKey.project_id)
        .where(DsnKey.id == as_uuid(key_id), Project.deleted_at.is_(None))
        .where(DsnKey.revoked_at.is_(None))
    )
    async with database.reading() as session:
        found = await session.scalar(query)
    if found is None:
        raise NotFound(f"there is no DSN key {key_id!r}; sluice key dsn list shows their ids")
    return ProjectId(str(found))


async def revoke_dsn_key(database: Database, project_id: ProjectId, key_id: str) -> str:
    """End a DSN key and return it, for `DsnKeys.forget`; raises `NotFound`.

    Its row stays: a key that clients may still hold is never given to another project.
    """
    query = select(DsnKey).where(
        DsnKey.id == as_uuid(key_id),
        DsnKey.project_id == as_uuid(project_id),
        DsnKey.revoked_at.is_(None),
    )
    async with database.session() as session:
        row = await session.scalar(query)
        if row is None:
            raise NotFound("DSN key not found")
        row.revoked_at = datetime.now(UTC)
        return row.public_key


def dsn_of(base_url: str, key: str, number: int) -> str:
    """Return what an SDK is given: `http://KEY@host[:port][/prefix]/NUMBER`.

    An empty `base_url`, where our own address is not known, gives no host.
    """
    parts = urlsplit(base_url)
    return f"{parts.scheme or 'http'}://{key}@{parts.netloc}{parts.path.rstrip('/')}/{number}"


def is_dsn_key(text: str) -> bool:
    """Tell whether a text has the form of a DSN key: 32 hex digits, in lower case."""
    return FORM.fullmatch(text) is not None


def _usable(key: str) -> str:
    if not is_dsn_key(key):
        raise BadRequest("The DSN key must be 32 hex digits in lower case")
    return key


def _cleaned(text: str, what: str, most_chars: int) -> str:
    cleaned = text.strip()
    if len(cleaned) > most_chars or not cleaned.isprintable():
        raise BadRequest(f"{what} is not a text of at most {most_chars} characters in one line")
    return cleaned


def _shown(row: DsnKey, project: Project) -> ShownDsnKey:
    return ShownDsnKey(
        key_id=KeyId(str(row.id)),
        project_id=ProjectId(str(project.id)),
        project_name=project.name,
        number=project.number,
        public_key=row.public_key,
        label=row.label,
        environment=row.environment,
        created_at=row.created_at,
        last_used_at=row.last_used_at,
    )
