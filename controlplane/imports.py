"""Accounts of another server, brought in as they are: projects, keys, people, who belongs where."""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime

from msgspec import Struct
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.crypto import Vault, hash_token, is_scrypt_hash
from controlplane.database import Database
from controlplane.dsn import DsnDraft, insert_dsn_key
from controlplane.failures import BadRequest
from controlplane.lookups import find_user
from controlplane.models import ApiKey, Membership, Project, PurgedProject, User
from controlplane.rules import as_uuid, cleaned_email, cleaned_name
from schemas.projects import ProjectId, Role

PEOPLE = uuid.UUID("5a1dd0b6-6c53-4f0e-9a43-0d5b3d9a3f1c")
"""In which the ids of imported people are made from those that they had."""


class ImportedProject(Struct, frozen=True):
    """A project; it keeps its id."""

    project_id: str
    name: str
    created_at_ms: int


class ImportedKey(Struct, frozen=True):
    """A key by the SHA-256 of its value; `plain` is the value, where it is known."""

    project_id: str
    name: str
    key_hash: str
    created_at_ms: int
    last_used_at_ms: int | None = None
    plain: str | None = None


class ImportedPerson(Struct, frozen=True):
    """Somebody with an account; `password_hash` is better-auth's, `None` for no password."""

    person_id: str
    name: str
    email: str
    password_hash: str | None
    created_at_ms: int


class ImportedMember(Struct, frozen=True):
    """That somebody belongs to a project."""

    person_id: str
    project_id: str
    role: Role
    created_at_ms: int


class Accounts(Struct, frozen=True):
    """All of it."""

    projects: Sequence[ImportedProject]
    keys: Sequence[ImportedKey]
    people: Sequence[ImportedPerson]
    members: Sequence[ImportedMember]


async def import_accounts(
    database: Database, vault: Vault, accounts: Accounts, *, after_ms: int
) -> list[str]:
    """Adds what is not here yet, all or nothing; returns what was left out, and why.

    Keys and memberships up to `after_ms` came with an earlier import: what was revoked or removed
    here since then stays so.
    """
    notes: list[str] = []
    async with database.session() as session:
        for project in accounts.projects:
            notes += await _add_project(session, project)
        for key in accounts.keys:
            known = await session.scalar(select(ApiKey).where(ApiKey.key_hash == key.key_hash))
            if known is not None:
                known.sealed_key = known.sealed_key or _sealed(vault, key)
            elif key.created_at_ms > after_ms:
                notes += await _add_key(session, vault, key)
        for person in accounts.people:
            notes += await _add_person(session, person)
        for member in accounts.members:
            if member.created_at_ms > after_ms:
                await _add_member(session, member)
    return notes


async def live_projects(database: Database) -> frozenset[ProjectId]:
    """Returns the projects that may get data."""
    async with database.reading() as session:
        found = await session.scalars(select(Project.id).where(Project.deleted_at.is_(None)))
        return frozenset(ProjectId(str(one)) for one in found)


async def _add_project(session: AsyncSession, new: ImportedProject) -> list[str]:
    project_id = as_uuid(new.project_id)
    if project_id is None:
        return [f"project {new.project_id}: its id is no UUID"]
    if await session.get(PurgedProject, project_id) is not None:
        return [f"project {new.project_id}: it was deleted here"]
    if await session.get(Project, project_id) is None:
        at = _moment(new.created_at_ms)
        name = _named(new.name, "Project")
        session.add(Project(id=project_id, name=name, created_at=at, updated_at=at))
        await session.flush()
        await insert_dsn_key(session, project_id, DsnDraft())
    return []


async def _add_key(session: AsyncSession, vault: Vault, new: ImportedKey) -> list[str]:
    project = await session.get(Project, as_uuid(new.project_id))
    if project is None or project.deleted_at is not None:
        return [f"key {new.name!r}: its project {new.project_id} is not here"]
    used_ms = new.last_used_at_ms
    session.add(
        ApiKey(
            project_id=project.id,
            name=_named(new.name, "API Key"),
            key_hash=new.key_hash,
            sealed_key=_sealed(vault, new),
            created_at=_moment(new.created_at_ms),
            last_used_at=None if used_ms is None else _moment(used_ms),
        )
    )
    await session.flush()
    return []


async def _add_person(session: AsyncSession, new: ImportedPerson) -> list[str]:
    person_id = uuid.uuid5(PEOPLE, new.person_id)
    if await session.get(User, person_id) is not None:
        return []
    try:
        email, name = cleaned_email(new.email), cleaned_name(new.name or new.email, "Name")
    except BadRequest as error:
        return [f"person {new.person_id}: {error.message}"]
    if await find_user(session, email) is not None:
        return [
            f"person {email}: has an account here already; if it is theirs:"
            f" sluice user add {email} --existing -p PROJECT"
        ]
    password = new.password_hash if is_scrypt_hash(new.password_hash) else None
    at = _moment(new.created_at_ms)
    session.add(
        User(
            id=person_id,
            email=email,
            name=name,
            password_hash=password,
            created_at=at,
            updated_at=at,
        )
    )
    await session.flush()
    return [] if password else [f"person {email}: no password; give one: sluice user password"]


async def _add_member(session: AsyncSession, new: ImportedMember) -> None:
    user = await session.get(User, uuid.uuid5(PEOPLE, new.person_id))
    project = await session.get(Project, as_uuid(new.project_id))
    if user is None or project is None or project.deleted_at is not None:
        return  # said of the person, or of the project
    query = select(Membership.id).where(
        Membership.user_id == user.id, Membership.project_id == project.id
    )
    if await session.scalar(query) is None:
        at = _moment(new.created_at_ms)
        session.add(
            Membership(user_id=user.id, project_id=project.id, role=new.role, created_at=at)
        )
        await session.flush()


def _sealed(vault: Vault, key: ImportedKey) -> bytes:
    """Returns the sealed text of a key, nothing where it is not known."""
    if key.plain is None or hash_token(key.plain) != key.key_hash:
        return b""
    return vault.seal(key.plain, bound_to=key.key_hash)


def _moment(at_ms: int) -> datetime:
    return datetime.fromtimestamp(max(0, at_ms) / 1000, UTC)


def _named(name: str, otherwise: str) -> str:
    try:
        return cleaned_name(name[:200], otherwise)
    except BadRequest:
        return otherwise
