"""What is known of releases beside their names: commits, deployments, and issues in them."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import distinct, func, select

from controlplane.database import Database
from controlplane.errors.models import Issue, IssueActivity, Release
from controlplane.errors.release_models import ReleaseCommit, ReleaseDeployment
from controlplane.errors.releases import release_row
from controlplane.failures import NotFound
from controlplane.many_rows import parts
from controlplane.rules import as_uuid
from schemas.errors.issues import ReleaseRow
from schemas.errors.releases import MOST_COMMITS, Commit, Deployment, ReleaseExtent
from schemas.projects import ProjectId

MOST_ISSUES = 100
MOST_REGRESSIONS_READ = 2_000
"""Of a project, the newest: of which release they were is told in their data."""


async def get_release(database: Database, project_id: ProjectId, version: str) -> ReleaseRow:
    """Returns one release. Raises `NotFound`."""
    query = select(Release).where(
        Release.project_id == as_uuid(project_id), Release.version == version
    )
    async with database.reading() as session:
        row = await session.scalar(query)
    if row is None:
        raise NotFound("Release not found")
    return release_row(row)


async def find_projects_of(
    database: Database, project_ids: Sequence[ProjectId], version: str
) -> list[ProjectId]:
    """Returns those of the projects that know a release."""
    keys = [as_uuid(one) for one in project_ids]
    found: set[UUID] = set()
    async with database.reading() as session:
        for some in parts(keys):
            query = select(Release.project_id).where(
                Release.project_id.in_(some), Release.version == version
            )
            found |= set(await session.scalars(query))
    return [one for one in project_ids if as_uuid(one) in found]


async def list_commits(
    database: Database, project_id: ProjectId, version: str, *, limit: int = MOST_COMMITS
) -> list[Commit]:
    """Returns the commits of a release, the newest first."""
    of = ReleaseCommit
    query = (
        select(of)
        .where(of.project_id == as_uuid(project_id), of.version == version)
        .order_by(of.position)
        .limit(limit)
    )
    async with database.reading() as session:
        rows = (await session.scalars(query)).all()
    return [
        Commit(
            sha=row.sha,
            repository=row.repository,
            message=row.message,
            author_name=row.author_name,
            author_email=row.author_email,
            at_us=row.at_us,
        )
        for row in rows
    ]


async def list_deployments(
    database: Database,
    project_id: ProjectId,
    versions: Iterable[str] | None = None,
    *,
    limit: int = 100,
) -> list[Deployment]:
    """Returns deployments of a project, or of some releases, the last ones first."""
    of = ReleaseDeployment
    query = select(of).where(of.project_id == as_uuid(project_id))
    if versions is not None:
        query = query.where(of.version.in_(list(versions)))
    query = query.order_by(of.finished_us.desc(), of.id).limit(limit)
    async with database.reading() as session:
        rows = (await session.scalars(query)).all()
    return [
        Deployment(
            id=str(row.id),
            version=row.version,
            environment=row.environment,
            name=row.name,
            url=row.url,
            started_us=row.started_us,
            finished_us=row.finished_us,
        )
        for row in rows
    ]


async def count_extents(
    database: Database, project_id: ProjectId, versions: Sequence[str]
) -> dict[str, ReleaseExtent]:
    """Counts what belongs to some releases."""
    key = as_uuid(project_id)
    commits, issues, deployments = ReleaseCommit, Issue, ReleaseDeployment
    counted: dict[str, dict[str, int]] = {version: {} for version in versions}
    queries: dict[str, Any] = {
        "commits": (commits, commits.version, func.count()),
        "authors": (commits, commits.version, func.count(distinct(commits.author_email))),
        "deployments": (deployments, deployments.version, func.count()),
        "new_issues": (issues, issues.first_release, func.count()),
    }
    async with database.reading() as session:
        for some in parts(versions):
            for name, (model, version, count) in queries.items():
                query = select(version, count).where(model.project_id == key, version.in_(some))
                if model is issues:
                    query = query.where(issues.status != "merged")
                for found, number in (await session.execute(query.group_by(version))).all():
                    counted[found][name] = number
    return {version: ReleaseExtent(**numbers) for version, numbers in counted.items()}


async def new_issues(database: Database, project_id: ProjectId, version: str) -> list[str]:
    """Returns the ids of issues whose first release this is, those seen last first."""
    query = (
        select(Issue.id)
        .where(Issue.project_id == as_uuid(project_id), Issue.first_release == version)
        .where(Issue.status != "merged")
        .order_by(Issue.last_seen_us.desc())
        .limit(MOST_ISSUES)
    )
    async with database.reading() as session:
        return [str(one) for one in await session.scalars(query)]


async def regressed_issues(database: Database, project_id: ProjectId, version: str) -> list[str]:
    """Returns the ids of issues that came back in a release, the last ones first."""
    of = IssueActivity
    query = (
        select(of.issue_id, of.data)
        .where(of.project_id == as_uuid(project_id), of.kind == "regressed")
        .order_by(of.at_us.desc())
        .limit(MOST_REGRESSIONS_READ)
    )
    async with database.reading() as session:
        rows = (await session.execute(query)).all()
    found = [
        str(issue_id)
        for issue_id, data in rows
        if msgspec.json.decode(data).get("release") == version
    ]
    return list(dict.fromkeys(found))[:MOST_ISSUES]


async def previous_with_commits(
    database: Database, project_id: ProjectId, version: str
) -> ReleaseRow | None:
    """Returns the newest release with commits that was seen before one; `None` without any."""
    key = as_uuid(project_id)
    has_commits = select(ReleaseCommit.version).where(ReleaseCommit.project_id == key).distinct()
    async with database.reading() as session:
        first_us = await session.scalar(
            select(Release.first_seen_us).where(
                Release.project_id == key, Release.version == version
            )
        )
        query = select(Release).where(
            Release.project_id == key,
            Release.version != version,
            Release.version.in_(has_commits),
        )
        if first_us is not None:
            query = query.where(Release.first_seen_us <= first_us)
        query = query.order_by(Release.first_seen_us.desc(), Release.version).limit(1)
        row = await session.scalar(query)
    return None if row is None else release_row(row)
