"""Signed-in sessions: opened with a password, by hand-over or by a key; found, closed, expired."""

from datetime import UTC, datetime, timedelta
from typing import cast

from msgspec import Struct
from sqlalchemy import CursorResult, delete, or_, select

from controlplane.accounts import Account, account_of
from controlplane.crypto import (
    hash_password,
    hash_token,
    is_password,
    is_scrypt_hash,
    new_token,
)
from controlplane.database import Database
from controlplane.failures import BadRequest, InvalidCredentials, Unauthorized
from controlplane.lookups import find_user
from controlplane.models import (
    MAX_ADDRESS_CHARS,
    MAX_AGENT_CHARS,
    ApiKey,
    LoginSession,
    Project,
    User,
)
from controlplane.projects import Access, context_of
from controlplane.rules import as_uuid, cleaned_email, refuse_bad_password
from schemas.projects import KeyId, ProjectId, UserId

SESSION_LIFETIME_S = 7 * 24 * 3600
BRIEF_LIFETIME_S = 24 * 3600
"""Of a session that its browser is to forget; these three are better-auth's."""
EXTENDED_AFTER_S = 24 * 3600
LOCAL_OPERATOR = "local-operator"


class Visit(Struct, frozen=True):
    """From where a session is opened, and whether its browser is to keep it when it is closed."""

    ip_address: str = ""
    user_agent: str = ""
    remembered: bool = True


UNSEEN = Visit()


class SignedIn(Struct, frozen=True):
    """A live session and whose it is; `token` is the secret that the cookie carries, signed."""

    session_id: str
    token: str
    account: Account
    created_at: datetime
    updated_at: datetime
    expires_at: datetime
    visit: Visit
    key_access: Access | None = None
    """The one project that a session opened with an API key may enter; `None` for a person's."""


async def sign_in(database: Database, email: str, password: str, visit: Visit = UNSEEN) -> SignedIn:
    """Open a session for an email and its password.

    Raises `InvalidCredentials`, after the same work whether or not the email is known.
    """
    account = await check_password(database, email, password)
    return await open_session(database, account.user_id, visit)


async def check_password(database: Database, email: str, password: str) -> Account:
    """Return whose email and password these are, or raise `InvalidCredentials`."""
    try:
        cleaned = cleaned_email(email)
    except BadRequest:
        cleaned = ""  # nobody's, but it costs the same time
    async with database.reading() as session:
        user = await find_user(session, cleaned)
    if not await is_password(password, user.password_hash if user else None) or user is None:
        raise InvalidCredentials("Invalid email or password")
    if is_scrypt_hash(user.password_hash):
        await _store_password(database, UserId(str(user.id)), password)
    return account_of(user)


async def open_session(database: Database, user_id: UserId, visit: Visit = UNSEEN) -> SignedIn:
    """Open a session for somebody who is known already; raises `Unauthorized` when gone."""
    token = new_token()
    async with database.session() as session:
        user = await session.get(User, as_uuid(user_id))
        if user is None:
            raise Unauthorized("Unauthorized")
        opened = _new_session(token, visit)
        opened.user_id = user.id
        session.add(opened)
    return _signed_in(opened, user, token)


async def open_key_session(database: Database, key_id: KeyId, visit: Visit = UNSEEN) -> SignedIn:
    """Open a session that may do what the key may, and ends with it.

    Raises `Unauthorized` when the key, or its project, is gone.
    """
    token = new_token()
    async with database.session() as session:
        key = await session.get(ApiKey, as_uuid(key_id), with_for_update={"key_share": True})
        if key is None:
            raise Unauthorized("Unauthorized")
        opened = _new_session(token, visit)
        opened.key_id = key.id
        session.add(opened)
    found = await find_session(database, token)
    if found is None:
        raise Unauthorized("Unauthorized")
    return found


async def find_session(database: Database, token: str) -> SignedIn | None:
    """Find the live session of a token, `None` when it is unknown or over.

    A key's is over as soon as the key or its project is deleted.
    """
    query = (
        select(LoginSession, User, Project)
        .outerjoin(User, User.id == LoginSession.user_id)
        .outerjoin(ApiKey, ApiKey.id == LoginSession.key_id)
        .outerjoin(Project, (Project.id == ApiKey.project_id) & Project.deleted_at.is_(None))
        .where(LoginSession.token_hash == hash_token(token))
        .where(LoginSession.expires_at > datetime.now(UTC))
    )
    async with database.reading() as session:
        row = (await session.execute(query)).one_or_none()
    if row is None:
        return None
    user: User | None = row[1]
    project: Project | None = row[2]
    if user is not None:
        return _signed_in(row[0], user, token)
    return None if project is None else _signed_in_with_key(row[0], project, token)


async def find_session_of(database: Database, user_id: str, session_id: str) -> SignedIn | None:
    """Find a person's live session by its id, for who has proved to hold it; `None` when over."""
    query = (
        select(LoginSession, User)
        .join(User, User.id == LoginSession.user_id)
        .where(LoginSession.id == as_uuid(session_id), User.id == as_uuid(user_id))
        .where(LoginSession.expires_at > datetime.now(UTC))
    )
    async with database.reading() as session:
        row = (await session.execute(query)).one_or_none()
    return None if row is None else _signed_in(row[0], row[1], session_id)


