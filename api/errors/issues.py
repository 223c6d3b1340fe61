"""Issues to read: `GET issues`, `issues/{id}`, its timeline, tags and activity, and releases."""

import time
from typing import Annotated, Any, Literal

from litestar import Request, get
from litestar.params import FromPath
from litestar.response import Response
from msgspec import Meta
from msgspec.structs import replace

from api.auth import session_from_cookie
from api.dates import date_range
from api.declared import takes
from api.errors.issue_answers import activity_answer, issue_answer, moment, read_cursor, written
from api.errors.issue_list import IssuesAsked, assignee_of, find_issues
from api.errors.search import STATUSES, IssueSearch, read_search
from api.errors.timelines import timeline_of
from api.parameters import InvalidParameters, Project, invalid, read, values_of
from api.reads import reader_of
from api.rows import one
from api.time_zones import TimeZone, on_clock_of
from clickhouse.client import Warehouse
from clickhouse.errors.issue_counts import read_counts
from clickhouse.errors.issue_details import MOST_LOOKED_AT, read_hours, read_stored, read_tags
from controlplane.errors.activity import list_activity
from controlplane.errors.listing import get_issue
from controlplane.errors.releases import list_releases
from schemas.described import describes
from schemas.errors.issue_answers import (
    ActivityList,
    IssueAnswer,
    IssueList,
    ReleaseAnswer,
    ReleaseList,
    TagAnswer,
    TagList,
    TagValueAnswer,
    Timeline,
)
from schemas.errors.issues import ErrorFilter, IssueSort
from schemas.issues import one_of
from schemas.projects import ProjectContext
from schemas.times import iso_ms
from schemas.zones import DAY_US

LONGEST_US = 1_100 * DAY_US
USUAL_TIMELINE_US = 14 * DAY_US
Limit = Annotated[int, Meta(ge=1, le=100)]
Cursor = Annotated[str, Meta(max_length=200)]


class RangeQuery(TimeZone, frozen=True, kw_only=True):
    """A range; without it, all time."""

    date_from: str | None = None
    date_to: str | None = None


class IssueQuery(RangeQuery, frozen=True, kw_only=True):
    """Which issues, and in which order: the last seen one first, or the one with most events."""

    query: Annotated[str, Meta(max_length=2000)] = ""
    state: str | None = None
    environment: str | None = None
    release: str | None = None
    sort: IssueSort = "last_seen"
    limit: Limit = 25
    cursor: Cursor | None = None


class TimelineQuery(RangeQuery, frozen=True, kw_only=True):
    """Which part of a course, and in which steps."""

    interval: Literal["hour", "day"] = "hour"


class ActivityQuery(TimeZone, frozen=True, kw_only=True):
    """Which page of what happened."""

    limit: Limit = 50
    cursor: Cursor | None = None


@get("/issues", opt={**takes(IssueQuery), **describes(answer=IssueList)})
async def list_all_issues(request: Request[Any, Any, Any], project: Project) -> Response[bytes]:
    """Answers issues, searched, sorted and in pages, with their counts in the range."""
    query = read(values_of(request), IssueQuery)
    search = await _search(request, project, query)
    asked = IssuesAsked(search, query.sort, query.limit, query.cursor)
    database = request.app.state.database

    async def ask(warehouse: Warehouse) -> IssueList:
        page = await find_issues(database, warehouse, project, asked)
        return IssueList(
            [issue_answer(row, counts, course=course) for row, counts, course in page.issues],
            page.next_cursor,
            iso_ms(page.course_from_us),
            page.course_hours,
        )

    return await one(reader_of(request, project), ask)


@get("/issues/{issue_id:str}", opt={**takes(RangeQuery), **describes(answer=IssueAnswer)})
async def get_one_issue(
    request: Request[Any, Any, Any], project: Project, issue_id: FromPath[str]
) -> Response[bytes]:
    """Answers one issue by its id or number; of a merged one, the issue that has its events."""
    events = events_in(project, read(values_of(request), RangeQuery))
    row = await get_issue(request.app.state.database, project.project_id, issue_id)

    async def ask(warehouse: Warehouse) -> IssueAnswer:
        counts = await read_counts(warehouse, project, {row.id: row.group_hashes}, events)
        stored = await read_stored(warehouse, project, row.group_hashes, events)
        answer = issue_answer(row, counts[row.id], fingerprints=row.fingerprints)
        first = None if stored.from_us is None else iso_ms(stored.from_us)
        return replace(answer, stored_event_count=stored.events, stored_from=first)

    return await one(reader_of(request, project), ask)


