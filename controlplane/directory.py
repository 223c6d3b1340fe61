"""What the operator of an installation may ask across projects, where a member may not."""

from datetime import datetime

from msgspec import Struct
from sqlalchemy import delete, func, select

from controlplane.accounts import Account, account_of
from controlplane.crypto import hash_password
from controlplane.database import Database
from controlplane.failures import NotFound
from controlplane.lookups import find_user
from controlplane.models import LoginSession, Membership, Project, User
from controlplane.rules import cleaned_email, refuse_bad_password
from schemas.projects import ProjectId, UserId


class ProjectRow(Struct, frozen=True):
    """A project that is not deleted."""

    project_id: ProjectId
    name: str
    cost_preference: str
    time_zone: str
    retention_days: int | None
    created_at: datetime


class UserRow(Struct, frozen=True):
    """A person and the names of their projects, each with the role there."""

    user_id: UserId
    email: str
    name: str
    projects: tuple[tuple[str, str], ...]
    created_at: datetime


async def all_projects(database: Database) -> list[ProjectRow]:
    """Lists every project that is not deleted, the oldest first."""
    query = select(Project).where(Project.deleted_at.is_(None)).order_by(Project.created_at)
    async with database.reading() as session:
        rows = (await session.scalars(query)).all()
    return [
        ProjectRow(
            ProjectId(str(row.id)),
            row.name,
            row.cost_preference,
            row.time_zone,
            row.retention_days,
            row.created_at,
        )
        for row in rows
    ]


async def projects_version(database: Database) -> tuple[int, datetime | None]:
    """Tells, at the cost of one row, whether any project has changed since another call."""
    query = select(func.count(), func.max(Project.updated_at)).select_from(Project)
    async with database.reading() as session:
        count, changed_at = (await session.execute(query)).one()
    return count, changed_at


async def all_users(database: Database) -> list[UserRow]:
    """Lists every person, the longest-standing first."""
    names = {row.project_id: row.name for row in await all_projects(database)}
    async with database.reading() as session:
        people = (await session.scalars(select(User).order_by(User.created_at))).all()
        joined = (await session.scalars(select(Membership))).all()
    roles: dict[str, list[tuple[str, str]]] = {}
    for row in joined:
        if str(row.project_id) in names:
            name = names[ProjectId(str(row.project_id))]
            roles.setdefault(str(row.user_id), []).append((name, row.role))
    return [
        UserRow(
            UserId(str(row.id)),
            row.email,
            row.name,
            tuple(sorted(roles.get(str(row.id), []))),
            row.created_at,
        )
        for row in people
    ]


async def user_of(database: Database, email: str) -> Account:
    """Returns the person with this email. Raises `NotFound`."""
    async with database.reading() as session:
        user = await find_user(session, cleaned_email(email))
    if user is None:
        raise NotFound(f"nobody has the email {email}")
    return account_of(user)


async def set_password(database: Database, email: str, password: str) -> None:
    """Gives a person a new password and ends their sessions. Raises `NotFound`, `BadRequest`."""
    refuse_bad_password(password)
    password_hash = await hash_password(password)
    async with database.session() as session:
        user = await find_user(session, cleaned_email(email))
        if user is None:
            raise NotFound(f"nobody has the email {email}")
        user.password_hash = password_hash
        await session.execute(delete(LoginSession).where(LoginSession.user_id == user.id))
