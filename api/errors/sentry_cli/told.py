"""Releases as `sentry-cli` reads them: of one project, or of all that a token reaches as one."""

from collections.abc import Sequence

from api.errors.issue_answers import moment
from api.errors.sentry_cli.reach import slug_of
from controlplane.api_tokens import ReachedProject
from controlplane.database import Database
from controlplane.errors.release_details import count_extents, get_release
from schemas.errors.issues import ReleaseRow
from schemas.errors.releases import Deployment, ReleaseExtent
from schemas.errors.sentry_cli import CliCommitId, CliDeployment, CliProject, CliRelease
from schemas.times import iso_ms


async def release_of(
    database: Database, reached: Sequence[ReachedProject], version: str
) -> CliRelease:
    """Returns a release that all of these projects have: the first of them says what it is."""
    extents, rows = [], []
    for one in reached:
        project_id = one.access.project.project_id
        rows.append(await get_release(database, project_id, version))
        extents.append((await count_extents(database, project_id, [version]))[version])
    return told(rows, extents, [project_of(one) for one in reached])


def told(
    rows: Sequence[ReleaseRow], extents: Sequence[ReleaseExtent], projects: list[CliProject]
) -> CliRelease:
    """Returns one release, from what each of its projects says of it."""
    first = rows[0]
    seen = [row for row in rows if row.last_seen_us is not None]
    return CliRelease(
        version=first.version,
        short_version=first.version.rpartition("@")[2],
        ref=first.ref or None,
        url=first.url or None,
        status=first.status,
        date_created=iso_ms(min(row.first_seen_us for row in rows)),
        date_released=moment(first.released_us),
        first_event=iso_ms(min(row.first_seen_us for row in seen)) if seen else None,
        last_event=moment(max((row.last_seen_us or 0 for row in seen), default=None)),
        new_groups=sum(one.new_issues for one in extents),
        commit_count=max(one.commits for one in extents),
        deploy_count=max(one.deployments for one in extents),
        last_commit=CliCommitId(first.ref) if extents[0].commits else None,
        projects=projects,
    )


def project_of(reached: ReachedProject) -> CliProject:
    """Returns a project; one whose name makes no slug goes by its number."""
    slug = slug_of(reached.name) or str(reached.number)
    return CliProject(str(reached.number), slug, reached.name)


def deployment_of(one: Deployment) -> CliDeployment:
    """Returns a deployment."""
    return CliDeployment(
        one.id,
        one.environment,
        one.name or None,
        one.url or None,
        moment(one.started_us),
        iso_ms(one.finished_us),
    )
