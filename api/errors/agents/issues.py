"""`/api/v1/projects/:id/issues`, `/api/v1/issues/:id` and its events, for holders of tokens."""

import time
from collections.abc import Mapping
from typing import Annotated, Any

from litestar import Response, get, patch
from litestar.params import FromPath
from msgspec import Meta, Struct

from api.account_forms import read_form
from api.auth import AnyRequest, services
from api.declared import takes
from api.errors.agents.holders import ReachedIssue, issue_in
from api.errors.issue_answers import moment, read_cursor, written
from api.errors.timelines import timeline_of
from api.holders import project_in
from api.parameters import InvalidParameters, read, values_of
from api.reads import reader_of
from api.rows import one
from clickhouse.client import Warehouse
from clickhouse.errors.event_bodies import read_bodies
from clickhouse.errors.event_filters import EventFilter, Place
from clickhouse.errors.events import EventLine, list_events
from clickhouse.errors.issue_counts import read_counts
from clickhouse.errors.issue_details import read_hours
from controlplane.errors.changes import IssueChange, change_issues
from controlplane.errors.listing import get_issue, list_issues
from controlplane.failures import BadRequest
from schemas.described import describes
from schemas.errors.agent_answers import (
    AgentEvent,
    AgentEvents,
    AgentIssue,
    DayCount,
    IssueLine,
    IssueLines,
)
from schemas.errors.event import LEVELS, event_decoder, frames_of
from schemas.errors.issues import STATUSES, ErrorFilter, IssueFilter, IssueRow, Status
from schemas.issues import one_of
from schemas.projects import ProjectContext
from schemas.times import iso_ms
from schemas.zones import DAY_US

MOST_ISSUES = 100
WEEK_US = 6 * DAY_US
"""Before today: seven days with it."""
NO_BODY = b'{"eventId":"","timestampUs":0}'
STATUS_OF: Mapping[str, Status] = {status: status for status in STATUSES}


class StateQuery(Struct, frozen=True, kw_only=True):
    """Which issues."""

    status: str | None = None
    level: str | None = None


class EventsQuery(Struct, frozen=True, kw_only=True):
    """Which page of events."""

    limit: Annotated[int, Meta(ge=1, le=100)] = 20
    cursor: Annotated[str, Meta(max_length=200)] | None = None


class StatusForm(Struct, frozen=True):
    """The status to give."""

    status: str | None = None


@get(
    "/projects/{project_id:str}/issues",
    opt={**takes(StateQuery), **describes(answer=IssueLines, asks="token")},
)
async def list_reached_issues(request: AnyRequest, project_id: FromPath[str]) -> Response[bytes]:
    """Answer the issues of a project that were seen last, 100 at most, with counts of all time."""
    _, reached = await project_in(request, project_id)
    project = reached.access.project
    wanted = _filter(read(values_of(request), StateQuery))
    database = services(request).database
    rows = await list_issues(database, project.project_id, wanted, limit=MOST_ISSUES)

    async def ask(warehouse: Warehouse) -> IssueLines:
        groups = {row.id: row.group_hashes for row in rows}
        counts = await read_counts(warehouse, project, groups, ErrorFilter())
        return IssueLines([_line(row, counts[row.id].events) for row in rows])

    return await one(reader_of(request, project), ask)


@get("/issues/{issue_id:str}", opt=describes(answer=AgentIssue, asks="token"))
async def show_reached_issue(request: AnyRequest, issue_id: FromPath[str]) -> Response[bytes]:
    """Answer one issue."""
    reached = await issue_in(request, issue_id)
    return await _answer(request, reached.project, reached.row)


@patch(
    "/issues/{issue_id:str}",
    opt=describes(body=StatusForm, example={"status": "resolved"}, answer=AgentIssue, asks="token"),
)
async def change_reached_issue(request: AnyRequest, issue_id: FromPath[str]) -> Response[bytes]:
    """Change the status of an issue: resolve, ignore or open it."""
    holder, project, row = await issue_in(request, issue_id, needs="write")
    bad = f"status: expected {one_of(STATUSES)}"
    status = (await read_form(request, StatusForm, otherwise=bad)).status
    if status is None or status not in STATUS_OF:
        raise BadRequest(bad)
    database, project_id = services(request).database, project.project_id
    change = IssueChange(status=STATUS_OF[status])
    await change_issues(database, project_id, [row.id], change, by=holder.user_id)
    return await _answer(request, project, await get_issue(database, project_id, row.id))