async def change_password(database: Database, signed_in: SignedIn, current: str, new: str) -> None:
    """Give a person another password; raises `InvalidCredentials` unless `current` is theirs."""
    refuse_bad_password(new)
    account = await check_password(database, signed_in.account.email, current)
    await _store_password(database, account.user_id, new)


async def extend_session(database: Database, signed_in: SignedIn) -> SignedIn | None:
    """Let a session last anew from now, once a day; `None` where it stays as it is."""
    now = datetime.now(UTC)
    is_due = signed_in.expires_at - now <= timedelta(seconds=SESSION_LIFETIME_S - EXTENDED_AFTER_S)
    if not is_due or not signed_in.visit.remembered:
        return None
    async with database.session() as session:
        opened = await session.get(LoginSession, as_uuid(signed_in.session_id))
        if opened is None:
            return None
        opened.expires_at = now + timedelta(seconds=SESSION_LIFETIME_S)
    return await find_session(database, signed_in.token)


async def list_sessions(database: Database, signed_in: SignedIn) -> list[SignedIn]:
    """List a person's live sessions, the oldest first.

    Only the hashes of tokens are kept: what stands for the token of another session is its id,
    which `end_session` takes and which opens nothing.
    """
    query = (
        select(LoginSession, User)
        .join(User, User.id == LoginSession.user_id)
        .where(LoginSession.user_id == as_uuid(signed_in.account.user_id))
        .where(LoginSession.expires_at > datetime.now(UTC))
        .order_by(LoginSession.created_at, LoginSession.id)
    )
    async with database.reading() as session:
        rows = (await session.execute(query)).all()
    own = {signed_in.session_id: signed_in.token}
    return [_signed_in(row, user, own.get(str(row.id), str(row.id))) for row, user in rows]


async def end_session(database: Database, user_id: UserId, token: str) -> None:
    """Close one session of a person, by its token or id; of another's, or none, nothing happens."""
    named = or_(LoginSession.token_hash == hash_token(token), LoginSession.id == as_uuid(token))
    own = LoginSession.user_id == as_uuid(user_id)
    async with database.session() as session:
        await session.execute(delete(LoginSession).where(own, named))


async def end_sessions(database: Database, user_id: UserId, *, but: str | None = None) -> None:
    """Close every session of a person, but the one of an id."""
    query = delete(LoginSession).where(LoginSession.user_id == as_uuid(user_id))
    if but is not None:
        query = query.where(LoginSession.id != as_uuid(but))
    async with database.session() as session:
        await session.execute(query)


async def sign_out(database: Database, token: str) -> None:
    """Close the session of a token; one that is unknown or closed is no error."""
    async with database.session() as session:
        await session.execute(
            delete(LoginSession).where(LoginSession.token_hash == hash_token(token))
        )


async def purge_expired_sessions(database: Database) -> int:
    """Delete the sessions that are over and return how many; for the janitor."""
    async with database.session() as session:
        query = delete(LoginSession).where(LoginSession.expires_at <= datetime.now(UTC))
        result = cast("CursorResult[tuple[()]]", await session.execute(query))
        return result.rowcount


def operator_name(project_id: ProjectId) -> str:
    """Return what stands for id and email of a session that a key of the project opened.

    It is neither on purpose: nobody can sign up or be invited under it.
    """
    return f"{LOCAL_OPERATOR}:{project_id}"


async def _store_password(database: Database, user_id: UserId, password: str) -> None:
    password_hash = await hash_password(password)
    async with database.session() as session:
        user = await session.get(User, as_uuid(user_id))
        if user is None:
            raise Unauthorized("Unauthorized")
        user.password_hash = password_hash


def _new_session(token: str, visit: Visit) -> LoginSession:
    lifetime_s = SESSION_LIFETIME_S if visit.remembered else BRIEF_LIFETIME_S
    return LoginSession(
        token_hash=hash_token(token),
        expires_at=datetime.now(UTC) + timedelta(seconds=lifetime_s),
        remembered=visit.remembered,
        # PostgreSQL stores no NUL.
        ip_address=visit.ip_address.replace("\0", "")[:MAX_ADDRESS_CHARS],
        user_agent=visit.user_agent.replace("\0", "")[:MAX_AGENT_CHARS],
    )


def _signed_in_with_key(opened: LoginSession, project: Project, token: str) -> SignedIn:
    name = operator_name(ProjectId(str(project.id)))
    created_at = opened.created_at
    return SignedIn(
        session_id=str(opened.id),
        token=token,
        account=Account(UserId(name), "Local operator", name, created_at, created_at),
        created_at=created_at,
        updated_at=opened.updated_at,
        expires_at=opened.expires_at,
        visit=_visit_of(opened),
        key_access=Access(context_of(project, key_id=str(opened.key_id)), "user"),
    )


def _signed_in(opened: LoginSession, user: User, token: str) -> SignedIn:
    return SignedIn(
        session_id=str(opened.id),
        token=token,
        account=account_of(user),
        created_at=opened.created_at,
        updated_at=opened.updated_at,
        expires_at=opened.expires_at,
        visit=_visit_of(opened),
    )


def _visit_of(opened: LoginSession) -> Visit:
    return Visit(opened.ip_address, opened.user_agent, opened.remembered)
