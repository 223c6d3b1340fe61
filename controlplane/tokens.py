"""API tokens, for programs that ask: made, listed, revoked. Knowing one is api_tokens'.

`oscp_` tokens belong to one project, and its admins handle them; so do `sk_live_` tokens, which
reach its monitors alone, and `sk_probe_` tokens, of its probers. `osco_` tokens belong to a person
and reach what the person may reach; that of the first start belongs to nobody and reaches all.
"""

from datetime import UTC, datetime
from uuid import UUID

from msgspec import Struct
from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.crypto import hash_token, new_api_token
from controlplane.database import Database
from controlplane.failures import BadRequest, Forbidden, NotFound
from controlplane.lookups import locked_project
from controlplane.models import ApiToken, Project, User
from controlplane.quotas import refuse_beyond
from controlplane.rules import as_uuid, cleaned_name
from controlplane.scopes import as_scope, kept, told
from schemas.projects import ProjectId, UserId

PERSON_PREFIX = "osco_"
PROJECT_PREFIX = "oscp_"
MONITOR_PREFIX = "sk_live_"
"""Of keys that reach the monitors of one project alone."""
PROBER_PREFIX = "sk_probe_"
"""Of keys of probers: they are told what to look at, with the secrets in it, and send checks."""
MIN_SEED_CHARS = 16
"""Behind the prefix of a token that an operator makes up."""
MAX_CHARS = 200


class ShownToken(Struct, frozen=True):
    """An API token as its owner sees it: without its value, which nobody keeps."""

    token_id: str
    name: str
    last_four: str
    scope: str
    project_id: ProjectId | None
    project_name: str | None
    user_id: UserId | None
    email: str | None
    """Of the person whose it is."""
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


class TokenDraft(Struct, frozen=True):
    """A token to make; `None` for its end is never, and for its value a random one."""

    name: str
    scope: str = "read"
    expires_at: datetime | None = None
    plain: str | None = None
    for_monitors: bool = False
    """Whether it is a monitor key: of a project, for its monitors alone."""
    for_probers: bool = False
    """Whether it is a prober key: of a project, for nothing but its probers."""


class NewToken(Struct, frozen=True):
    """A token that was made, with the only sight of its value."""

    token: ShownToken
    plain: str


class TokenOwner(Struct, frozen=True):
    """Whose a token is: of one project, of one person, or with neither the operator's."""

    project_id: ProjectId | None = None
    user_id: UserId | None = None


async def create_token(
    database: Database, owner: TokenOwner, new: TokenDraft, *, at_most: int | None = None
) -> NewToken:
    """Create a token; an owner may have `at_most` that are not revoked, or any number.

    Raises `NotFound` for an unknown or deleted project, `Forbidden` for an unknown person,
    `BadRequest` for a name, scope or end that breaks a rule, `Conflict` when there are enough.
    """
    async with database.session() as session:
        project = user = None
        if owner.project_id is not None:
            project = await locked_project(session, owner.project_id)
        elif owner.user_id is not None:
            lock = {"key_share": True}
            user = await session.get(User, _id_of(owner.user_id), with_for_update=lock)
            if user is None:
                raise Forbidden("Forbidden: only a person has tokens for all of their projects")
        counted = select(func.count()).select_from(ApiToken).where(_is_live(), _owned_by(owner))
        found = await session.scalar(counted) or 0
        what = "There are too many API tokens"
        refuse_beyond(at_most, found, what=what, setting="max_keys_per_project")
        plain = new.plain or new_api_token(_prefix(new, project))
        row = await insert_token(session, plain, new, project=project, user=user)
        return NewToken(_shown(row, project, user), plain)


def _prefix(new: TokenDraft, project: Project | None) -> str:
    if project is None:
        return PERSON_PREFIX
    if new.for_probers:
        return PROBER_PREFIX
    return MONITOR_PREFIX if new.for_monitors else PROJECT_PREFIX


