"""What people have said, to read: `GET feedback`."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from litestar import Request, get
from litestar.response import Response
from msgspec import Meta

from api.dates import date_range
from api.declared import takes
from api.errors.issue_answers import read_cursor, written
from api.parameters import Project, read, values_of
from api.reads import reader_of
from api.rows import one
from api.time_zones import TimeZone, zone_of
from clickhouse.client import Warehouse
from clickhouse.errors.events import plain_id
from clickhouse.errors.feedback import (
    FeedbackFilter,
    FeedbackLine,
    FeedbackPlace,
    fingerprints_of,
    list_feedback,
)
from controlplane.database import Database
from controlplane.errors.listing import issues_of
from schemas.described import describes
from schemas.errors.beside_answers import FeedbackAnswer, FeedbackList
from schemas.projects import ProjectContext
from schemas.times import iso_ms


class FeedbackQuery(TimeZone, frozen=True, kw_only=True):
    """Which feedback; without a range, of all time."""

    date_from: str | None = None
    date_to: str | None = None
    q: Annotated[str, Meta(max_length=200)] | None = None
    environment: str | None = None
    event_id: Annotated[str, Meta(max_length=64)] | None = None
    trace_id: Annotated[str, Meta(max_length=128)] | None = None
    limit: Annotated[int, Meta(ge=1, le=200)] = 50
    cursor: Annotated[str, Meta(max_length=200)] | None = None


@get("/feedback", opt={**takes(FeedbackQuery), **describes(answer=FeedbackList)})
async def get_feedback(request: Request[Any, Any, Any], project: Project) -> Response[bytes]:
    """Answers what people have said, newest first, with the issue that it is about."""
    query = read(values_of(request), FeedbackQuery)
    wanted = _wanted(project, query)
    beyond = None if query.cursor is None else FeedbackPlace(*read_cursor(query.cursor))
    database = request.app.state.database

    async def ask(warehouse: Warehouse) -> FeedbackList:
        lines = await list_feedback(
            warehouse, project, wanted, limit=query.limit + 1, beyond=beyond
        )
        page = lines[: query.limit]
        issues = await issues_about(database, warehouse, project, page)
        last = page[-1] if len(lines) > len(page) else None
        return FeedbackList(
            [_answer(line, issues) for line in page],
            None if last is None else written(last.at_us, last.event_id),
        )

    return await one(reader_of(request, project), ask)


async def issues_about(
    database: Database,
    warehouse: Warehouse,
    project: ProjectContext,
    lines: Sequence[FeedbackLine],
) -> dict[str, str]:
    """Returns the ids of the issues that feedback is about, by the ids of the errors."""
    named = [line.associated_event_id for line in lines if line.associated_event_id]
    fingerprints = await fingerprints_of(warehouse, project, list(dict.fromkeys(named)))
    if not fingerprints:
        return {}
    every = list(dict.fromkeys(fingerprints.values()))
    issues = await issues_of(database, project.project_id, every)
    return {
        event_id: issues[fingerprint].id
        for event_id, fingerprint in fingerprints.items()
        if fingerprint in issues
    }


def _wanted(project: ProjectContext, query: FeedbackQuery) -> FeedbackFilter:
    first, last = date_range(query.date_from, query.date_to, zone_of(query, project.time_zone))
    return FeedbackFilter(
        from_us=first,
        to_us=last,
        text=query.q or None,
        environment=query.environment,
        event_ids=None if query.event_id is None else (plain_id(query.event_id),),
        trace_id=query.trace_id,
    )


def _answer(line: FeedbackLine, issues: Mapping[str, str]) -> FeedbackAnswer:
    return FeedbackAnswer(
        id=line.event_id,
        timestamp=iso_ms(line.at_us),
        message=line.message,
        name=line.name,
        email=line.email,
        url=line.url,
        associated_event_id=line.associated_event_id or None,
        issue_id=issues.get(line.associated_event_id),
        replay_id=line.replay_id or None,
        source=line.source,
        environment=line.environment,
        release=line.release,
        platform=line.platform,
        sdk=line.sdk,
        user=line.user,
        trace_id=line.trace_id or None,
    )


HANDLERS = (get_feedback,)
