"""Issues become one, and parts of one an issue of their own, with what the store says of both."""

from collections.abc import Sequence

from api.auth import AnyRequest, services
from api.pages.errors.issues.whom import by_whom
from api.pages.viewer import Viewer
from api.reads import reader_of
from clickhouse.errors.issue_details import read_sightings
from controlplane.errors.listing import read_issues
from controlplane.errors.merges import merge_issues, refresh_seen, split_issue
from schemas.errors.issues import IssueRow


async def merge(request: AnyRequest, viewer: Viewer, chosen: Sequence[str]) -> list[str]:
    """Merges issues into the oldest of them; returns which, none where fewer than two are there."""
    database, project = services(request).database, viewer.project
    rows = await read_issues(database, project.project_id, chosen)
    if len(rows) < 2:
        return []
    into = min(rows, key=lambda row: row.number)
    others = [row.id for row in rows if row.id != into.id]
    await merge_issues(database, project.project_id, into.id, others, by=by_whom(viewer))
    hashes = [one for row in rows for one in row.group_hashes]
    async with reader_of(request, project).turn() as store:
        seen = await read_sightings(store, project, hashes)
    await refresh_seen(database, project.project_id, into.id, seen)
    return [row.id for row in rows]


async def split(
    request: AnyRequest, viewer: Viewer, row: IssueRow, fingerprints: Sequence[str]
) -> str:
    """Gives some fingerprints of an issue an issue of their own; returns the id of that."""
    database, project = services(request).database, viewer.project
    async with reader_of(request, project).turn() as store:
        seen = await read_sightings(store, project, row.group_hashes)
    chosen = [one for one in seen if one.fingerprint in fingerprints]
    left = [one for one in seen if one.fingerprint not in fingerprints]
    return await split_issue(
        database, project.project_id, row.id, chosen, left=left, by=by_whom(viewer)
    )
