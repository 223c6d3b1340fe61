"""Signed-in sessions: opened with a password or by hand-over, found by token, closed, expired."""

from datetime import UTC, datetime, timedelta
from typing import cast

from msgspec import Struct
from sqlalchemy import CursorResult, delete, select

from controlplane.accounts import Account, account_of
from controlplane.crypto import hash_token, is_password, new_token
from controlplane.database import Database
from controlplane.errors import BadRequest, InvalidCredentials, Unauthorized
from controlplane.lookups import find_user
from controlplane.models import LoginSession, User
from controlplane.rules import as_uuid, cleaned_email
from schemas.projects import UserId

SESSION_LIFETIME_S = 7 * 24 * 3600


class SignedIn(Struct, frozen=True):
    """A live session and whose it is; `token` is the secret that the cookie carries, signed."""

    session_id: str
    token: str
    account: Account
    created_at: datetime
    expires_at: datetime


async def sign_in(database: Database, email: str, password: str) -> SignedIn:
    """Open a session for an email and its password.

    Raises `InvalidCredentials`, after the same work whether or not the email is known.
    """
    account = await check_password(database, email, password)
    return await open_session(database, account.user_id)


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
    return account_of(user)


async def open_session(database: Database, user_id: UserId) -> SignedIn:
    """Open a session for somebody who is known already; raises `Unauthorized` when gone."""
    token = new_token()
    async with database.session() as session:
        user = await session.get(User, as_uuid(user_id))
        if user is None:
            raise Unauthorized("Unauthorized")
        opened = LoginSession(
            user_id=user.id,
            token_hash=hash_token(token),
            expires_at=datetime.now(UTC) + timedelta(seconds=SESSION_LIFETIME_S),
        )
        session.add(opened)
    return _signed_in(opened, user, token)


async def find_session(database: Database, token: str) -> SignedIn | None:
    """Find the live session of a token, `None` when it is unknown or over."""
    query = (
        select(LoginSession, User)
        .join(User, User.id == LoginSession.user_id)
        .where(LoginSession.token_hash == hash_token(token))
        .where(LoginSession.expires_at > datetime.now(UTC))
    )
    async with database.reading() as session:
        row = (await session.execute(query)).one_or_none()
    return None if row is None else _signed_in(row[0], row[1], token)


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


def _signed_in(opened: LoginSession, user: User, token: str) -> SignedIn:
    return SignedIn(
        session_id=str(opened.id),
        token=token,
        account=account_of(user),
        created_at=opened.created_at,
        expires_at=opened.expires_at,
    )
