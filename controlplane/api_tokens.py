"""Who is behind an API token, and which projects they reach with it."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

from msgspec import Struct
from sqlalchemy import bindparam, literal, select

from controlplane.crypto import hash_token
from controlplane.database import Database
from controlplane.failures import Forbidden, NotFound, Unauthorized
from controlplane.key_cache import USUAL, CacheBounds, KeyCache
from controlplane.keyring import key_in
from controlplane.last_uses import LastUses
from controlplane.models import ApiToken, Membership, Project
from controlplane.projects import Access, as_role, context_of
from controlplane.rules import as_uuid
from controlplane.scopes import Subject, allows, told
from controlplane.tokens import (
    MAX_CHARS,
    MONITOR_PREFIX,
    PERSON_PREFIX,
    PROBER_PREFIX,
    PROJECT_PREFIX,
)
from schemas.projects import ProjectId, Role, TokenScope, UserId

OF_A_PERSON = (
    select(Project, Membership.role)
    .join(Membership, Membership.project_id == Project.id)
    .where(Membership.user_id == bindparam("user_id"), Project.deleted_at.is_(None))
)
OF_ALL = select(Project, literal("admin")).where(Project.deleted_at.is_(None))
WANTED = Project.id == bindparam("wanted")
ONE_OF_A_PERSON, ONE_OF_ALL = OF_A_PERSON.where(WANTED), OF_ALL.where(WANTED)
"""Made once: to put them together takes longer than to ask them."""


class TokenHolder(Struct, frozen=True):
    """Who asks with an API token: a project, a person, or with neither the operator."""

    scope: str
    """As `controlplane.scopes` reads it."""
    project_id: ProjectId | None
    user_id: UserId | None
    name: str
    last_four: str
    expires_at: datetime | None
    token_id: str


class ReachedProject(Struct, frozen=True):
    """A project that a token reaches."""

    access: Access
    name: str
    number: int
    created_at: datetime


class ApiTokens:
    """The API tokens that this process has seen; one per process."""

    def __init__(
        self,
        database: Database,
        bounds: CacheBounds = USUAL,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._tokens = KeyCache(self._load, bounds, clock)
        self._uses = LastUses(database, ApiToken)

    async def holder_of(self, authorization: str | None) -> TokenHolder:
        """Return who is behind an `Authorization` header, or raise `Unauthorized`."""
        plain = key_in(authorization)
        if not is_api_token(plain):
            raise Unauthorized("Invalid or expired API token")
        return await self._holder(plain)

    async def _holder(self, plain: str) -> TokenHolder:
        holder = await self._tokens.find(hash_token(plain))
        if holder is None or _is_over(holder):
            raise Unauthorized("Invalid or expired API token")
        self._uses.note(holder.token_id)
        return holder

    async def monitor_holder_of(self, authorization: str | None) -> TokenHolder:
        """Return who is behind a monitor key, or another API token; raises `Unauthorized`."""
        plain = key_in(authorization)
        if plain.startswith(MONITOR_PREFIX) and len(plain) <= MAX_CHARS:
            return await self._holder(plain)
        return await self.holder_of(authorization)

    async def prober_holder_of(self, authorization: str | None) -> TokenHolder:
        """Return who is behind a prober key; raises `Unauthorized` for any other credential."""
        plain = key_in(authorization)
        if not plain.startswith(PROBER_PREFIX) or len(plain) > MAX_CHARS:
            raise Unauthorized("Invalid or expired prober key: expected sk_probe_…")
        return await self._holder(plain)

    def forget(self, token_hash: str) -> None:
        """Drop what is known of one token; call it after revoking it."""
        self._tokens.forget(token_hash)

    def forget_project(self, project_id: ProjectId) -> None:
        """Drop what is known of a project's tokens; call it after deleting it."""
        self._tokens.forget_those(lambda holder: holder.project_id == project_id)

    async def flush_last_used(self) -> int:
        """Write when the tokens were last used and return how many; as `LastUses.flush`."""
        return await self._uses.flush()

    async def _load(self, token_hash: str) -> TokenHolder | None:
        query = (
            select(ApiToken)
            .outerjoin(Project, Project.id == ApiToken.project_id)
            .where(ApiToken.token_hash == token_hash, ApiToken.revoked_at.is_(None))
            .where(Project.deleted_at.is_(None))
        )
        async with self._database.reading() as session:
            row = await session.scalar(query)
        return None if row is None else _holder(row)


def is_api_token(plain: str) -> bool:
    """Tell by its beginning whether a bearer credential is an API token, known or not."""
    return plain.startswith((PERSON_PREFIX, PROJECT_PREFIX)) and len(plain) <= MAX_CHARS


def check_scope(holder: TokenHolder, needs: TokenScope, subject: Subject | None = None) -> None:
    """Raise `Forbidden` for a token that may do less than is needed, of a subject or of none."""
    if allows(holder.scope, needs, subject):
        return
    if subject is not None:
        raise Forbidden(f"This key lacks the scope {subject}:{needs}")
    raise Forbidden(f"Token scope '{holder.scope}' cannot perform this action")


async def project_for(
    database: Database,
    holder: TokenHolder,
    project_id: str,
    *,
    needs: TokenScope,
    subject: Subject | None = None,
) -> ReachedProject:
    """Return a project that a token reaches now, for something that needs a scope.

    Raises `Forbidden` for a scope that is too small, for a project's token at another project and
    for what only admins may, where its person is none; `NotFound` for a project that is unknown,
    deleted, or none of its person's.
    """
    check_scope(holder, needs, subject)
    if holder.project_id is not None and as_uuid(holder.project_id) != as_uuid(project_id):
        raise Forbidden("Token is scoped to a different project")
    values = {"wanted": as_uuid(project_id), "user_id": as_uuid(holder.user_id or "")}
    query = ONE_OF_ALL if holder.user_id is None else ONE_OF_A_PERSON
    async with database.reading() as session:
        row = (await session.execute(query, values)).one_or_none()
    if row is None:
        raise NotFound("Project not found")
    found = _reached_project(row[0], as_role(row[1]))
    if needs == "admin" and found.access.role != "admin":
        raise Forbidden("Forbidden: admin role required for this operation")
    return found


async def reached_projects(database: Database, holder: TokenHolder) -> list[ReachedProject]:
    """List the projects that a token reaches now, the oldest first."""
    values = {"wanted": as_uuid(holder.project_id or ""), "user_id": as_uuid(holder.user_id or "")}
    if holder.user_id is not None:
        query = OF_A_PERSON
    else:
        query = OF_ALL if holder.project_id is None else ONE_OF_ALL
    query = query.order_by(Project.created_at, Project.id)
    async with database.reading() as session:
        rows = (await session.execute(query, values)).all()
    return [_reached_project(row[0], as_role(row[1])) for row in rows]


def _reached_project(project: Project, role: Role) -> ReachedProject:
    access = Access(context_of(project, key_id=None), role)
    return ReachedProject(access, project.name, project.number, project.created_at)


def _is_over(holder: TokenHolder) -> bool:
    return holder.expires_at is not None and holder.expires_at <= datetime.now(UTC)


def _holder(row: ApiToken) -> TokenHolder:
    return TokenHolder(
        scope=told(row.scope, row.subjects),
        project_id=None if row.project_id is None else ProjectId(str(row.project_id)),
        user_id=None if row.user_id is None else UserId(str(row.user_id)),
        name=row.name,
        last_four=row.last_four,
        expires_at=row.expires_at,
        token_id=str(row.id),
    )
