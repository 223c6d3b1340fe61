"""A deployment with the times that are compared of it."""

from msgspec import Struct

from controlplane.database import Database
from controlplane.deploys.rows import Reach, deployment_of, find_deployment
from controlplane.deploys.switches import find_neighbours
from controlplane.lookups import live_project
from controlplane.projects import context_of
from schemas.deploys.deployments import Deployment
from schemas.deploys.windows import Switch, Windows, windows_of
from schemas.projects import ProjectContext


class Setting(Struct, frozen=True):
    """A deployment, when it took over, and the times around that."""

    project: ProjectContext
    deployment: Deployment
    switch: Switch | None
    """`None` where it never took over; there are no times then."""
    previous: Switch | None
    windows: Windows | None


async def read_setting(
    database: Database, reach: Reach, deployment_id: str, *, minutes: int, now_us: int
) -> Setting:
    """Finds the times to compare; raises `NotFound`."""
    async with database.reading() as session:
        row = await find_deployment(session, reach, deployment_id)
        project = context_of(await live_project(session, str(row.project_id)), key_id=None)
        around = await find_neighbours(session, row)
    if around.own is None:
        return Setting(project, deployment_of(row), None, around.previous, None)
    windows = windows_of(
        around.own,
        now_us,
        minutes=minutes,
        previous=around.previous,
        following=around.following,
    )
    return Setting(project, deployment_of(row), around.own, around.previous, windows)
