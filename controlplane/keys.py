"""API keys of a project: made, shown to admins, renamed, revoked. Looking one up is keyring's."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

import structlog
from msgspec import Struct
from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.crypto import UnsealError, Vault, hash_token, new_api_key
from controlplane.database import Database
from controlplane.failures import BadRequest, Conflict, NotFound
from controlplane.key_names import keep_name
from controlplane.lookups import live_project, locked_project
from controlplane.models import ApiKey, ApiToken, DsnKey, Project
from controlplane.quotas import refuse_beyond
from controlplane.rules import as_uuid, cleaned_name
from schemas.projects import KeyId, ProjectId

DEFAULT_KEY_NAME = "Default Key"
MAX_KEY_CHARS = 200

_log = structlog.get_logger(__name__)


class Key(Struct, frozen=True):
    """An API key with its plaintext: for admins of its project only, never for a log."""

    key_id: KeyId
    project_id: ProjectId
    project_name: str
    name: str
    plain: str
    created_at: datetime
    last_used_at: datetime | None


class KeyDraft(Struct, frozen=True):
    """A key to make: its name, and its value, of which `None` makes a random one."""

    name: str
    plain: str | None = None


async def create_key(
    database: Database,
    vault: Vault,
    project_id: ProjectId,
    new: KeyDraft,
    *,
    at_most: int | None = None,
) -> Key:
    """Create a key and return it with its plaintext; a project may have `at_most`, or any number.

    Raises `NotFound` for an unknown or deleted project, `BadRequest` for a name or value that
    breaks a rule, `Conflict` when the given value is a key already or the project has enough.
    """
    cleaned = cleaned_name(new.name, "API key name")
    async with database.session() as session:
        project = await locked_project(session, project_id)
        counted = select(func.count()).select_from(ApiKey).where(ApiKey.project_id == project.id)
        found = await session.scalar(counted) or 0
        what = "The project has too many API keys"
        refuse_beyond(at_most, found, what=what, setting="max_keys_per_project")
        row = await insert_key(session, vault, project.id, cleaned, plain=new.plain)
        return _shown(row, project.name, vault)


async def insert_key(
    session: AsyncSession, vault: Vault, project_id: UUID, name: str, *, plain: str | None
) -> ApiKey:
    """Add a key within an open transaction; `None` for `plain` makes a random one."""
    value = new_api_key() if plain is None else _usable(plain)
    key_hash = hash_token(value)
    row = ApiKey(
        project_id=project_id,
        name=name,
        key_hash=key_hash,
        sealed_key=vault.seal(value, bound_to=key_hash),
    )
    session.add(row)
    try:
        await session.flush()
    except IntegrityError as error:
        raise Conflict("This API key exists already") from error
    return row


async def list_keys(database: Database, vault: Vault, project_id: ProjectId) -> list[Key]:
    """List a project's keys with their plaintext, the oldest first.

    Leaves out, with a warning in the log, what was sealed under another secret: a client takes
    the first key of the list for a working one.
    """
    query = (
        select(ApiKey, Project.name)
        .join(Project, Project.id == ApiKey.project_id)
        .where(Project.id == as_uuid(project_id), Project.deleted_at.is_(None))
        .order_by(ApiKey.created_at, ApiKey.id)
    )
    async with database.reading() as session:
        rows = (await session.execute(query)).all()
    keys = []
    for row, project_name in rows:
        try:
            keys.append(_shown(row, project_name, vault))
        except UnsealError:
            _log.warning("api key sealed with another secret", key_id=str(row.id))
    return keys


async def reveal_key(database: Database, vault: Vault, project_id: ProjectId, key_id: str) -> Key:
    """Return one key of a project with its plaintext; raises `NotFound`, `UnsealError`."""
    async with database.reading() as session:
        row = await _key_of(session, project_id, key_id)
        project = await live_project(session, project_id)
        return _shown(row, project.name, vault)


async def project_of_key(database: Database, key_id: str) -> ProjectId:
    """Return whose a key is; for the operator alone. Raises `NotFound`."""
    query = (
        select(ApiKey.project_id)
        .join(Project, Project.id == ApiKey.project_id)
        .where(ApiKey.id == as_uuid(key_id), Project.deleted_at.is_(None))
    )
    async with database.reading() as session:
        found = await session.scalar(query)
    if found is None:
        raise NotFound(f"there is no API key {key_id!r}; sluice key list shows their ids")
    return ProjectId(str(found))


async def rename_key(database: Database, project_id: ProjectId, key_id: str, name: str) -> None:
    """Give a key another name; raises `NotFound`, `BadRequest`."""
    cleaned = cleaned_name(name, "API key name")
    async with database.session() as session:
        (await _key_of(session, project_id, key_id)).name = cleaned


async def revoke_key(database: Database, project_id: ProjectId, key_id: str) -> str:
    """Delete a key and return its hash, for `KeyRing.forget`; raises `NotFound`."""
    async with database.session() as session:
        row = await _key_of(session, project_id, key_id)
        await keep_name(session, row)
        await session.delete(row)
        return row.key_hash


async def end_keys(session: AsyncSession, project_ids: Collection[UUID | None]) -> None:
    """Delete every key and token of projects, of all sorts, within an open transaction."""
    for table in (ApiKey, DsnKey, ApiToken):
        await session.execute(delete(table).where(table.project_id.in_(project_ids)))


async def _key_of(session: AsyncSession, project_id: ProjectId, key_id: str) -> ApiKey:
    query = select(ApiKey).where(
        ApiKey.id == as_uuid(key_id), ApiKey.project_id == as_uuid(project_id)
    )
    row = await session.scalar(query)
    if row is None:
        raise NotFound("API key not found")
    return row


def _usable(plain: str) -> str:
    """Refuse a value that no client could send in `Authorization: Bearer`."""
    if not plain or len(plain) > MAX_KEY_CHARS or not plain.isascii() or not plain.isprintable():
        raise BadRequest("The API key must be printable ASCII text")
    if " " in plain:
        raise BadRequest("The API key must not contain a space")
    return plain


def _shown(row: ApiKey, project_name: str, vault: Vault) -> Key:
    return Key(
        key_id=KeyId(str(row.id)),
        project_id=ProjectId(str(row.project_id)),
        project_name=project_name,
        name=row.name,
        plain=vault.unseal(row.sealed_key, bound_to=row.key_hash),
        created_at=row.created_at,
        last_used_at=row.last_used_at,
    )
