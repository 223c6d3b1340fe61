"""Deleting an account, and what goes with it."""

from datetime import UTC, datetime

from msgspec import Struct
from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from controlplane.accounts import Account
from controlplane.database import Database
from controlplane.failures import Conflict, Unauthorized
from controlplane.keys import end_keys
from controlplane.lookups import locked_project
from controlplane.models import Membership, Project, User
from controlplane.rules import as_uuid
from controlplane.sessions import check_password
from schemas.projects import ProjectId, UserId


class SoleProject(Struct, frozen=True):
    """A project that somebody is the only admin of; `others` are its other members."""

    project_id: ProjectId
    name: str
    others: int


async def sole_projects(database: Database, user_id: UserId) -> list[SoleProject]:
    """List the live projects whose only admin a person is, the oldest first."""
    async with database.reading() as session:
        return await _sole_projects(session, user_id)


async def delete_account(database: Database, account: Account, password: str) -> list[ProjectId]:
    """Delete an account with its sessions, memberships and invitations; return deleted projects.

    A project that nobody else belongs to is deleted too, as by `delete_project`. Raises
    `InvalidCredentials` for a wrong password, `Conflict` where others would lose their only admin.
    """
    await check_password(database, account.email, password)
    async with database.session() as session:
        await _lock_projects(session, account.user_id)
        user = await session.get(User, as_uuid(account.user_id))
        if user is None:
            raise Unauthorized("Unauthorized")
        sole = await _sole_projects(session, account.user_id)
        if kept := [one.name for one in sole if one.others]:
            raise Conflict(
                f"Others belong to {', '.join(kept)}, and you are the only admin there:"
                " make another admin first, or delete the project"
            )
        ids = [as_uuid(one.project_id) for one in sole]
        for project in await session.scalars(select(Project).where(Project.id.in_(ids))):
            project.deleted_at = datetime.now(UTC)
        await end_keys(session, ids)
        await session.execute(delete(User).where(User.id == user.id))
        return [one.project_id for one in sole]


async def _lock_projects(session: AsyncSession, user_id: UserId) -> None:
    """Let nobody else change who belongs to a person's projects."""
    query = (
        select(Membership.project_id)
        .join(Project, Project.id == Membership.project_id)
        .where(Membership.user_id == as_uuid(user_id), Project.deleted_at.is_(None))
        .order_by(Membership.project_id)  # the same order for all, or two wait for each other
    )
    for project_id in list(await session.scalars(query)):
        await locked_project(session, str(project_id))


async def _sole_projects(session: AsyncSession, user_id: UserId) -> list[SoleProject]:
    other = aliased(Membership)
    admins = func.count().filter(other.role == "admin")
    query = (
        select(Project.id, Project.name, func.count(other.id))
        .join(Membership, Membership.project_id == Project.id)
        .outerjoin(other, (other.project_id == Project.id) & (other.user_id != Membership.user_id))
        .where(Membership.user_id == as_uuid(user_id), Membership.role == "admin")
        .where(Project.deleted_at.is_(None))
        .group_by(Project.id, Project.name, Project.created_at)
        .having(admins == 0)
        .order_by(Project.created_at, Project.id)
    )
    rows = (await session.execute(query)).all()
    return [SoleProject(ProjectId(str(id_)), name, others) for id_, name, others in rows]
