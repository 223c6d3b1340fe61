"""What changed in the time of a page, as thin lines on its charts: deployments that took over."""

from collections.abc import Awaitable, Callable, Sequence
from typing import cast

from api.auth import AnyRequest
from api.pages.parts.charts import Mark
from api.pages.parts.ranges import TimeRange
from schemas.changes import Change
from schemas.projects import ProjectId

ListChanges = Callable[[ProjectId, int, int], Awaitable[Sequence[Change]]]
"""Returns what changed from a moment until before another. In the state: `list_changes`."""


async def changes_in(request: AnyRequest, project_id: ProjectId, shown: TimeRange) -> list[Mark]:
    """Returns the marks of a range: one statement, and none where nothing is known of changes."""
    listed = cast("ListChanges | None", request.app.state.get("list_changes"))
    if listed is None:
        return []
    changes = await listed(project_id, shown.first_us, shown.last_us + 1)
    return [Mark(one.at_us, one.name, one.page) for one in changes]
