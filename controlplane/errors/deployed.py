"""Deployments of ours as releases: the commit is a release, and was brought somewhere."""

from uuid import UUID

from msgspec import Struct
from sqlalchemy import func, select

from controlplane.database import Database
from controlplane.errors.models import Release
from controlplane.errors.release_models import ReleaseDeployment
from controlplane.many_rows import insert_new
from controlplane.models import Project
from controlplane.rules import as_uuid
from schemas.errors.releases import MAX_ENVIRONMENT_CHARS, MOST_DEPLOYMENTS
from schemas.errors.versions import release_fault
from schemas.projects import ProjectId


class Deployed(Struct, frozen=True, kw_only=True):
    """That a commit took over an environment."""

    id: str
    """Of the deployment: noted once."""
    version: str
    """What its program calls its release: the commit."""
    environment: str
    name: str
    started_us: int | None
    at_us: int


async def note_deployed(database: Database, project_id: ProjectId, deployed: Deployed) -> None:
    """Has a release be known, and that it was deployed; a repeat changes nothing.

    What no release may be called is left out, as is a project that is gone.
    """
    key = as_uuid(project_id)
    if key is None or not deployed.version or release_fault(deployed.version):
        return
    async with database.session() as session:
        if not await session.scalar(select(func.count()).where(Project.id == key)):
            return
        named = {"project_id": key, "version": deployed.version}
        row = {
            **named,
            "first_seen_us": deployed.at_us,
            **dict.fromkeys(("last_seen_us", "released_us")),
            **dict.fromkeys(("url", "ref"), ""),
            "environment": deployed.environment[:MAX_ENVIRONMENT_CHARS],
            "status": "open",
        }
        await insert_new(session, Release, [row])
        of = ReleaseDeployment
        count = select(func.count()).where(of.project_id == key, of.version == deployed.version)
        if (await session.scalar(count) or 0) < MOST_DEPLOYMENTS:
            made = {
                **named,
                "id": UUID(deployed.id),
                "environment": deployed.environment[:MAX_ENVIRONMENT_CHARS],
                "name": deployed.name[:200],
                "url": "",
                "started_us": deployed.started_us,
                "finished_us": deployed.at_us,
            }
            await insert_new(session, of, [made])
