"""Issues become one, and parts of one an issue of their own."""

from collections.abc import Sequence

from api.auth import AnyRequest, services
from api.errors.regrouping import merge, unmerge
from api.pages.errors.issues.whom import by_whom
from api.pages.viewer import Viewer
from api.reads import reader_of
from controlplane.errors.listing import read_issues
from schemas.errors.issues import IssueRow


async def merged(request: AnyRequest, viewer: Viewer, chosen: Sequence[str]) -> list[str]:
    """Merges issues into the oldest of them; returns which, none where fewer than two are there."""
    database, project = services(request).database, viewer.project
    rows = await read_issues(database, project.project_id, chosen)
    if len(rows) < 2:
        return []
    into = min(rows, key=lambda row: row.number)
    others = [row.id for row in rows if row.id != into.id]
    async with reader_of(request, project).turn() as store:
        await merge((database, store), project, into, others, by=by_whom(viewer))
    return [row.id for row in rows]


async def split_off(
    request: AnyRequest, viewer: Viewer, row: IssueRow, fingerprints: Sequence[str]
) -> str:
    """Gives some fingerprints of an issue an issue of their own; returns the id of that."""
    database, project = services(request).database, viewer.project
    async with reader_of(request, project).turn() as store:
        return await unmerge((database, store), project, row, fingerprints, by=by_whom(viewer))
