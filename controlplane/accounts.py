"""People: signing up, and what an account shows of itself."""

from datetime import datetime

from msgspec import Struct
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.crypto import Vault, hash_password
from controlplane.database import Database
from controlplane.failures import BadRequest, Conflict, Unauthorized
from controlplane.lookups import find_user
from controlplane.models import User
from controlplane.projects import insert_project
from controlplane.rules import as_uuid, cleaned_email, cleaned_name, refuse_bad_password
from schemas.projects import UserId


class Account(Struct, frozen=True):
    """A person, without anything secret."""

    user_id: UserId
    name: str
    email: str
    created_at: datetime
    updated_at: datetime


class SignUp(Struct, frozen=True):
    """What a new person gives; names are trimmed, the email is lowered too."""

    name: str
    email: str
    password: str
    project_name: str


async def sign_up(database: Database, vault: Vault, form: SignUp) -> Account:
    """Create a user with a first project and its `Default Key`, all or nothing.

    Raises `BadRequest` when a field breaks a rule or the email has an account.
    """
    name, email = cleaned_name(form.name, "Name"), cleaned_email(form.email)
    project_name = cleaned_name(form.project_name, "Project name")
    refuse_bad_password(form.password)
    password_hash = await hash_password(form.password)
    async with database.session() as session:
        user = await insert_user(session, name, email, password_hash=password_hash)
        await insert_project(session, vault, project_name, admin_id=user.id)
    return account_of(user)


async def register(database: Database, name: str, email: str, password: str) -> Account:
    """Create a user who has no project yet.

    Raises `BadRequest` when a field breaks a rule, `Conflict` when the email has an account.
    """
    name, email = cleaned_name(name, "Name"), cleaned_email(email)
    refuse_bad_password(password)
    password_hash = await hash_password(password)
    async with database.session() as session:
        if await find_user(session, email) is not None:
            raise Conflict("user with this email already exists")
        user = await insert_user(session, name, email, password_hash=password_hash)
    return account_of(user)


async def rename_account(database: Database, user_id: UserId, name: str) -> Account:
    """Give a person another name; raises `BadRequest`, or `Unauthorized` when they are gone."""
    cleaned = cleaned_name(name, "Name")
    async with database.session() as session:
        user = await session.get(User, as_uuid(user_id))
        if user is None:
            raise Unauthorized("Unauthorized")
        user.name = cleaned
        await session.flush()
        return account_of(user)


async def insert_user(
    session: AsyncSession, name: str, email: str, *, password_hash: str | None
) -> User:
    """Add a user within an open transaction; raises `BadRequest` when the email is taken."""
    user = User(name=name, email=email, password_hash=password_hash)
    session.add(user)
    try:
        await session.flush()
    except IntegrityError as error:
        raise BadRequest("User already exists. Use another email.") from error
    return user


def account_of(user: User) -> Account:
    """Show a user's row to the outside."""
    return Account(UserId(str(user.id)), user.name, user.email, user.created_at, user.updated_at)
