"""How an issue stands, whichever of its events is shown: figures, course, tags, what was done."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct

from api.auth import AnyRequest, services
from api.pages.errors.issues.breakdown import Tags, shares_of
from api.pages.errors.issues.courses import course_of
from api.pages.errors.issues.history import Happened, history_of, state_text
from api.pages.errors.issues.lines import is_new
from api.pages.errors.issues.wanted import RANGE
from api.pages.parts.changes import changes_in
from api.pages.parts.charts import Chart, with_marks
from api.pages.parts.ranges import TimeRange, on_clock, range_of
from api.pages.viewer import NoSuchPage, Viewer
from api.parameters import values_of
from api.reads import reader_of
from clickhouse.client import Warehouse
from clickhouse.errors.feedback import FeedbackLine, feedback_of_groups
from clickhouse.errors.issue_counts import read_counts
from clickhouse.errors.issue_details import (
    MOST_LOOKED_AT,
    Hour,
    StoredEvents,
    read_hours,
    read_stored,
    read_tags,
)
from clickhouse.errors.issue_minutes import read_minutes
from controlplane.errors.activity import list_activity
from controlplane.errors.listing import get_issue
from controlplane.failures import NotFound
from controlplane.members import Member, list_members
from schemas.errors.issues import ErrorFilter, IssueCounts, IssueRow
from schemas.projects import ProjectContext

MOST_GROUPS = 50
"""Fingerprints of an issue that are listed."""


class Group(NamedTuple):
    """Events of one fingerprint; how many there are where the issue has several."""

    fingerprint: str
    events: int | None


class Standing(Struct, frozen=True, kw_only=True):
    """How an issue stands, whichever of its events is shown."""

    row: IssueRow
    counts: IssueCounts
    left: StoredEvents
    """Of these, what is left."""
    is_new: bool
    now_us: int
    zone: str
    range: TimeRange
    state_text: str
    members: Sequence[Member]


class Around(Struct, frozen=True):
    """What stands beside an issue, whichever of its events is shown."""

    breakdown: Tags
    tags_of: int
    """Of so many of its newest events, where it has more; else 0."""
    said: Sequence[FeedbackLine]
    """What people have said last of its events."""
    activity: Sequence[Happened]
    groups: Sequence[Group]


async def row_of(request: AnyRequest, viewer: Viewer, issue_id: str) -> IssueRow:
    """Returns an issue of the project. Raises `NoSuchPage`."""
    try:
        return await get_issue(services(request).database, viewer.project.project_id, issue_id)
    except NotFound as error:
        raise NoSuchPage from error


async def standing_of(request: AnyRequest, viewer: Viewer, row: IssueRow) -> Standing:
    """Reads how an issue stands in the time of the page."""
    shown = range_of(values_of(request), viewer.project, default=RANGE)
    project = on_clock(viewer.project, shown)
    members = await list_members(services(request).database, project.project_id)
    async with reader_of(request, project).turn() as store:
        groups = {row.id: row.group_hashes}
        counts, left = await asyncio.gather(
            read_counts(store, project, groups, _within(shown)),
            read_stored(store, project, row.group_hashes, _within(shown)),
        )
    return Standing(
        row=row,
        counts=counts[row.id],
        left=left,
        is_new=is_new(row, shown.now_us),
        now_us=shown.now_us,
        zone=shown.zone,
        range=shown,
        state_text=state_text(row, names_of(members), shown.zone),
        members=members,
    )


async def around_of(request: AnyRequest, viewer: Viewer, standing: Standing) -> Around:
    """Reads what its events have in common, what was done, and what was merged."""
    row, shown = standing.row, standing.range
    project = on_clock(viewer.project, shown)
    happened = await list_activity(services(request).database, project.project_id, row.id)
    async with reader_of(request, project).turn() as store:
        tags, groups, said = await asyncio.gather(
            read_tags(store, project, row.group_hashes, _within(shown)),
            _groups(store, project, row, _within(shown)),
            feedback_of_groups(store, project, row.group_hashes),
        )
    return Around(
        breakdown=shares_of(tags),
        tags_of=MOST_LOOKED_AT if standing.left.events > MOST_LOOKED_AT else 0,
        said=said,
        activity=history_of(row, happened, names_of(standing.members), shown.zone),
        groups=groups,
    )


async def chart_of(request: AnyRequest, viewer: Viewer, standing: Standing) -> Chart:
    """Draws the course of an issue."""
    project = on_clock(viewer.project, standing.range)
    async with reader_of(request, project).turn() as store:
        course = await _course(store, project, standing.row, standing.range)
    changes = await changes_in(request, project.project_id, standing.range)
    return with_marks(course_of(standing.range, course), changes)


def names_of(members: Sequence[Member]) -> Mapping[str, str]:
    """Returns what members are called, by their ids."""
    return {one.user_id: one.name or one.email for one in members}


async def _course(
    store: Warehouse, project: ProjectContext, row: IssueRow, shown: TimeRange
) -> list[Hour]:
    """Returns the events of an issue by the hour, of a short time by the minute."""
    if shown.bucket == "minute":
        return await read_minutes(store, project, row.group_hashes, shown.first_us, shown.last_us)
    return await read_hours(store, project, row.group_hashes, _within(shown))


def _within(shown: TimeRange) -> ErrorFilter:
    return ErrorFilter(from_us=shown.first_us, to_us=shown.last_us)


async def _groups(
    store: Warehouse, project: ProjectContext, row: IssueRow, wanted: ErrorFilter
) -> list[Group]:
    """Returns what an issue is made of; of one group alone the issue's own count says it."""
    if len(row.group_hashes) < 2:
        return [Group(one, None) for one in row.fingerprints[:1]]
    named = dict(zip(row.group_hashes[:MOST_GROUPS], row.fingerprints, strict=False))
    counts = await read_counts(store, project, {str(one): (one,) for one in named}, wanted)
    return [Group(name, counts[str(one)].events) for one, name in named.items()]
