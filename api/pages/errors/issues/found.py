"""A page of a list of issues: rows of the control plane, in order, with what the store counts."""

from typing import NamedTuple

from msgspec.structs import replace

from api.errors.issue_list import IssuesAsked, assignee_of, find_issues
from api.errors.search import IssueSearch, read_search
from api.pages.errors.issues.lines import Line, is_new, sticks_of
from api.pages.errors.issues.wanted import Wanted
from clickhouse.client import Warehouse
from controlplane.database import Database
from schemas.projects import UserId
from schemas.zones import HOUR_US

PAGE_ROWS = 40


class Listed(NamedTuple):
    """A page of the list, and where the next one begins."""

    lines: list[Line]
    older: str | None


async def find_lines(
    database: Database, store: Warehouse, wanted: Wanted, older: str | None, *, me: UserId | None
) -> Listed:
    """Returns a page of issues. Raises `InvalidParameters`. `me` is who is signed in."""
    search = await _search(database, wanted, me)
    asked = IssuesAsked(search, wanted.sort, PAGE_ROWS, older)
    found = await find_issues(database, store, wanted.project, asked)
    # Buckets are whole hours: the last ones may lie behind the range.
    width_us = found.course_hours * HOUR_US
    within = -(-(wanted.range.last_us - found.course_from_us + 1) // width_us)
    lines = [
        Line(
            one.row,
            one.counts,
            sticks_of(one.course[:within]),
            is_new(one.row, wanted.range.now_us),
        )
        for one in found.issues
    ]
    return Listed(lines, found.next_cursor)


async def _search(database: Database, wanted: Wanted, me: UserId | None) -> IssueSearch:
    issues, events = read_search(wanted.search, me=me, now_us=wanted.range.now_us)
    issues = await assignee_of(database, wanted.project.project_id, issues)
    events = replace(events, from_us=wanted.range.first_us, to_us=wanted.range.last_us)
    return IssueSearch(issues, events)
