"""The events of one issue: in pages, one with its neighbours, and why it belongs there."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

from litestar import Request, get
from litestar.params import FromPath
from litestar.response import Response
from msgspec import Raw

from api.declared import takes
from api.errors.issue_answers import event_answer, read_cursor, written
from api.errors.issues import Cursor, Limit, RangeQuery, events_in
from api.parameters import Project, read, values_of
from api.reads import reader_of
from api.rows import one
from clickhouse.client import Warehouse
from clickhouse.errors.event_filters import EventFilter, Place
from clickhouse.errors.events import EventLine, Order, StoredEvent, get_event, list_events
from controlplane.errors.listing import get_issue
from schemas.described import describes
from schemas.errors.event import ErrorEvent
from schemas.errors.grouping import Explanation
from schemas.errors.issue_answers import EventDetails, EventList, GroupingAnswer
from schemas.errors.issues import IssueRow
from schemas.projects import ProjectContext, ProjectId

MISSING = "Event not found"
Explain = Callable[[ProjectId, ErrorEvent], Explanation]
"""The state's `explain_grouping`: why an event has its group by what its project has set now."""


class EventQuery(RangeQuery, frozen=True, kw_only=True):
    """Which page of an issue's events."""

    limit: Limit = 50
    cursor: Cursor | None = None


@get("/issues/{issue_id:str}/events", opt={**takes(EventQuery), **describes(answer=EventList)})
async def list_issue_events(
    request: Request[Any, Any, Any], project: Project, issue_id: FromPath[str]
) -> Response[bytes]:
    """Answers the events of an issue, newest first, without their bodies."""
    query = read(values_of(request), EventQuery)
    within = events_in(project, query)
    beyond = None if query.cursor is None else Place(*read_cursor(query.cursor))
    row = await get_issue(request.app.state.database, project.project_id, issue_id)
    wanted = EventFilter(group_hashes=row.group_hashes, from_us=within.from_us, to_us=within.to_us)

    async def ask(warehouse: Warehouse) -> EventList:
        return await read_page(warehouse, project, wanted, limit=query.limit, beyond=beyond)

    return await one(reader_of(request, project), ask)


@get("/issues/{issue_id:str}/events/{event_id:str}", opt=describes(answer=EventDetails))
async def get_issue_event(
    request: Request[Any, Any, Any],
    project: Project,
    issue_id: FromPath[str],
    event_id: FromPath[str],
) -> Response[bytes]:
    """Answers one event of an issue, with those before and after it; `latest` and `oldest` too."""
    row = await get_issue(request.app.state.database, project.project_id, issue_id)

    async def ask(warehouse: Warehouse) -> EventDetails | None:
        found = await find_event(warehouse, project, row, event_id)
        if found is None:
            return None
        before, after = await asyncio.gather(
            neighbour(warehouse, project, row, found.line, "newest"),
            neighbour(warehouse, project, row, found.line, "oldest"),
        )
        return EventDetails(
            event_answer(found.line),
            Raw(found.body),
            found.grouping,
            None if before is None else before.event_id,
            None if after is None else after.event_id,
        )

    return await one(reader_of(request, project), ask, missing=MISSING)


@get("/issues/{issue_id:str}/events/{event_id:str}/grouping", opt=describes(answer=GroupingAnswer))
async def explain_grouping(
    request: Request[Any, Any, Any],
    project: Project,
    issue_id: FromPath[str],
    event_id: FromPath[str],
) -> Response[bytes]:
    """Answers why an event belongs to its issue, part by part, by the settings of today."""
    row = await get_issue(request.app.state.database, project.project_id, issue_id)
    explain = cast("Explain", request.app.state.explain_grouping)

    async def ask(warehouse: Warehouse) -> GroupingAnswer | None:
        found = await find_event(warehouse, project, row, event_id)
        if found is None:
            return None
        told = await asyncio.to_thread(explain, project.project_id, found.event)
        return GroupingAnswer(
            row.id, found.line.event_id, found.grouping, found.line.fingerprint, told
        )

    return await one(reader_of(request, project), ask, missing=MISSING)


async def read_page(
    warehouse: Warehouse,
    project: ProjectContext,
    wanted: EventFilter,
    *,
    limit: int,
    beyond: Place | None,
) -> EventList:
    """Returns a page of events, newest first."""
    lines = await list_events(warehouse, project, wanted, limit=limit + 1, beyond=beyond)
    page = lines[:limit]
    following = written(page[-1].at_us, page[-1].event_id) if len(lines) > limit else None
    return EventList([event_answer(line) for line in page], following)


async def find_event(
    warehouse: Warehouse, project: ProjectContext, row: IssueRow, event_id: str
) -> StoredEvent | None:
    """Returns an event of an issue, by its id or as `latest` or `oldest`; `None` for any other."""
    ends: dict[str, Order] = {"latest": "newest", "oldest": "oldest"}
    if event_id in ends:
        end = await neighbour(warehouse, project, row, None, ends[event_id])
        event_id = "" if end is None else end.event_id
    found = await get_event(warehouse, project, event_id) if event_id else None
    return found if found is not None and found.line.group_hash in row.group_hashes else None


async def neighbour(
    warehouse: Warehouse,
    project: ProjectContext,
    row: IssueRow,
    line: EventLine | None,
    order: Order,
) -> EventLine | None:
    """Returns the next event of an issue in an order, or the first one where `line` is `None`."""
    beyond = None if line is None else line.place
    wanted = EventFilter(group_hashes=row.group_hashes)
    found = await list_events(warehouse, project, wanted, limit=1, order=order, beyond=beyond)
    return found[0] if found else None


HANDLERS = (list_issue_events, get_issue_event, explain_grouping)
