"""Pages of issues: narrowed by both stores, sorted by either, with counts and courses.

What only the store knows of events (a tag, a release, a user) gives a set of groups first; the
control plane narrows and sorts the issues; the store counts those of the page.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import NamedTuple

from msgspec.structs import replace

from api.errors.issue_answers import RULE, read_cursor, written
from api.errors.search import PARAMETER, IssueSearch
from api.parameters import invalid
from clickhouse.client import Warehouse
from clickhouse.errors.issue_counts import (
    Groups,
    bucket_hours,
    find_groups,
    rank_issues,
    read_counts,
    read_counts_and_courses,
    read_courses,
)
from controlplane.database import Database
from controlplane.errors.listing import MOST_SORTED, Place, find_all, list_issues, read_issues
from controlplane.members import list_members
from schemas.errors.issues import ErrorFilter, IssueCounts, IssueFilter, IssueRow, IssueSort
from schemas.projects import ProjectContext, ProjectId, UserId
from schemas.zones import DAY_US

BUCKETS = 24
COURSE_US = 14 * DAY_US
"""How long a course is where no range is asked for."""


class ListedIssue(NamedTuple):
    """An issue of a list."""

    row: IssueRow
    counts: IssueCounts
    """In the range."""
    course: list[int]


class IssuePage(NamedTuple):
    """A page of issues."""

    issues: list[ListedIssue]
    next_cursor: str | None
    course_from_us: int
    course_hours: int


class IssuesAsked(NamedTuple):
    """Which page of which issues."""

    search: IssueSearch
    sort: IssueSort = "last_seen"
    limit: int = 25
    cursor: str | None = None


async def find_issues(
    database: Database, warehouse: Warehouse, project: ProjectContext, asked: IssuesAsked
) -> IssuePage:
    """Returns a page of issues. Raises `InvalidParameters`.

    A range in `search.events` leaves issues that were seen within it; without one, counts are of
    all time.
    """
    issues, events = asked.search
    issues = _within(issues, events)
    if events.narrows:
        issues = replace(issues, group_hashes=await find_groups(warehouse, project, events))
    if asked.sort in ("last_seen", "first_seen"):
        rows, following = await _by_moment(database, project, issues, asked)
    else:
        rows, following = await _by_count(database, warehouse, project, (issues, asked))
    groups = groups_of(rows)
    course = _course(events)
    if course == events:
        counts, courses = await read_counts_and_courses(
            warehouse, project, groups, events, buckets=BUCKETS
        )
    else:
        counts, courses = await asyncio.gather(
            read_counts(warehouse, project, groups, events),
            read_courses(warehouse, project, groups, course, buckets=BUCKETS),
        )
    listed = [ListedIssue(row, counts[row.id], courses[row.id]) for row in rows]
    return IssuePage(listed, following, *bucket_hours(course, BUCKETS))


def groups_of(rows: Sequence[IssueRow]) -> Groups:
    """Returns what the store knows issues by."""
    return {row.id: row.group_hashes for row in rows}


async def assignee_of(
    database: Database, project_id: ProjectId, issues: IssueFilter
) -> IssueFilter:
    """Returns the filter with the id of an assignee who is named by email or name."""
    wanted = issues.assignee
    if wanted is None or wanted in ("none", "any"):
        return issues
    for member in await list_members(database, project_id):
        if wanted.lower() in (member.user_id, member.email, member.name.lower()):
            return replace(issues, assignee=UserId(member.user_id))
    raise invalid(PARAMETER, "assignee: expected me, none, or the email or id of a member")


async def _by_moment(
    database: Database, project: ProjectContext, issues: IssueFilter, asked: IssuesAsked
) -> tuple[list[IssueRow], str | None]:
    after = None if asked.cursor is None else Place(*read_cursor(asked.cursor))
    rows = await list_issues(
        database,
        project.project_id,
        issues,
        sort=asked.sort,
        after=after,
        limit=asked.limit + 1,
    )
    page = rows[: asked.limit]
    if len(rows) <= asked.limit:
        return page, None
    last = page[-1]
    at_us = last.last_seen_us if asked.sort == "last_seen" else last.first_seen_us
    return page, written(at_us, last.id)


async def _by_count(
    database: Database,
    warehouse: Warehouse,
    project: ProjectContext,
    what: tuple[IssueFilter, IssuesAsked],
) -> tuple[list[IssueRow], str | None]:
    """Sorts by what only the store knows; its cursor is how many came before."""
    issues, asked = what
    offset = 0
    if asked.cursor is not None:
        offset, mark = read_cursor(asked.cursor)
        if mark != asked.sort or not 0 <= offset <= MOST_SORTED:
            raise invalid("cursor", RULE)
    every = {
        one.issue_id: one.group_hashes
        for one in await find_all(database, project.project_id, issues)
    }
    ranked = await rank_issues(
        warehouse,
        project,
        every,
        asked.search.events,
        by="people" if asked.sort == "people" else "events",
        limit=asked.limit + 1,
        offset=offset,
    )
    page = ranked[: asked.limit]
    following = written(offset + asked.limit, asked.sort) if len(ranked) > asked.limit else None
    return await read_issues(database, project.project_id, page), following


def _within(issues: IssueFilter, events: ErrorFilter) -> IssueFilter:
    """Narrows to issues that were seen in the range of their events."""
    first, last = events.from_us, events.to_us
    if first is not None:
        first = max(first, issues.last_seen_from_us or first)
        issues = replace(issues, last_seen_from_us=first)
    if last is not None:
        last = min(last, last if issues.first_seen_to_us is None else issues.first_seen_to_us)
        issues = replace(issues, first_seen_to_us=last)
    return issues


def _course(events: ErrorFilter) -> ErrorFilter:
    to_us = time.time_ns() // 1000 if events.to_us is None else events.to_us
    from_us = to_us - COURSE_US if events.from_us is None else events.from_us
    return replace(events, from_us=min(from_us, to_us), to_us=to_us)
