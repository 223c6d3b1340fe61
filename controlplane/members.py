"""Who belongs to a project, and in which role."""

from datetime import datetime
from uuid import UUID

from msgspec import Struct
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.accounts import insert_user
from controlplane.crypto import hash_password
from controlplane.database import Database
from controlplane.errors import BadRequest, Conflict, NotFound
from controlplane.lookups import find_user
from controlplane.models import Membership, User
from controlplane.projects import as_role
from controlplane.rules import as_uuid, cleaned_email, cleaned_name, refuse_bad_password
from schemas.projects import ProjectId, Role, UserId


class Member(Struct, frozen=True):
    """A user of a project; `created_at` is when they joined it."""

    user_id: UserId
    name: str
    email: str
    role: Role
    created_at: datetime


class NewMember(Struct, frozen=True):
    """Whom to add; name and password are needed, and used, only for an email without account."""

    email: str
    role: Role
    name: str | None = None
    password: str | None = None


async def list_members(database: Database, project_id: ProjectId) -> list[Member]:
    """List a project's members, the longest-standing first."""
    query = (
        select(Membership, User)
        .join(User, User.id == Membership.user_id)
        .where(Membership.project_id == as_uuid(project_id))
        .order_by(Membership.created_at, Membership.id)
    )
    async with database.reading() as session:
        return [_member(row[0], row[1]) for row in await session.execute(query)]


async def add_member(database: Database, project_id: ProjectId, new: NewMember) -> Member:
    """Add a user to a project, creating the account when the email has none.

    Raises `BadRequest` when a needed field is missing or breaks a rule, `Conflict` when the user
    is a member already.
    """
    email = cleaned_email(new.email)
    async with database.reading() as session:
        known = await find_user(session, email) is not None
    password_hash = None if known else await _hash_of_newcomer(new)
    async with database.session() as session:
        user = await find_user(session, email)
        if user is None:
            name = cleaned_name(new.name or "", "Name")
            user = await insert_user(session, name, email, password_hash=password_hash)
        return await _join(session, user, UUID(project_id), new.role)


async def remove_member(database: Database, project_id: ProjectId, user_id: str) -> None:
    """Take a user out of a project; raises `NotFound`, or `Conflict` for its last admin."""
    async with database.session() as session:
        query = select(Membership).where(Membership.project_id == as_uuid(project_id))
        # Locks the project's rows on PostgreSQL, so that two admins cannot remove each other.
        members = (await session.scalars(query.with_for_update())).all()
        leaving = next((m for m in members if m.user_id == as_uuid(user_id)), None)
        if leaving is None:
            raise NotFound("User not found")
        if not any(m.role == "admin" for m in members if m is not leaving):
            raise Conflict("The last admin of a project cannot be removed")
        await session.delete(leaving)


async def _hash_of_newcomer(new: NewMember) -> str:
    if not (new.name and new.name.strip() and new.password):
        raise BadRequest("Missing required fields for new user: name, password")
    refuse_bad_password(new.password)
    return await hash_password(new.password)


async def _join(session: AsyncSession, user: User, project_id: UUID, role: Role) -> Member:
    membership = Membership(user_id=user.id, project_id=project_id, role=role)
    session.add(membership)
    try:
        await session.flush()
    except IntegrityError as error:
        raise Conflict("User is already a member of this project") from error
    return _member(membership, user)


def _member(membership: Membership, user: User) -> Member:
    return Member(
        user_id=UserId(str(user.id)),
        name=user.name,
        email=user.email,
        role=as_role(membership.role),
        created_at=membership.created_at,
    )
