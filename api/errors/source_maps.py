"""Why the frames of an event are mapped by source maps, or not."""

from collections.abc import Awaitable, Callable
from typing import Any, cast

from litestar import Request, get
from litestar.params import FromPath
from litestar.response import Response

from api.errors.issue_events import MISSING, find_event
from api.parameters import NothingFound, Project
from api.reads import reader_of
from controlplane.errors.listing import get_issue
from schemas.described import describes
from schemas.errors.event import ErrorEvent
from schemas.errors.source_maps import EventMapping, ExplainedFrames
from schemas.projects import ProjectId

EXPLAIN = "explain_source_maps"
"""Under this name the application has what explains them."""
ExplainFrames = Callable[[ProjectId, ErrorEvent, int], Awaitable[ExplainedFrames]]
"""Of an event of a project, and when it came, in microseconds since 1970."""


@get("/issues/{issue_id:str}/events/{event_id:str}/source-maps", opt=describes(answer=EventMapping))
async def explain_source_maps(
    request: Request[Any, Any, Any],
    project: Project,
    issue_id: FromPath[str],
    event_id: FromPath[str],
) -> Response[EventMapping]:
    """Explain why each frame is mapped or what is missing; the newest frames come first."""
    row = await get_issue(request.app.state.database, project.project_id, issue_id)
    async with reader_of(request, project).turn() as store:
        found = await find_event(store, project, row, event_id)
    if found is None:
        raise NothingFound(MISSING)
    explain = cast("ExplainFrames", request.app.state[EXPLAIN])
    told = await explain(project.project_id, found.event, found.line.received_at_us)
    return Response(told.mapping)


HANDLERS = (explain_source_maps,)
