"""The first start: a project, its key and its admin, so that a new installation is usable."""

from collections.abc import Iterator
from contextlib import contextmanager

from msgspec import Struct
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.accounts import insert_user
from controlplane.crypto import API_KEY_PREFIX, UnsealError, Vault, hash_password
from controlplane.database import Database
from controlplane.dsn import is_dsn_key
from controlplane.failures import BadRequest, BadSeed
from controlplane.models import ApiKey, DsnKey, Installation, Project, User
from controlplane.projects import FirstKeys, insert_project
from controlplane.rules import cleaned_email, cleaned_name, explained, refuse_bad_password
from controlplane.tokens import (
    MIN_SEED_CHARS,
    MONITOR_PREFIX,
    PERSON_PREFIX,
    TokenDraft,
    insert_token,
    is_seed_token,
)
from schemas.projects import ProjectId
from schemas.settings import Settings

DEFAULT_PROJECT_NAME = "Default"
SEED_TOKEN_NAME = "SLUICE_INIT_API_TOKEN"
SEED_KEY_NAME = "SLUICE_INIT_MONITOR_KEY"


class Seed(Struct, frozen=True):
    """What the settings say about a first start; `None` or an empty text is not said."""

    project_name: str | None = None
    api_key: str | None = None
    dsn_key: str | None = None
    api_token: str | None = None
    monitor_key: str | None = None
    user_email: str | None = None
    user_password: str | None = None


def seed_of(settings: Settings) -> Seed:
    """Returns the project, key and person that the settings name."""
    return Seed(
        project_name=settings.init_project,
        api_key=settings.init_api_key,
        dsn_key=settings.init_dsn_key,
        api_token=settings.init_api_token,
        monitor_key=settings.init_monitor_key,
        user_email=settings.init_user_email,
        user_password=settings.init_user_password,
    )


class Initial(Struct, frozen=True):
    """The seeded project and its keys, for the start to tell of."""

    project_id: ProjectId
    project_name: str
    key_id: str | None
    """`None` when the key was revoked."""
    plain_key: str | None
    """`None` when the key was revoked, or sealed under another secret."""
    number: int
    dsn_key: str | None
    """Its oldest one, `None` when all were revoked."""
    is_new: bool
    """Whether this call has made them."""


async def ensure_initial(database: Database, vault: Vault, seed: Seed) -> Initial | None:
    """Seed an empty installation; return what was seeded, now or at an earlier start.

    Changes nothing on an installation that has a project or a user. Returns `None` when there
    never was a seeded project or it is deleted. Several processes may call this at once. Raises
    `BadSeed` when the installation is empty and a seed value breaks a rule.
    """
    async with database.reading() as session:
        if not await _is_empty(session):
            return await _planted(session, vault, is_new=False)
    is_new = await _seed(database, vault, seed)
    async with database.reading() as session:
        return await _planted(session, vault, is_new=is_new)


async def _seed(database: Database, vault: Vault, seed: Seed) -> bool:
    """Return whether this process has seeded, and no other was first."""
    _refuse_bad_keys(seed)
    email, password_hash = await _admin_of(seed)
    try:
        async with database.session() as session:
            # Again: another process may have seeded while this one hashed.
            if not await _is_empty(session):
                return False
            await _plant(session, vault, seed, email=email, password_hash=password_hash)
    except IntegrityError:
        return False
    return True


async def _admin_of(seed: Seed) -> tuple[str | None, str | None]:
    if not (seed.user_email or seed.user_password):
        return None, None
    if not (seed.user_email and seed.user_password):
        missing = "SLUICE_INIT_USER_PASSWORD" if seed.user_email else "SLUICE_INIT_USER_EMAIL"
        raise BadSeed(f"{missing} is not set: give email and password of the admin, or neither")
    with _named("SLUICE_INIT_USER_PASSWORD"):
        refuse_bad_password(seed.user_password)
    with _named("SLUICE_INIT_USER_EMAIL"):
        email = cleaned_email(seed.user_email)
    return email, await hash_password(seed.user_password)


