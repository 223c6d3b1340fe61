"""Invitations to a project: made, listed, revoked, read by their token, and accepted once.

The token is the capability: whoever brings it may join, with the account that they choose. The
email is a label for the admin. Nobody proves to own one here, so an email alone grants nothing:
an account that somebody made in advance under another person's email gains no project.
"""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from msgspec import Struct
from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.accounts import insert_user
from controlplane.crypto import hash_password, hash_token, new_token
from controlplane.database import Database
from controlplane.failures import Conflict, Forbidden, NotFound, Unauthorized
from controlplane.lookups import locked_project
from controlplane.members import Member, join
from controlplane.models import Invitation, Membership, Project, User
from controlplane.projects import as_role
from controlplane.quotas import refuse_beyond
from controlplane.rules import as_uuid, cleaned_email, cleaned_name, refuse_bad_password
from schemas.projects import ProjectId, Role, UserId

# Long enough for a weekend, short enough that a link in an old mail opens nothing.
INVITATION_LIFETIME = timedelta(days=7)

INVITE_PATH = "/invite"

_GONE = "The invitation is unknown, used, revoked or expired"


class NewInvitation(Struct, frozen=True):
    """Whom to invite, and who does; `None` is the operator."""

    email: str
    role: Role
    inviter_id: UserId | None


class Invited(Struct, frozen=True):
    """A pending invitation as admins see it; `inviter` is `None` for the operator."""

    invitation_id: str
    email: str
    role: Role
    inviter: str | None
    created_at: datetime
    expires_at: datetime


class Offer(Struct, frozen=True):
    """A pending invitation as its holder sees it; `inviter` is `None` for the operator."""

    invitation_id: str
    project_id: ProjectId
    project_name: str
    email: str
    role: Role
    inviter: str | None
    expires_at: datetime


class Newcomer(Struct, frozen=True):
    """The account that an invited person makes for themselves."""

    name: str
    email: str
    password: str


class MadeInvitation(NamedTuple):
    """A new invitation and its token, which is stored nowhere."""

    invited: Invited
    token: str


class Accepted(NamedTuple):
    """Who has joined which project."""

    member: Member
    offer: Offer


async def invite(
    database: Database, project_id: ProjectId, new: NewInvitation, *, at_most: int | None = None
) -> MadeInvitation:
    """Invite to a project; replaces what is pending for the same email.

    Does the same whether or not the email has an account. Raises `BadRequest` for what is no
    email, `Conflict` for a member or when members and invitations together are `at_most`,
    `Forbidden` when the inviter is no admin any more.
    """
    email = cleaned_email(new.email)
    token = new_token()
    async with database.session() as session:
        project = await locked_project(session, project_id)
        inviter = await _admin(session, project, new.inviter_id)
        await _refuse_member(session, project, email)
        await _drop_ended(session, project, email)
        found = await _count_people(session, project)
        what = "The project has too many members and pending invitations"
        refuse_beyond(at_most, found, what=what, setting="max_members_per_project")
        row = Invitation(
            project_id=project.id,
            inviter_id=inviter.id if inviter else None,
            email=email,
            role=new.role,
            token_hash=hash_token(token),
            expires_at=datetime.now(UTC) + INVITATION_LIFETIME,
        )
        session.add(row)
        await session.flush()
        return MadeInvitation(_invited(row, inviter), token)


def invite_url(origin: str, token: str) -> str:
    """Return the link of an invitation.

    The token is in the query string, which neither our log lines nor our proxy's hold.
    """
    return f"{origin}{INVITE_PATH}?token={token}"


async def list_invitations(database: Database, project_id: ProjectId) -> list[Invited]:
    """List a project's pending invitations, the oldest first."""
    query = (
        select(Invitation, User)
        .outerjoin(User, User.id == Invitation.inviter_id)
        .where(Invitation.project_id == as_uuid(project_id))
        .where(Invitation.expires_at > datetime.now(UTC))
        .order_by(Invitation.created_at, Invitation.id)
    )
    async with database.reading() as session:
        return [_invited(row, inviter) for row, inviter in await session.execute(query)]


async def revoke_invitation(database: Database, project_id: ProjectId, invitation_id: str) -> None:
    """Make the token of an invitation worthless; raises `NotFound`."""
    async with database.session() as session:
        await locked_project(session, project_id)
        query = select(Invitation).where(
            Invitation.id == as_uuid(invitation_id), Invitation.project_id == as_uuid(project_id)
        )
        row = await session.scalar(query)
        if row is None:
            raise NotFound("Invitation not found")
        await session.delete(row)


