"""Whether anything of a project's monitors or incidents is new: for pages that follow them."""

from typing import Any

from sqlalchemy import func, select

from controlplane.database import Database
from controlplane.rules import as_uuid
from controlplane.uptime.models import Incident, Monitor, MonitorState
from schemas.projects import ProjectId


async def mark_of(
    database: Database, project_id: ProjectId, *, monitor_id: str | None = None
) -> tuple[Any, ...]:
    """Returns what is another one when a check told something, or somebody changed something.

    With `monitor_id` it is of this monitor alone.
    """
    project = as_uuid(project_id)
    monitors = select(
        func.count(), func.sum(MonitorState.version), func.max(Monitor.updated_us)
    ).join(MonitorState, MonitorState.monitor_id == Monitor.id)
    monitors = monitors.where(Monitor.project_id == project)
    incidents = select(func.count(), func.max(Incident.updated_us))
    incidents = incidents.where(Incident.project_id == project)
    if monitor_id is not None:
        monitors = monitors.where(Monitor.id == monitor_id)
        incidents = incidents.where(Incident.monitor_id == monitor_id)
    async with database.reading() as session:
        known = (await session.execute(monitors)).one()
        return (*known, *(await session.execute(incidents)).one())


async def count_open(database: Database, project_id: ProjectId) -> int:
    """Returns how many incidents of a project are open."""
    of = Incident
    query = select(func.count()).where(of.project_id == as_uuid(project_id), of.state != "resolved")
    async with database.reading() as session:
        return await session.scalar(query) or 0
