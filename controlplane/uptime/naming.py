"""What monitors are called: without their configurations, which are sealed."""

from sqlalchemy import func, select

from controlplane.database import Database
from controlplane.rules import as_uuid
from controlplane.uptime.models import Monitor
from schemas.projects import ProjectId


async def list_names(
    database: Database, project_id: ProjectId, *, like: str = "", limit: int
) -> dict[str, str]:
    """Returns names of a project's monitors by id, in the order of the names.

    `like` is what they hold; a to z are the same in capitals.
    """
    of = Monitor
    query = select(of.id, of.name).where(of.project_id == as_uuid(project_id))
    if like:
        name = func.lower(of.name)
        query = query.where(name.contains(like.lower().replace("\0", ""), autoescape=True))
    query = query.order_by(func.lower(of.name), of.id).limit(limit)
    async with database.reading() as session:
        return {row[0]: row[1] for row in await session.execute(query)}
