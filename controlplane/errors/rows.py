"""From a row of table `issue` to what the rest of Sluice knows of it."""

from uuid import UUID

from controlplane.errors.models import Issue
from schemas.errors.issues import IssueRow
from schemas.projects import ProjectId, UserId

SAME = (
    "number", "type", "title", "culprit", "level", "platform", "status", "resolution",
    "resolved_us", "resolved_in_release", "ignored_us", "ignored_until_us", "ignored_until_events",
    "ignored_until_people", "first_seen_us", "last_seen_us", "first_release", "last_release",
    "regressed_us", "times_regressed", "created_us",
)  # fmt: skip


def issue_row(
    row: Issue,
    assignee: str | None = None,
    group_hashes: tuple[int, ...] = (),
    fingerprints: tuple[str, ...] = (),
) -> IssueRow:
    """Returns an issue as it stands."""
    return IssueRow(
        id=str(row.id),
        project_id=ProjectId(str(row.project_id)),
        resolved_by=_user(row.resolved_by),
        assignee_id=_user(row.assignee_id),
        assignee=assignee,
        group_hashes=group_hashes,
        fingerprints=fingerprints,
        **{name: getattr(row, name) for name in SAME},
    )


def _user(user_id: UUID | None) -> UserId | None:
    return None if user_id is None else UserId(str(user_id))