async def insert_token(
    session: AsyncSession,
    plain: str,
    new: TokenDraft,
    *,
    project: Project | None,
    user: User | None,
) -> ApiToken:
    """Add a token within an open transaction."""
    if new.expires_at is not None and new.expires_at <= datetime.now(UTC):
        raise BadRequest("expiresAt must be in the future")
    general, subjects = kept(as_scope(new.scope))
    row = ApiToken(
        project_id=None if project is None else project.id,
        user_id=None if user is None else user.id,
        name=cleaned_name(new.name, "Token name"),
        token_hash=hash_token(plain),
        last_four=plain[-4:],
        scope=general,
        subjects=subjects,
        expires_at=new.expires_at,
    )
    session.add(row)
    await session.flush()
    return row


async def list_tokens(database: Database, owner: TokenOwner) -> list[ShownToken]:
    """List the tokens of a project or person that are not revoked, the oldest first.

    Those that have expired are listed too.
    """
    return await _listed(database, _owned_by(owner))


async def all_tokens(database: Database) -> list[ShownToken]:
    """List every token that is not revoked, the oldest first; for the operator alone."""
    return await _listed(database, ApiToken.id.is_not(None))


async def revoke_token(database: Database, owner: TokenOwner, token_id: str) -> str:
    """End a token of a project or person; return its hash, for `ApiTokens.forget`.

    Raises `NotFound`.
    """
    return await _revoke(database, _owned_by(owner), token_id)


async def revoke_any_token(database: Database, token_id: str) -> str:
    """As `revoke_token`, whosever it is; for the operator alone."""
    try:
        return await _revoke(database, ApiToken.id.is_not(None), token_id)
    except NotFound as error:
        hint = "sluice token list shows their ids"
        raise NotFound(f"there is no API token {token_id!r}; {hint}") from error


def is_seed_token(text: str, prefix: str = PERSON_PREFIX) -> bool:
    """Tell whether an operator may give this token: it can be sent, and is not short."""
    secret = text.removeprefix(prefix)
    can_be_sent = text.isascii() and text.isprintable() and " " not in text
    return (
        secret != text and can_be_sent and len(secret) >= MIN_SEED_CHARS and len(text) <= MAX_CHARS
    )


async def _listed(database: Database, which: ColumnElement[bool]) -> list[ShownToken]:
    query = (
        select(ApiToken, Project, User)
        .outerjoin(Project, Project.id == ApiToken.project_id)
        .outerjoin(User, User.id == ApiToken.user_id)
        .where(_is_live(), which)
        .order_by(ApiToken.created_at, ApiToken.id)
    )
    async with database.reading() as session:
        return [_shown(row[0], row[1], row[2]) for row in (await session.execute(query)).all()]


async def _revoke(database: Database, which: ColumnElement[bool], token_id: str) -> str:
    query = select(ApiToken).where(ApiToken.id == as_uuid(token_id), _is_live(), which)
    async with database.session() as session:
        row = await session.scalar(query)
        if row is None:
            raise NotFound("API token not found")
        row.revoked_at = datetime.now(UTC)
        return row.token_hash


def _is_live() -> ColumnElement[bool]:
    return ApiToken.revoked_at.is_(None)


def _owned_by(owner: TokenOwner) -> ColumnElement[bool]:
    if owner.project_id is not None:
        return ApiToken.project_id == _id_of(owner.project_id)
    if owner.user_id is not None:
        return ApiToken.user_id == _id_of(owner.user_id)
    return and_(ApiToken.project_id.is_(None), ApiToken.user_id.is_(None))


def _id_of(text: str) -> UUID:
    """Returns an id that belongs to nothing for what is no id: `= NULL` is never true either."""
    return as_uuid(text) or UUID(int=0)


def _shown(row: ApiToken, project: Project | None, user: User | None) -> ShownToken:
    return ShownToken(
        token_id=str(row.id),
        name=row.name,
        last_four=row.last_four,
        scope=told(row.scope, row.subjects),
        project_id=None if row.project_id is None else ProjectId(str(row.project_id)),
        project_name=None if project is None else project.name,
        user_id=None if row.user_id is None else UserId(str(row.user_id)),
        email=None if user is None else user.email,
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
    )