@get(
    "/issues/{issue_id:str}/events",
    opt={**takes(EventsQuery), **describes(answer=AgentEvents, asks="token")},
)
async def list_reached_events(request: AnyRequest, issue_id: FromPath[str]) -> Response[bytes]:
    """Answer events of an issue with their stacks, newest first, and its last seven days."""
    reached = await issue_in(request, issue_id)
    query = read(values_of(request), EventsQuery)
    beyond = None if query.cursor is None else Place(*read_cursor(query.cursor))

    async def ask(warehouse: Warehouse) -> AgentEvents:
        wanted = EventFilter(group_hashes=reached.row.group_hashes)
        project, limit = reached.project, query.limit
        lines = await list_events(warehouse, project, wanted, limit=limit + 1, beyond=beyond)
        page = lines[:limit]
        bodies = await read_bodies(warehouse, project, page)
        events = [_event(reached.row, each, bodies.get(each.event_id, NO_BODY)) for each in page]
        is_last = len(lines) <= limit
        following = None if is_last else written(page[-1].at_us, page[-1].event_id)
        return AgentEvents(events, await _week(warehouse, reached), following)

    return await one(reader_of(request, reached.project), ask)


async def _week(warehouse: Warehouse, reached: ReachedIssue) -> list[DayCount]:
    now_us = time.time_ns() // 1000
    first_us = now_us - now_us % DAY_US - WEEK_US
    within = ErrorFilter(from_us=first_us, to_us=now_us)
    hashes = reached.row.group_hashes
    hours = await read_hours(warehouse, reached.project, hashes, within)
    days = timeline_of(hours, "day", (first_us, now_us), "UTC")
    return [DayCount(day.at, day.events) for day in days.timeline]


async def _answer(request: AnyRequest, project: ProjectContext, row: IssueRow) -> Response[bytes]:
    async def ask(warehouse: Warehouse) -> AgentIssue:
        groups = {row.id: row.group_hashes}
        counts = (await read_counts(warehouse, project, groups, ErrorFilter()))[row.id]
        return AgentIssue(
            id=row.id,
            project_id=row.project_id,
            number=row.number,
            fingerprint=row.fingerprints[0] if row.fingerprints else None,
            title=row.title,
            type=row.type,
            culprit=row.culprit,
            level=row.level,
            platform=row.platform,
            status=row.status,
            first_seen=iso_ms(row.first_seen_us),
            last_seen=iso_ms(row.last_seen_us),
            event_count=counts.events,
            user_count=counts.people,
            first_release=row.first_release or None,
            last_release=row.last_release or None,
            resolved_at=moment(row.resolved_us),
            resolved_by=row.resolved_by,
            regressed_at=moment(row.regressed_us),
            times_regressed=row.times_regressed,
            assignee=row.assignee,
        )

    return await one(reader_of(request, project), ask)


def _filter(query: StateQuery) -> IssueFilter:
    if query.status is not None and query.status not in STATUS_OF:
        raise InvalidParameters("Invalid status filter")
    if query.level is not None and query.level not in LEVELS:
        raise InvalidParameters("Invalid level filter")
    return IssueFilter(
        statuses=STATUSES if query.status is None else (STATUS_OF[query.status],),
        levels=() if query.level is None else (query.level,),
    )


def _line(row: IssueRow, events: int) -> IssueLine:
    return IssueLine(
        row.id,
        row.title,
        row.status,
        row.level,
        events,
        iso_ms(row.last_seen_us),
        iso_ms(row.first_seen_us),
    )


def _event(row: IssueRow, line: EventLine, body: bytes) -> AgentEvent:
    event = event_decoder.decode(body)
    last = event.exceptions[-1].value if event.exceptions else None
    parts: Mapping[str, Any] = {
        "user": event.user,
        "stack": frames_of(event),
        "breadcrumbs": event.breadcrumbs,
    }
    return AgentEvent(
        id=line.event_id,
        issue_id=row.id,
        message=(event.message if last is None else last) or line.title,
        level=line.level,
        timestamp=iso_ms(line.at_us),
        environment=line.environment,
        release=line.release,
        trace_id=line.trace_id,
        tags=event.tags,
        **parts,
    )


HANDLERS = (list_reached_issues, show_reached_issue, change_reached_issue, list_reached_events)