@get("/issues/{issue_id:str}/timeline", opt={**takes(TimelineQuery), **describes(answer=Timeline)})
async def get_timeline(
    request: Request[Any, Any, Any], project: Project, issue_id: FromPath[str]
) -> Response[bytes]:
    """Answers how often an issue was met over time, by default over 14 days."""
    query = read(values_of(request), TimelineQuery)
    project = on_clock_of(project, query)
    events = events_in(project, query)
    to_us = time.time_ns() // 1000 if events.to_us is None else events.to_us
    from_us = to_us - USUAL_TIMELINE_US if events.from_us is None else events.from_us
    row = await get_issue(request.app.state.database, project.project_id, issue_id)
    wanted = ErrorFilter(from_us=from_us, to_us=to_us)

    async def ask(warehouse: Warehouse) -> Timeline:
        hours = await read_hours(warehouse, project, row.group_hashes, wanted)
        return timeline_of(hours, query.interval, (from_us, to_us), project.time_zone)

    return await one(reader_of(request, project), ask)


@get("/issues/{issue_id:str}/tags", opt={**takes(RangeQuery), **describes(answer=TagList)})
async def get_tags(
    request: Request[Any, Any, Any], project: Project, issue_id: FromPath[str]
) -> Response[bytes]:
    """Answers what the newest events of an issue have in common."""
    events = events_in(project, read(values_of(request), RangeQuery))
    row = await get_issue(request.app.state.database, project.project_id, issue_id)

    async def ask(warehouse: Warehouse) -> TagList:
        tags = [
            TagAnswer(
                tag.key,
                tag.is_tag,
                tag.events,
                tag.values,
                [TagValueAnswer(value, count) for value, count in tag.top],
            )
            for tag in await read_tags(warehouse, project, row.group_hashes, events)
        ]
        return TagList(tags, MOST_LOOKED_AT)

    return await one(reader_of(request, project), ask)


@get(
    "/issues/{issue_id:str}/activity",
    opt={**takes(ActivityQuery), **describes(answer=ActivityList)},
)
async def get_activity(
    request: Request[Any, Any, Any], project: Project, issue_id: FromPath[str]
) -> ActivityList:
    """Answers what happened to an issue, newest first."""
    query = read(values_of(request), ActivityQuery)
    database = request.app.state.database
    row = await get_issue(database, project.project_id, issue_id)
    before = None if query.cursor is None else read_cursor(query.cursor)
    found = await list_activity(
        database, project.project_id, row.id, limit=query.limit, before=before
    )
    is_last = len(found) < query.limit
    following = None if is_last else written(found[-1].at_us, found[-1].id)
    return ActivityList([activity_answer(one) for one in found], following)


@get("/releases", opt=describes(answer=ReleaseList))
async def get_releases(request: Request[Any, Any, Any], project: Project) -> ReleaseList:
    """Answers the newest releases, at most 1,000, that were named by events or made known."""
    rows = await list_releases(request.app.state.database, project.project_id)
    return ReleaseList(
        [
            ReleaseAnswer(
                row.version,
                iso_ms(row.first_seen_us),
                moment(row.last_seen_us),
                moment(row.released_us),
                row.ref,
                row.url,
                row.environment,
            )
            for row in rows
        ]
    )


def events_in(project: ProjectContext, query: RangeQuery) -> ErrorFilter:
    """Returns the events of a range. Raises `InvalidParameters`."""
    project = on_clock_of(project, query)
    first, last = date_range(query.date_from, query.date_to, project.time_zone)
    until = time.time_ns() // 1000 if last is None else last
    if first is not None and first > until:
        raise InvalidParameters("date_from is after date_to")
    if first is not None and until - first > LONGEST_US:
        raise invalid("date_from", f"Expected a range of at most {LONGEST_US // DAY_US} days")
    return ErrorFilter(from_us=first, to_us=last)


async def _search(
    request: Request[Any, Any, Any], project: ProjectContext, query: IssueQuery
) -> IssueSearch:
    me = None
    if "me" in query.query:
        session = await session_from_cookie(request)
        me = None if session is None or session.key_access else session.account.user_id
    issues, events = read_search(query.query, me=me, now_us=time.time_ns() // 1000)
    within = events_in(project, query)
    events = replace(events, from_us=within.from_us, to_us=within.to_us)
    for name in ("environment", "release"):
        if value := getattr(query, name):
            events = replace(events, **{name: value})
    if query.state is not None:
        if query.state not in STATUSES:
            raise invalid("state", f"Expected {one_of(tuple(STATUSES))}")
        chosen = STATUSES[query.state]
        issues = replace(issues, statuses=tuple(s for s in issues.statuses if s in chosen))
    issues = await assignee_of(request.app.state.database, project.project_id, issues)
    return IssueSearch(issues, events)


HANDLERS = (list_all_issues, get_one_issue, get_timeline, get_tags, get_activity, get_releases)