def _refuse_bad_keys(seed: Seed) -> None:
    """Raise `BadSeed` for a key or token that the clients for it would not take.

    Pulse's look at the beginning of their key, and Sentry's at the form of theirs.
    """
    plain, dsn_key, token = seed.api_key, seed.dsn_key, seed.api_token
    if plain and (not plain.startswith(API_KEY_PREFIX) or plain == API_KEY_PREFIX):
        raise BadSeed(
            f"SLUICE_INIT_API_KEY: expected {API_KEY_PREFIX} and a text that nobody guesses, as of"
            f" python3 -c \"import uuid; print('{API_KEY_PREFIX}' + str(uuid.uuid4()))\""
        )
    if dsn_key and not is_dsn_key(dsn_key):
        raise BadSeed(
            "SLUICE_INIT_DSN_KEY: expected 32 hex digits in lower case, as of"
            ' python3 -c "import uuid; print(uuid.uuid4().hex)"'
        )
    if token and not is_seed_token(token):
        raise BadSeed(
            f"SLUICE_INIT_API_TOKEN: expected {PERSON_PREFIX} and {MIN_SEED_CHARS} or more"
            " characters that nobody guesses, as of"
            f" python3 -c \"import secrets; print('{PERSON_PREFIX}' + secrets.token_hex(24))\""
        )
    if seed.monitor_key and not is_seed_token(seed.monitor_key, MONITOR_PREFIX):
        raise BadSeed(
            f"SLUICE_INIT_MONITOR_KEY: expected {MONITOR_PREFIX} and {MIN_SEED_CHARS} or more"
            " characters that nobody guesses, as of"
            f" python3 -c \"import secrets; print('{MONITOR_PREFIX}' + secrets.token_hex(24))\""
        )


@contextmanager
def _named(variable: str) -> Iterator[None]:
    try:
        yield
    except BadRequest as error:
        raise BadSeed(f"{variable}: {explained(error.message)}") from error


async def _is_empty(session: AsyncSession) -> bool:
    for entity in (Installation.id, Project.id, User.id):
        if await session.scalar(select(entity).limit(1)) is not None:
            return False
    return True


async def _plant(
    session: AsyncSession,
    vault: Vault,
    seed: Seed,
    *,
    email: str | None,
    password_hash: str | None,
) -> None:
    installation = Installation(singleton=1)
    session.add(installation)
    await session.flush()  # waits here for another process that is seeding, then fails
    admin = None
    if email is not None:
        name = email.partition("@")[0]
        admin = await insert_user(session, name, email, password_hash=password_hash)
    with _named("SLUICE_INIT_PROJECT"):
        project_name = cleaned_name(seed.project_name or DEFAULT_PROJECT_NAME, "Project name")
    with _named("SLUICE_INIT_API_KEY"):
        project, key = await insert_project(
            session,
            vault,
            project_name,
            admin_id=admin.id if admin else None,
            keys=FirstKeys(plain=seed.api_key or None, dsn=seed.dsn_key or None),
        )
    if seed.api_token:
        new = TokenDraft(SEED_TOKEN_NAME, "admin")
        await insert_token(session, seed.api_token, new, project=None, user=None)
    if seed.monitor_key:
        new = TokenDraft(SEED_KEY_NAME, "write")
        await insert_token(session, seed.monitor_key, new, project=project, user=None)
    installation.initial_project_id, installation.initial_key_id = project.id, key.id


async def _planted(session: AsyncSession, vault: Vault, *, is_new: bool) -> Initial | None:
    query = (
        select(Project, ApiKey)
        .join(Installation, Installation.initial_project_id == Project.id)
        .outerjoin(ApiKey, ApiKey.id == Installation.initial_key_id)
        .where(Project.deleted_at.is_(None))
    )
    row = (await session.execute(query)).one_or_none()
    if row is None:
        return None
    project, key = row
    key_id = None if key is None else str(key.id)
    dsn_keys = select(DsnKey.public_key).where(DsnKey.project_id == project.id)
    oldest = dsn_keys.where(DsnKey.revoked_at.is_(None)).order_by(DsnKey.created_at, DsnKey.id)
    return Initial(
        project_id=ProjectId(str(project.id)),
        project_name=project.name,
        key_id=key_id,
        plain_key=_plain(vault, key),
        number=project.number,
        dsn_key=await session.scalar(oldest.limit(1)),
        is_new=is_new,
    )


def _plain(vault: Vault, key: ApiKey | None) -> str | None:
    try:
        return None if key is None else vault.unseal(key.sealed_key, bound_to=key.key_hash)
    except UnsealError:
        return None