async def project_of_invitation(database: Database, invitation_id: str) -> ProjectId:
    """Return to which project an invitation is; for the operator alone. Raises `NotFound`."""
    query = select(Invitation.project_id).where(Invitation.id == as_uuid(invitation_id))
    async with database.reading() as session:
        found = await session.scalar(query)
    if found is None:
        raise NotFound(
            f"there is no invitation {invitation_id!r}; sluice user invitations shows them"
        )
    return ProjectId(str(found))


async def read_offer(database: Database, token: str) -> Offer:
    """Tell the holder of a token what it offers; raises `NotFound` when it offers nothing."""
    async with database.reading() as session:
        return _offer(*await _pending(session, token))


async def accept_as(database: Database, token: str, user_id: UserId) -> Accepted:
    """Join with an account; raises `NotFound`, `Unauthorized`, `Conflict` for a member."""
    async with database.session() as session:
        row, project, inviter = await _locked(session, token)
        user = await session.get(User, as_uuid(user_id))
        if user is None:
            raise Unauthorized("Unauthorized")
        return await _accept(session, user, row, _offer(row, project, inviter))


async def accept_newly(database: Database, token: str, newcomer: Newcomer) -> Accepted:
    """Make an account and join with it, all or nothing.

    Raises `NotFound` before anything is hashed, `BadRequest` when a field breaks a rule or the
    email has an account.
    """
    await read_offer(database, token)
    name, email = cleaned_name(newcomer.name, "Name"), cleaned_email(newcomer.email)
    refuse_bad_password(newcomer.password)
    password_hash = await hash_password(newcomer.password)
    async with database.session() as session:
        row, project, inviter = await _locked(session, token)
        user = await insert_user(session, name, email, password_hash=password_hash)
        return await _accept(session, user, row, _offer(row, project, inviter))


async def _accept(session: AsyncSession, user: User, row: Invitation, offer: Offer) -> Accepted:
    member = await join(session, user, row.project_id, offer.role)
    await session.delete(row)
    return Accepted(member, offer)


async def _pending(session: AsyncSession, token: str) -> tuple[Invitation, Project, User | None]:
    query = (
        select(Invitation, Project, User)
        .join(Project, Project.id == Invitation.project_id)
        .outerjoin(User, User.id == Invitation.inviter_id)
        .where(Invitation.token_hash == hash_token(token))
        .where(Invitation.expires_at > datetime.now(UTC), Project.deleted_at.is_(None))
    )
    found = (await session.execute(query)).one_or_none()
    if found is None:
        raise NotFound(_GONE)
    return found[0], found[1], found[2]


async def _locked(session: AsyncSession, token: str) -> tuple[Invitation, Project, User | None]:
    """Find a pending invitation again once nobody else can change or accept it."""
    _, project, _ = await _pending(session, token)
    await locked_project(session, str(project.id))
    session.expire_all()
    return await _pending(session, token)


async def _admin(session: AsyncSession, project: Project, user_id: UserId | None) -> User | None:
    if user_id is None:
        return None
    query = (
        select(User)
        .join(Membership, Membership.user_id == User.id)
        .where(User.id == as_uuid(user_id), Membership.project_id == project.id)
        .where(Membership.role == "admin")
    )
    inviter = await session.scalar(query)
    if inviter is None:
        raise Forbidden("Forbidden: admin role required for this operation")
    return inviter


async def _refuse_member(session: AsyncSession, project: Project, email: str) -> None:
    query = select(Membership.id).join(User, User.id == Membership.user_id)
    here = query.where(Membership.project_id == project.id, User.email == email)
    if await session.scalar(here) is not None:
        raise Conflict("User is already a member of this project")


async def _drop_ended(session: AsyncSession, project: Project, email: str) -> None:
    """Delete what is over of the project, and what the new invitation replaces."""
    ended = (Invitation.expires_at <= datetime.now(UTC)) | (Invitation.email == email)
    await session.execute(delete(Invitation).where(Invitation.project_id == project.id, ended))


async def _count_people(session: AsyncSession, project: Project) -> int:
    total = 0
    for table, column in ((Membership, Membership.project_id), (Invitation, Invitation.project_id)):
        query = select(func.count()).select_from(table).where(column == project.id)
        total += await session.scalar(query) or 0
    return total


def _invited(row: Invitation, inviter: User | None) -> Invited:
    return Invited(
        invitation_id=str(row.id),
        email=row.email,
        role=as_role(row.role),
        inviter=inviter.name if inviter else None,
        created_at=row.created_at,
        expires_at=row.expires_at,
    )


def _offer(row: Invitation, project: Project, inviter: User | None) -> Offer:
    return Offer(
        invitation_id=str(row.id),
        project_id=ProjectId(str(project.id)),
        project_name=project.name,
        email=row.email,
        role=as_role(row.role),
        inviter=inviter.name if inviter else None,
        expires_at=row.expires_at,
    )
