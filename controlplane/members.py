"""Who belongs to a project, and in which role. How somebody comes to belong is invitations'."""

from datetime import datetime
from uuid import UUID

from msgspec import Struct
from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.accounts import insert_user
from controlplane.crypto import hash_password
from controlplane.database import Database
from controlplane.failures import BadRequest, Conflict, NotFound
from controlplane.lookups import find_user, locked_project
from controlplane.models import Invitation, Membership, User
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


class NewAccount(Struct, frozen=True):
    """An account to make, and the role it gets in a project."""

    email: str
    role: Role
    name: str
    password: str


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


async def add_newcomer(database: Database, project_id: ProjectId, new: NewAccount) -> Member:
    """Make an account with a first password and add it to a project; for the operator alone.

    Raises `BadRequest` when a field breaks a rule or the email has an account.
    """
    email, name = cleaned_email(new.email), cleaned_name(new.name, "Name")
    refuse_bad_password(new.password)
    password_hash = await hash_password(new.password)
    async with database.session() as session:
        project = await locked_project(session, project_id)
        user = await insert_user(session, name, email, password_hash=password_hash)
        return await join(session, user, project.id, new.role)


async def add_account(database: Database, project_id: ProjectId, email: str, role: Role) -> Member:
    """Add whoever has made the account of an email to a project; for the operator alone.

    Nobody has proved to own an email. Raises `NotFound`, or `Conflict` for a member.
    """
    async with database.session() as session:
        project = await locked_project(session, project_id)
        user = await find_user(session, cleaned_email(email))
        if user is None:
            raise NotFound(f"nobody has the email {email}")
        return await join(session, user, project.id, role)


async def change_role(
    database: Database, project_id: ProjectId, user_id: str, role: Role
) -> Member:
    """Give a member another role; raises `NotFound`, or `Conflict` for the last admin."""
    async with database.session() as session:
        membership = await _found(session, project_id, user_id)
        if role != "admin":
            await _refuse_last_admin(session, membership)
            await _withdraw_invitations(session, membership)
        membership.role = role
        user = await session.get_one(User, membership.user_id)
        return _member(membership, user)


async def remove_member(database: Database, project_id: ProjectId, user_id: str) -> None:
    """Take a user out of a project, and their invitations to it with them.

    Raises `NotFound`, or `Conflict` for its last admin.
    """
    async with database.session() as session:
        membership = await _found(session, project_id, user_id)
        await _refuse_last_admin(session, membership)
        await _withdraw_invitations(session, membership)
        await session.delete(membership)


async def join(session: AsyncSession, user: User, project_id: UUID, role: Role) -> Member:
    """Add a user to a project within an open transaction; raises `Conflict` for a member."""
    membership = Membership(user_id=user.id, project_id=project_id, role=role)
    session.add(membership)
    try:
        await session.flush()
    except IntegrityError as error:
        raise Conflict("User is already a member of this project") from error
    return _member(membership, user)


def checked_role(text: object) -> Role:
    """Read a role; raises `BadRequest` for anything that is none."""
    if text == "admin":
        return "admin"
    if text == "user":
        return "user"
    raise BadRequest("role must be 'admin' or 'user'")


async def _found(session: AsyncSession, project_id: ProjectId, user_id: str) -> Membership:
    # Locked, so that two admins cannot remove each other, nor invite while they are removed.
    project = await locked_project(session, project_id)
    query = select(Membership).where(
        Membership.project_id == project.id, Membership.user_id == as_uuid(user_id)
    )
    membership = await session.scalar(query)
    if membership is None:
        raise NotFound("User not found")
    return membership


async def _refuse_last_admin(session: AsyncSession, leaving: Membership) -> None:
    if leaving.role != "admin":
        return
    query = select(Membership.id).where(
        Membership.project_id == leaving.project_id,
        Membership.role == "admin",
        Membership.id != leaving.id,
    )
    if await session.scalar(query.limit(1)) is None:
        raise Conflict("The last admin of a project stays its admin: make another one first")


async def _withdraw_invitations(session: AsyncSession, membership: Membership) -> None:
    """Drop what a member has invited to: else a link of their own would let them back in."""
    await session.execute(
        delete(Invitation).where(
            Invitation.project_id == membership.project_id,
            Invitation.inviter_id == membership.user_id,
        )
    )


def _member(membership: Membership, user: User) -> Member:
    return Member(
        user_id=UserId(str(user.id)),
        name=user.name,
        email=user.email,
        role=as_role(membership.role),
        created_at=membership.created_at,
    )
