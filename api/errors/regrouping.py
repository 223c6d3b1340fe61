"""Merging issues and splitting them: the control plane moves fingerprints, the store tells when.

Moments are read from the store before, so that a new issue is right at once, and after: an event
that was stored in between has moved the issue that its fingerprint had just left.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from clickhouse.client import Warehouse
from clickhouse.errors.issue_details import read_sightings
from controlplane.database import Database
from controlplane.errors.listing import get_issue
from controlplane.errors.merges import merge_issues, refresh_seen, split_issue
from controlplane.failures import BadRequest
from schemas.errors.issues import IssueRow, Sighting
from schemas.projects import ProjectContext, UserId

Stores = tuple[Database, Warehouse]


async def merge(
    stores: Stores,
    project: ProjectContext,
    row: IssueRow,
    others: Sequence[str],
    *,
    by: UserId | None,
) -> None:
    """Gives the events of other issues to one. Raises as `merge_issues`."""
    await merge_issues(stores[0], project.project_id, row.id, others, by=by)
    await _refresh(stores, project, row.id)


async def unmerge(
    stores: Stores,
    project: ProjectContext,
    row: IssueRow,
    fingerprints: Sequence[str],
    *,
    by: UserId | None,
) -> str:
    """Gives fingerprints of an issue an issue of their own, and returns its id.

    Raises `BadRequest` where one is not the issue's, or none would stay.
    """
    chosen = set(fingerprints)
    if not chosen or not chosen < set(row.fingerprints):
        raise BadRequest("Expected some of the issue's fingerprints, and not all of them")
    database, warehouse = stores
    stored = {one.fingerprint: one for one in await _sightings(warehouse, project, row)}
    seen = [stored.get(name) or _forgotten(row, name) for name in sorted(chosen)]
    left = [one for name, one in stored.items() if name not in chosen]
    project_id = project.project_id
    new_id = await split_issue(database, project_id, row.id, seen, left=left, by=by)
    for issue_id in (new_id, row.id):
        await _refresh(stores, project, issue_id)
    return new_id


async def _refresh(stores: Stores, project: ProjectContext, issue_id: str) -> None:
    database, warehouse = stores
    row = await get_issue(database, project.project_id, issue_id)
    seen = await _sightings(warehouse, project, row)
    await refresh_seen(database, project.project_id, row.id, seen)


async def _sightings(
    warehouse: Warehouse, project: ProjectContext, row: IssueRow
) -> list[Sighting]:
    """Returns what is known of the groups of an issue; those without rows have its words."""
    names = dict(zip(row.group_hashes, row.fingerprints, strict=True))
    return [
        one if one.fingerprint else _worded(one, row, names[one.group_hash])
        for one in await read_sightings(warehouse, project, row.group_hashes)
    ]


def _worded(one: Sighting, row: IssueRow, fingerprint: str) -> Sighting:
    return replace(
        one,
        fingerprint=fingerprint,
        type=row.type,
        title=row.title,
        culprit=row.culprit,
        level=row.level,
        platform=row.platform,
    )


def _forgotten(row: IssueRow, fingerprint: str) -> Sighting:
    """Returns what is known of a fingerprint that no sums tell of either: what its issue says."""
    return Sighting(
        project_id=row.project_id,
        fingerprint=fingerprint,
        group_hash=0,
        first_us=row.first_seen_us,
        last_us=row.last_seen_us,
        type=row.type,
        title=row.title,
        culprit=row.culprit,
        level=row.level,
        platform=row.platform,
        arrivals={},
    )
