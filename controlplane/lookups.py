"""Rows that several subjects look for within an open transaction."""

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.failures import NotFound
from controlplane.models import Project, ProjectCounter, User
from controlplane.rules import as_uuid

LIVE = select(Project).where(Project.id == bindparam("wanted"), Project.deleted_at.is_(None))
"""Made once: to put it together takes longer than to ask it."""


async def live_project(session: AsyncSession, project_id: str) -> Project:
    """Find a project that is not deleted; raises `NotFound`."""
    project = await session.scalar(LIVE, {"wanted": as_uuid(project_id)})
    if project is None:
        raise NotFound("Project not found")
    return project


async def locked_project(session: AsyncSession, project_id: str) -> Project:
    """Find a live project and let nobody else change who belongs to it; raises `NotFound`.

    Until the transaction ends. SQLite has let in one writer only.
    """
    query = LIVE.with_for_update(key_share=True)
    project = await session.scalar(query, {"wanted": as_uuid(project_id)})
    if project is None:
        raise NotFound("Project not found")
    return project


async def find_user(session: AsyncSession, email: str) -> User | None:
    """Find a user by a cleaned email."""
    return await session.scalar(select(User).where(User.email == email))


async def lock_rewriting(session: AsyncSession) -> None:
    """Let nobody else begin work that rewrites stored rows, until the transaction ends."""
    await session.scalar(select(ProjectCounter.last).with_for_update())
