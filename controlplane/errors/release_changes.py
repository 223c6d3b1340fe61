"""What build tools and people do to releases: make them known, finish them, say what is in them."""

import time
import uuid
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.database import Database
from controlplane.errors.changes import IssueChange, change_issues
from controlplane.errors.models import Issue, Release
from controlplane.errors.release_models import ReleaseCommit, ReleaseDeployment
from controlplane.failures import BadRequest, Conflict, NotFound
from controlplane.many_rows import insert_new
from controlplane.models import Project
from controlplane.rules import as_uuid
from schemas.errors.commits import fixed_in, slug_of
from schemas.errors.releases import (
    MOST_COMMITS,
    MOST_DEPLOYMENTS,
    Commit,
    Deployment,
    NewDeployment,
    ReleaseChange,
)
from schemas.errors.versions import release_fault
from schemas.projects import ProjectId, UserId

MOST_FIXED = 200
"""Issues that the commits of one release resolve."""


async def save_release(
    database: Database,
    project_id: ProjectId,
    version: str,
    change: ReleaseChange,
    *,
    by: UserId | None,
) -> bool:
    """Makes a release known, or changes it; tells whether it is new.

    Commits that it had not before resolve the issues that they name (`schemas.errors.commits`).
    Raises `BadRequest` for a name that no release may have, and for too many commits.
    """
    if fault := release_fault(version):
        raise BadRequest(f"version: {fault}")
    if change.commits is not None and len(change.commits) > MOST_COMMITS:
        raise BadRequest(f"commits: expected {MOST_COMMITS} at most, found {len(change.commits)}")
    key = as_uuid(project_id)
    if key is None:
        raise NotFound("Project not found")
    now_us = time.time_ns() // 1000
    async with database.session() as session:
        is_new = await _make_known(session, key, version, change.started_us or now_us)
        row = await _locked(session, key, version)
        _change(row, change)
        fresh = await _replace_commits(session, row, change.commits)
        fixed = await _fixed(session, key, fresh)
    if fixed:
        resolves = IssueChange(status="resolved", in_release=version)
        await change_issues(database, project_id, fixed, resolves, by=by)
    return is_new


async def delete_release(database: Database, project_id: ProjectId, version: str) -> None:
    """Forgets a release that nothing has named yet. Raises `NotFound` and `Conflict`."""
    async with database.session() as session:
        row = await _locked(session, as_uuid(project_id), version)
        if row.last_seen_us is not None:
            raise Conflict("Events name this release: it cannot be removed")
        for model in (ReleaseCommit, ReleaseDeployment):
            of = (model.project_id == row.project_id, model.version == version)
            await session.execute(delete(model).where(*of))
        await session.delete(row)


async def add_deployment(
    database: Database, project_id: ProjectId, version: str, new: NewDeployment
) -> Deployment:
    """Notes that a release was brought somewhere. Raises `NotFound` and `Conflict`."""
    async with database.session() as session:
        row = await _locked(session, as_uuid(project_id), version)
        of = ReleaseDeployment
        query = select(func.count()).where(
            of.project_id == row.project_id, of.version == row.version
        )
        if (await session.scalar(query) or 0) >= MOST_DEPLOYMENTS:
            raise Conflict(f"This release has {MOST_DEPLOYMENTS} deployments: no more are kept")
        made = ReleaseDeployment(
            id=uuid.uuid4(),
            project_id=row.project_id,
            version=row.version,
            environment=new.environment,
            name=new.name,
            url=new.url,
            started_us=new.started_us,
            finished_us=new.finished_us,
        )
        session.add(made)
        row.environment = row.environment or new.environment
        return Deployment(
            id=str(made.id),
            version=version,
            environment=new.environment,
            name=new.name,
            url=new.url,
            started_us=new.started_us,
            finished_us=new.finished_us,
        )


async def _make_known(session: AsyncSession, key: UUID, version: str, at_us: int) -> bool:
    of = (Release.project_id == key, Release.version == version)
    if await session.scalar(select(func.count()).where(*of)):
        return False
    if not await session.scalar(select(func.count()).where(Project.id == key)):
        raise NotFound("Project not found")
    now_us = time.time_ns() // 1000
    row = {
        "project_id": key,
        "version": version,
        # A build that says it began earlier orders the release; none may lie in the future.
        "first_seen_us": min(at_us, now_us),
        **dict.fromkeys(("last_seen_us", "released_us")),
        **dict.fromkeys(("ref", "url", "environment"), ""),
        "status": "open",
    }
    await insert_new(session, Release, [row])
    return True


async def _locked(session: AsyncSession, key: UUID | None, version: str) -> Release:
    query = select(Release).where(Release.project_id == key, Release.version == version)
    row = await session.scalar(query.with_for_update())
    if row is None:
        raise NotFound("Release not found")
    return row


def _change(row: Release, change: ReleaseChange) -> None:
    for name in ("url", "ref", "released_us", "status"):
        value = getattr(change, name)
        if value is not None:
            setattr(row, name, value)
    if change.started_us is not None:
        row.first_seen_us = min(row.first_seen_us, change.started_us)


async def _replace_commits(
    session: AsyncSession, row: Release, commits: Sequence[Commit] | None
) -> list[Commit]:
    """Puts commits in place of those that a release has; returns those that it had not."""
    if commits is None:
        return []
    of = (ReleaseCommit.project_id == row.project_id, ReleaseCommit.version == row.version)
    had = set(await session.scalars(select(ReleaseCommit.sha).where(*of)))
    await session.execute(delete(ReleaseCommit).where(*of))
    if commits:
        row.ref = commits[0].sha
        rows = [_commit_row(row, n, one) for n, one in enumerate(commits)]
        await insert_new(session, ReleaseCommit, rows)
    return [one for one in commits if one.sha not in had]


def _commit_row(row: Release, position: int, one: Commit) -> dict[str, Any]:
    return {
        "project_id": row.project_id,
        "version": row.version,
        "position": position,
        "sha": one.sha,
        "repository": one.repository,
        "message": one.message,
        "author_name": one.author_name,
        "author_email": one.author_email,
        "at_us": one.at_us,
    }


async def _fixed(session: AsyncSession, key: UUID, commits: Sequence[Commit]) -> list[str]:
    """Returns the ids of unresolved issues that these commits say they repair."""
    if not commits:
        return []
    name = await session.scalar(select(Project.name).where(Project.id == key))
    numbers = sorted(fixed_in(commits, slug_of(name or "")))[:MOST_FIXED]
    if not numbers:
        return []
    query = select(Issue.id).where(
        Issue.project_id == key,
        Issue.number.in_(numbers),
        Issue.status.in_(("open", "ignored")),
    )
    return [str(one) for one in await session.scalars(query)]
